//! What a card says, made from what it does.

use crate::content::{
    Aura, Card, Commander, Content, Do, Effect, Filter, GroupIndex, Kind, Select, TargetKind, Trigger,
};
use crate::keyword;

/// The text of a card: keywords, then what it does.
#[must_use]
pub fn card(content: &Content, card: &Card) -> String {
    let mut parts = Vec::new();
    if card.keywords != 0 {
        parts.push(format!("{}.", list(keyword::names(card.keywords).map(capital))));
    }
    if card.kind == Kind::Spell {
        parts.push(group(content, card.spell, card.target, &card.filter));
    }
    if card.kind == Kind::Support {
        parts.extend(aura(&card.aura));
    }
    for &trigger in Trigger::ALL {
        let found = card.groups[trigger as usize];
        if found != 0 {
            parts.push(format!(
                "{}: {}",
                when(trigger),
                group(content, found, TargetKind::None, &Filter::ALL)
            ));
        }
    }
    if card.kind == Kind::Support {
        parts.push(format!("Stays {} turns.", card.durability));
    }
    parts.join(" ")
}

/// The text of a commander.
#[must_use]
pub fn commander(content: &Content, commander: &Commander) -> String {
    match commander.trigger {
        Some(trigger) => {
            let says = group(content, commander.group, TargetKind::None, &Filter::ALL);
            format!("{}: {says}", commanders_when(trigger))
        }
        None => aura(&commander.aura).unwrap_or_default(),
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + letters.as_str())
}

fn list(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(", ")
}

fn aura(aura: &Aura) -> Option<String> {
    if *aura == Aura::default() {
        return None;
    }
    let whose = if aura.if_printed == 0 {
        "Your creatures have".to_owned()
    } else {
        format!("Your creatures with printed {} have", list(keyword::names(aura.if_printed).map(capital)))
    };
    let mut gains = Vec::new();
    if aura.attack != 0 || aura.health != 0 {
        gains.push(format!("+{}/+{}", aura.attack, aura.health));
    }
    if aura.keywords != 0 {
        gains.push(list(keyword::names(aura.keywords).map(capital)));
    }
    Some(format!("{whose} {}.", gains.join(" and ")))
}

const fn when(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Play => "When played",
        Trigger::AllyPlayed => "When you play another creature",
        Trigger::Attack => "When it attacks",
        Trigger::DealDamage => "When it deals damage in a fight",
        Trigger::TakeDamage => "When it takes damage",
        Trigger::Kill => "When it attacks, kills and lives",
        Trigger::Death => "When it dies",
        Trigger::AllyDeath => "When another of your creatures dies",
        Trigger::EnemyDeath => "When an enemy creature dies",
        Trigger::TurnStart => "At the start of your turn",
        Trigger::TurnEnd => "At the end of your turn",
        Trigger::CreaturePlayed => "When you play a creature",
        Trigger::AnyDeath => "When a creature dies",
    }
}

const fn commanders_when(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Attack => "When one of your creatures attacks",
        Trigger::Kill => "When one of your creatures attacks, kills and lives",
        Trigger::AllyDeath => "When one of your creatures dies",
        _ => when(trigger),
    }
}

fn group(content: &Content, group: GroupIndex, kind: TargetKind, filter: &Filter) -> String {
    let (first, then) = content.effects_of(group);
    let target = target(kind, filter);
    let mut named = false;
    let mut words: Vec<String> = first.iter().map(|e| effect(content, e, &target, &mut named)).collect();
    if !then.is_empty() {
        let more: Vec<String> = then.iter().map(|e| effect(content, e, &target, &mut named)).collect();
        words.push(format!("if it has died, {}", more.join(", ")));
    }
    format!("{}.", words.join(", then "))
}

fn target(kind: TargetKind, filter: &Filter) -> String {
    let who = match kind {
        TargetKind::None => "",
        TargetKind::EnemyCreature => "an enemy creature",
        TargetKind::OwnCreature => "one of your creatures",
        TargetKind::AnyCreature => "a creature",
        TargetKind::Enemy => "an enemy creature or the enemy",
        TargetKind::EnemyFace => "the enemy",
        TargetKind::OwnFace => "you",
        TargetKind::Any => "a creature or player",
    };
    format!("{who}{}", such(filter))
}

fn such(filter: &Filter) -> String {
    let mut parts = Vec::new();
    if filter.max_health != i8::MAX {
        parts.push(format!("at most {} health", filter.max_health));
    }
    if filter.min_health != i8::MIN {
        parts.push(format!("at least {} health", filter.min_health));
    }
    if filter.has != 0 {
        parts.push(list(keyword::names(filter.has).map(capital)));
    }
    let with = if parts.is_empty() { String::new() } else { format!(" with {}", parts.join(" and ")) };
    if filter.lacks == 0 {
        return with;
    }
    format!("{with} without {}", list(keyword::names(filter.lacks).map(capital)))
}

fn whom(effect: &Effect, target: &str, named: &mut bool) -> String {
    let such = such(&effect.filter);
    match effect.select {
        Select::Target => {
            let again = std::mem::replace(named, true);
            if again {
                format!("it{such}")
            } else {
                format!("{target}{such}")
            }
        }
        Select::Own => "this creature".into(),
        Select::Subject => format!("that creature{such}"),
        Select::OwnCreatures => format!("each of your creatures{such}"),
        Select::OtherOwnCreatures => format!("each of your other creatures{such}"),
        Select::EnemyCreatures => format!("each enemy creature{such}"),
        Select::AllCreatures => format!("each creature{such}"),
        Select::Neighbours => format!("each of your creatures beside this{such}"),
        Select::Opposite => format!("the creature opposite{such}"),
        Select::WeakestEnemy => format!("the enemy creature of least health{such}"),
        Select::StrongestEnemy => format!("the enemy creature of most attack{such}"),
        Select::OwnFace => "you".into(),
        Select::EnemyFace => "the enemy".into(),
        Select::Nothing => String::new(),
    }
}

fn effect(content: &Content, effect: &Effect, target: &str, named: &mut bool) -> String {
    let who = whom(effect, target, named);
    let card = |place: u8| &content.cards[place as usize];
    match effect.act {
        Do::Damage(n) => format!("{n} damage to {who}"),
        Do::Heal(n) => format!("heal {who} by {n}"),
        Do::Buff(attack, health) => format!("{who} gets {attack:+}/{health:+}"),
        Do::SetStats(attack, health) => format!("{who} becomes {attack}/{health}"),
        Do::Draw(1) => "draw a card".into(),
        Do::Draw(n) => format!("draw {n} cards"),
        Do::Destroy => format!("destroy {who}"),
        Do::Summon(place) => {
            let c = card(place);
            format!("summon {} ({}/{})", c.name, c.attack, c.health)
        }
        Do::Copy => format!("summon a copy of {who}"),
        Do::Transform(place) => {
            let c = card(place);
            format!("{who} becomes {} ({}/{})", c.name, c.attack, c.health)
        }
        Do::Grant(k) => format!("{who} gains {}", list(keyword::names(k).map(capital))),
        Do::Remove(k) => format!("{who} loses {}", list(keyword::names(k).map(capital))),
        Do::Silence => format!("silence {who}"),
        Do::GainEssence(n) => format!("gain {n} essence this turn"),
        Do::Refresh => format!("{who} may attack again this turn"),
        Do::Bounce => format!("{who} goes back to its owner's hand"),
    }
}
