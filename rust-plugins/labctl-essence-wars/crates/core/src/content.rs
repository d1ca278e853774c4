//! Cards, commanders and decks as the engine uses them. [`crate::check`] says whether they are sound.

use crate::keyword::{Keywords, VOLATILE};

/// A card by its place in [`Content::cards`].
pub type CardIndex = u8;

/// Cards in a deck.
pub const DECK: usize = 30;

/// What a card is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It fights.
    Creature,
    /// It does something once.
    Spell,
    /// It stays for some turns.
    Support,
}

/// The four origins of cards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Faction {
    /// Metal and order.
    Argentum,
    /// Growth and swarm.
    Symbiote,
    /// Shadow.
    Obsidion,
    /// Everybody's.
    Neutral,
}

impl Faction {
    /// The three that have decks.
    pub const FIGHTING: [Self; 3] = [Self::Argentum, Self::Symbiote, Self::Obsidion];

    /// Its name, as files and options write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Argentum => "argentum",
            Self::Symbiote => "symbiote",
            Self::Obsidion => "obsidion",
            Self::Neutral => "neutral",
        }
    }

    /// The faction of a name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        [Self::Argentum, Self::Symbiote, Self::Obsidion, Self::Neutral].into_iter().find(|f| f.name() == name)
    }
}

macro_rules! named {
    ($(#[$doc:meta])* $type:ident { $($variant:ident $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub enum $type { $($variant,)* }
        impl $type {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
            /// Its name in content files.
            #[must_use]
            pub const fn name(self) -> &'static str { match self { $(Self::$variant => $name,)* } }
            /// The one of a name.
            #[must_use]
            pub fn by_name(name: &str) -> Option<Self> { Self::ALL.iter().copied().find(|x| x.name() == name) }
        }
    };
}

named! {
    /// When a group is queued.
    Trigger {
        Play "play", AllyPlayed "ally_played", Attack "attack", DealDamage "deal_damage",
        TakeDamage "take_damage", Kill "kill", Death "death", AllyDeath "ally_death",
        EnemyDeath "enemy_death", TurnStart "turn_start", TurnEnd "turn_end",
        CreaturePlayed "creature_played", AnyDeath "any_death",
    }
}

/// How many triggers there are.
pub const TRIGGERS: usize = Trigger::ALL.len();

named! {
    /// What an effect is done to.
    Select {
        Target "target", Own "self", Subject "subject", OwnCreatures "own_creatures",
        OtherOwnCreatures "other_own_creatures", EnemyCreatures "enemy_creatures",
        AllCreatures "all_creatures", Neighbours "neighbours", Opposite "opposite",
        WeakestEnemy "weakest_enemy", StrongestEnemy "strongest_enemy", OwnFace "own_face",
        EnemyFace "enemy_face", Nothing "nothing",
    }
}

named! {
    /// What a spell is played at.
    TargetKind {
        None "none", EnemyCreature "enemy_creature", OwnCreature "own_creature",
        AnyCreature "any_creature", Enemy "enemy", EnemyFace "enemy_face", OwnFace "own_face",
        Any "any",
    }
}

impl TargetKind {
    /// Whether enemy creatures, own creatures, the enemy's face, own face may be chosen.
    #[must_use]
    pub const fn takes(self) -> (bool, bool, bool, bool) {
        match self {
            Self::None => (false, false, false, false),
            Self::EnemyCreature => (true, false, false, false),
            Self::OwnCreature => (false, true, false, false),
            Self::AnyCreature => (true, true, false, false),
            Self::Enemy => (true, false, true, false),
            Self::EnemyFace => (false, false, true, false),
            Self::OwnFace => (false, false, false, true),
            Self::Any => (true, true, true, true),
        }
    }
}

/// Which creatures are meant: health from `min_health` to `max_health`, all of `has`, none of `lacks`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Least health.
    pub min_health: i8,
    /// Most health.
    pub max_health: i8,
    /// Keywords that it must have.
    pub has: Keywords,
    /// Keywords that it must not have.
    pub lacks: Keywords,
}

impl Filter {
    /// Every creature.
    pub const ALL: Self = Self { min_health: i8::MIN, max_health: i8::MAX, has: 0, lacks: 0 };

    /// Whether a creature of that health and those keywords is meant.
    #[inline]
    #[must_use]
    pub const fn matches(&self, health: i8, keywords: Keywords) -> bool {
        health >= self.min_health
            && health <= self.max_health
            && keywords & self.has == self.has
            && keywords & self.lacks == 0
    }
}

/// What an effect does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Do {
    /// Damage to creatures or a face.
    Damage(i8),
    /// Heals creatures or a face.
    Heal(i8),
    /// Adds to attack, and to health and its maximum.
    Buff(i8, i8),
    /// Attack and health as if they were printed so.
    SetStats(i8, i8),
    /// Cards for the owner.
    Draw(u8),
    /// Health becomes 0.
    Destroy,
    /// A creature enters.
    Summon(CardIndex),
    /// Another of the same enters.
    Copy,
    /// Becomes another card.
    Transform(CardIndex),
    /// Gains a keyword.
    Grant(Keywords),
    /// Loses a keyword.
    Remove(Keywords),
    /// Loses keywords and triggers.
    Silence,
    /// Essence for this turn.
    GainEssence(u8),
    /// May attack once more.
    Refresh,
    /// Back to the hand.
    Bounce,
}

/// One effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effect {
    /// What is done.
    pub act: Do,
    /// To whom.
    pub select: Select,
    /// To which of them.
    pub filter: Filter,
}

/// Effects by their places in [`Content::effects`]: first `start..then`, then `then..end` if the target has died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// The first effect.
    pub start: u16,
    /// The first effect that is for a dead target only.
    pub then: u16,
    /// One behind the last.
    pub end: u16,
}

