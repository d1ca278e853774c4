//! What sound content has to keep, beyond what its types say, so that no action goes on for ever.

use crate::content::{Content, Do, Effect, GroupIndex, Kind, Select, TargetKind, Trigger};
use crate::keyword::{SHIELD, STEALTH, WARD};

/// Whose group it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A creature's trigger.
    Creature(Trigger),
    /// A support's trigger.
    Support(Trigger),
    /// A commander's trigger.
    Commander(Trigger),
    /// A spell, and what it is played at.
    Spell(TargetKind),
}

/// What is wrong with a group; the first thing, if anything is.
#[must_use]
pub fn group(content: &Content, group: GroupIndex, owner: Owner) -> Option<String> {
    let (first, then) = content.effects_of(group);
    if !then.is_empty() {
        let Owner::Spell(kind) = owner else { return Some("then_if_dead is for spells".into()) };
        if matches!(kind.takes(), (false, false, _, _)) {
            return Some("then_if_dead needs a creature as target".into());
        }
    }
    first.iter().chain(then).find_map(|effect| one(content, effect, owner))
}

fn one(content: &Content, effect: &Effect, owner: Owner) -> Option<String> {
    let select = effect.select;
    let says = |text: &str| Some(format!("{}: {text}", select.name()));
    let slotless = matches!(owner, Owner::Support(_) | Owner::Commander(_) | Owner::Spell(_));
    let trigger = match owner {
        Owner::Creature(t) | Owner::Support(t) | Owner::Commander(t) => Some(t),
        Owner::Spell(_) => None,
    };
    match select {
        Select::Target if !matches!(owner, Owner::Spell(kind) if kind != TargetKind::None) => {
            return says("only a spell with a target has one");
        }
        Select::Own | Select::Neighbours | Select::Opposite if slotless => {
            return says("only a creature has a slot");
        }
        Select::Subject if !has_subject(owner) => return says("this trigger has none"),
        Select::Nothing if needs_select(effect.act) => return Some("select is missing".into()),
        Select::OwnFace | Select::EnemyFace if !matches!(effect.act, Do::Damage(_) | Do::Heal(_)) => {
            return says("a face can be damaged and healed, and nothing else");
        }
        Select::Target if !matches!(effect.act, Do::Damage(_) | Do::Heal(_)) => {
            if let Owner::Spell(kind) = owner {
                let (_, _, theirs, ours) = kind.takes();
                if theirs || ours {
                    return says(
                        "the target may be a face, which can be damaged and healed, and nothing else",
                    );
                }
            }
        }
        _ => {}
    }
    if let Do::Summon(card) | Do::Transform(card) = effect.act {
        if content.cards[card as usize].kind != Kind::Creature {
            return Some(format!("card {} is no creature", content.cards[card as usize].id));
        }
    }
    let trigger = trigger?;
    let deaths = [Trigger::AllyDeath, Trigger::EnemyDeath, Trigger::AnyDeath];
    if (trigger == Trigger::TakeDamage || deaths.contains(&trigger)) && harms(effect) {
        return Some(format!(
            "a group of {} must not harm creatures: it could go on for ever",
            trigger.name()
        ));
    }
    if trigger == Trigger::Death || deaths.contains(&trigger) {
        match effect.act {
            Do::Copy | Do::Transform(_) => {
                return Some(format!("a group of {} must not copy or transform", trigger.name()));
            }
            Do::Summon(card) if content.minds_deaths(card) => {
                let id = content.cards[card as usize].id;
                return Some(format!(
                    "a group of {} must not summon {id}, which does something at deaths: it could go on for ever",
                    trigger.name()
                ));
            }
            _ => {}
        }
    }
    None
}

const fn has_subject(owner: Owner) -> bool {
    match owner {
        Owner::Creature(trigger) => matches!(
            trigger,
            Trigger::AllyPlayed | Trigger::Attack | Trigger::DealDamage | Trigger::TakeDamage
        ),
        Owner::Commander(trigger) => {
            matches!(trigger, Trigger::CreaturePlayed | Trigger::Attack | Trigger::Kill)
        }
        Owner::Support(_) | Owner::Spell(_) => false,
    }
}

/// Whether an effect is done to somebody.
#[must_use]
pub const fn needs_select(act: Do) -> bool {
    !matches!(act, Do::Draw(_) | Do::GainEssence(_) | Do::Summon(_))
}

/// Whether an effect may make creatures die.
const fn harms(effect: &Effect) -> bool {
    if matches!(effect.select, Select::OwnFace | Select::EnemyFace) {
        return false;
    }
    match effect.act {
        Do::Damage(_) | Do::Destroy => true,
        Do::Buff(_, health) => health < 0,
        _ => false,
    }
}

/// The triggers that a creature, a support, a commander may have.
#[must_use]
pub fn may_have(owner: Owner) -> bool {
    match owner {
        Owner::Creature(trigger) => !matches!(trigger, Trigger::CreaturePlayed | Trigger::AnyDeath),
        Owner::Support(trigger) => {
            matches!(trigger, Trigger::Play | Trigger::TurnStart | Trigger::TurnEnd)
        }
        Owner::Commander(trigger) => matches!(
            trigger,
            Trigger::TurnStart
                | Trigger::TurnEnd
                | Trigger::CreaturePlayed
                | Trigger::Attack
                | Trigger::Kill
                | Trigger::AllyDeath
                | Trigger::EnemyDeath
                | Trigger::AnyDeath
        ),
        Owner::Spell(_) => true,
    }
}

/// Keywords that no aura may give: they are used up, and an aura would give them again.
pub const NOT_FROM_AURAS: u16 = SHIELD | WARD | STEALTH;
