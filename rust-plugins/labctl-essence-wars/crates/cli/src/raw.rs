//! Content files as they are written. [`crate::load`] checks them and makes what the engine uses.

use serde::Deserialize;
use toml::Spanned;

/// A whole number with its place.
pub type Number = Spanned<i64>;
/// A word with its place.
pub type Word = Spanned<String>;

/// A file of cards.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cards {
    pub(crate) faction: Word,
    pub(crate) cards: Vec<Spanned<Card>>,
}

/// A card.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    pub(crate) id: Number,
    pub(crate) name: Word,
    pub(crate) cost: Option<Number>,
    #[serde(rename = "type")]
    pub(crate) kind: Word,
    pub(crate) attack: Option<Number>,
    pub(crate) health: Option<Number>,
    #[serde(default)]
    pub(crate) keywords: Vec<Word>,
    #[serde(default)]
    pub(crate) token: bool,
    #[serde(default)]
    pub(crate) triggers: Vec<Spanned<Trigger>>,
    pub(crate) target: Option<Word>,
    pub(crate) filter: Option<Spanned<Filter>>,
    pub(crate) effects: Option<Spanned<Vec<Spanned<Effect>>>>,
    pub(crate) then_if_dead: Option<Spanned<Vec<Spanned<Effect>>>>,
    pub(crate) durability: Option<Number>,
    pub(crate) aura: Option<Spanned<Aura>>,
}

/// What happens when.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trigger {
    pub(crate) on: Word,
    pub(crate) effects: Vec<Spanned<Effect>>,
}

/// An effect.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effect {
    #[serde(rename = "do")]
    pub(crate) act: Word,
    pub(crate) select: Option<Word>,
    pub(crate) amount: Option<Number>,
    pub(crate) attack: Option<Number>,
    pub(crate) health: Option<Number>,
    pub(crate) card: Option<Number>,
    pub(crate) keyword: Option<Word>,
    pub(crate) filter: Option<Spanned<Filter>>,
}

/// Which creatures are meant.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    pub(crate) max_health: Option<Number>,
    pub(crate) min_health: Option<Number>,
    pub(crate) has: Option<Word>,
    pub(crate) lacks: Option<Word>,
}

/// What creatures are given while something lasts.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aura {
    pub(crate) attack: Option<Number>,
    pub(crate) health: Option<Number>,
    pub(crate) keyword: Option<Word>,
    pub(crate) if_printed: Option<Word>,
}

/// The file of commanders.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commanders {
    pub(crate) commanders: Vec<Spanned<Commander>>,
}

/// A commander.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commander {
    pub(crate) id: Number,
    pub(crate) name: Word,
    pub(crate) faction: Word,
    pub(crate) aura: Option<Spanned<Aura>>,
    pub(crate) trigger: Option<Spanned<Trigger>>,
}

/// A deck.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deck {
    pub(crate) id: Word,
    pub(crate) name: Word,
    pub(crate) faction: Word,
    pub(crate) commander: Number,
    pub(crate) cards: Spanned<Vec<Number>>,
}