/// A group by its place in [`Content::groups`]; 0 is none.
pub type GroupIndex = u16;

/// No group.
pub const NO_GROUP: GroupIndex = 0;
/// What Volatile does.
pub const VOLATILE_GROUP: GroupIndex = 1;

/// Attack, health and keywords for all creatures of a player, or for those whose card has a keyword printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Aura {
    /// Added to attack.
    pub attack: i8,
    /// Added to health and its maximum.
    pub health: i8,
    /// Given while it lasts.
    pub keywords: Keywords,
    /// Only cards that have all of these printed.
    pub if_printed: Keywords,
}

impl Aura {
    /// Whether it is on creatures of a card with these printed keywords.
    #[inline]
    #[must_use]
    pub const fn is_on(&self, printed: Keywords) -> bool {
        printed & self.if_printed == self.if_printed
    }
}

/// A card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// Its number in files and records.
    pub id: u16,
    /// What it costs.
    pub cost: u8,
    /// What it is.
    pub kind: Kind,
    /// Attack of a creature.
    pub attack: i8,
    /// Health of a creature.
    pub health: i8,
    /// Printed keywords of a creature.
    pub keywords: Keywords,
    /// Turns that a support stays.
    pub durability: u8,
    /// What a spell is played at.
    pub target: TargetKind,
    /// Which creatures it may be played at.
    pub filter: Filter,
    /// The group of a spell.
    pub spell: GroupIndex,
    /// Groups by trigger.
    pub groups: [GroupIndex; TRIGGERS],
    /// The triggers that have a group, as bits.
    pub triggers: u16,
    /// The aura of a support.
    pub aura: Aura,
    /// Whether it is only summoned.
    pub token: bool,
    /// Where it comes from.
    pub faction: Faction,
    /// Its name.
    pub name: String,
}

/// A commander: an aura or a trigger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commander {
    /// Its number in files.
    pub id: u16,
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub faction: Faction,
    /// What it gives to creatures.
    pub aura: Aura,
    /// When it does something.
    pub trigger: Option<Trigger>,
    /// What it does then.
    pub group: GroupIndex,
}

/// A deck.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deck {
    /// Its name in files and options.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Whose it is.
    pub faction: Faction,
    /// Its commander, by the place in [`Content::commanders`].
    pub commander: u8,
    /// Its cards, by their places in [`Content::cards`].
    pub cards: [CardIndex; DECK],
}

/// All that games are played with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Cards; at most 250.
    pub cards: Vec<Card>,
    /// Commanders.
    pub commanders: Vec<Commander>,
    /// Decks, by their id.
    pub decks: Vec<Deck>,
    /// Groups; 0 is empty and 1 is Volatile.
    pub groups: Vec<Group>,
    /// Effects of all groups.
    pub effects: Vec<Effect>,
}

impl Default for Content {
    fn default() -> Self {
        let mut content = Self {
            cards: Vec::new(),
            commanders: Vec::new(),
            decks: Vec::new(),
            groups: vec![Group { start: 0, then: 0, end: 0 }],
            effects: Vec::new(),
        };
        let volatile = Effect { act: Do::Damage(2), select: Select::EnemyCreatures, filter: Filter::ALL };
        content.add_group(&[volatile], &[]);
        content
    }
}

impl Content {
    /// Add a group; 0 for an empty one.
    pub fn add_group(&mut self, effects: &[Effect], then_if_dead: &[Effect]) -> GroupIndex {
        if effects.is_empty() && then_if_dead.is_empty() {
            return NO_GROUP;
        }
        let start = self.effects.len() as u16;
        self.effects.extend_from_slice(effects);
        let then = self.effects.len() as u16;
        self.effects.extend_from_slice(then_if_dead);
        self.groups.push(Group { start, then, end: self.effects.len() as u16 });
        (self.groups.len() - 1) as GroupIndex
    }

    /// The effects of a group, and those for a dead target.
    #[must_use]
    pub fn effects_of(&self, group: GroupIndex) -> (&[Effect], &[Effect]) {
        let g = self.groups[group as usize];
        (&self.effects[g.start as usize..g.then as usize], &self.effects[g.then as usize..g.end as usize])
    }

    /// The triggers of all cards that effects make, as bits.
    #[must_use]
    pub fn made_by_effects(&self) -> u16 {
        self.effects.iter().fold(0, |all, effect| match effect.act {
            Do::Summon(card) | Do::Transform(card) => all | self.cards[card as usize].triggers,
            _ => all,
        })
    }

    /// The place of a card's id.
    #[must_use]
    pub fn card(&self, id: u16) -> Option<CardIndex> {
        self.cards.iter().position(|card| card.id == id).map(|place| place as CardIndex)
    }

    /// The place of a deck's id.
    #[must_use]
    pub fn deck(&self, id: &str) -> Option<usize> {
        self.decks.iter().position(|deck| deck.id == id)
    }

    /// The decks of a faction, by their ids.
    #[must_use]
    pub fn decks_of(&self, faction: Faction) -> Vec<usize> {
        (0..self.decks.len()).filter(|&i| self.decks[i].faction == faction).collect()
    }

    /// Whether a card does something when it, or somebody else, dies.
    #[must_use]
    pub fn minds_deaths(&self, card: CardIndex) -> bool {
        let card = &self.cards[card as usize];
        let deaths = [Trigger::Death, Trigger::AllyDeath, Trigger::EnemyDeath, Trigger::AnyDeath];
        card.keywords & VOLATILE != 0 || deaths.iter().any(|&t| card.triggers & (1 << t as u16) != 0)
    }
}
