//! Content out of TOML files: everything is checked, and what is wrong is said with file, line and field.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::Path;

use essence_wars_core::check::{self, Owner};
use essence_wars_core::content::{
    Aura, Card, Commander, Content, Deck, Do, Effect, Faction, Filter, GroupIndex, Kind, Select, TargetKind,
    Trigger, DECK, NO_GROUP, TRIGGERS,
};
use essence_wars_core::keyword;
use serde::de::DeserializeOwned;
use toml::Spanned;

use crate::error::{Source, Wrong};
use crate::raw;

include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// Cards of one file, at most; of all, 250.
const MOST_CARDS: usize = 250;
/// Bytes of a content file, at most.
const LARGEST: u64 = 1 << 20;
/// Cards of its own faction in a deck.
const OF_FACTION: usize = 21;

/// The content that is compiled in.
///
/// # Errors
/// If it is not sound, which a test excludes.
pub fn built_in() -> Result<Content, Wrong> {
    from_texts(FILES)
}

/// The content of a folder laid out as `data/`: `cards/*.toml`, `commanders.toml`, `decks/*.toml`.
///
/// # Errors
/// The first mistake.
pub fn from_folder(folder: &Path) -> Result<Content, Wrong> {
    let mut files = Vec::new();
    for part in ["cards", "decks"] {
        let inside = folder.join(part);
        let entries = fs::read_dir(&inside).map_err(|e| unreadable(&inside, &e))?;
        let mut names = Vec::new();
        for entry in entries {
            let path = entry.map_err(|e| unreadable(&inside, &e))?.path();
            if path.extension().is_some_and(|end| end == "toml") {
                names.push(path);
            }
        }
        names.sort();
        files.extend(names);
    }
    files.push(folder.join("commanders.toml"));
    let mut texts = Vec::new();
    for path in files {
        let size = fs::metadata(&path).map_err(|e| unreadable(&path, &e))?.len();
        if size > LARGEST {
            return Err(Wrong::new(path.display().to_string(), format!("is too large: {size} bytes")));
        }
        let text = fs::read_to_string(&path).map_err(|e| unreadable(&path, &e))?;
        let name = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
        texts.push((name, text));
    }
    let borrowed: Vec<(&str, &str)> =
        texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    from_texts(&borrowed)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Wrong {
    Wrong::new(path.display().to_string(), format!("cannot be read: {error}"))
}

/// Content out of texts by their names below `data/`.
///
/// # Errors
/// The first mistake.
pub fn from_texts(files: &[(&str, &str)]) -> Result<Content, Wrong> {
    let mut maker = Maker { content: Content::default(), places: BTreeMap::new(), groups: Vec::new() };
    let sources: Vec<Source<'_>> = files.iter().map(|&(name, text)| Source { name, text }).collect();
    let mut cards = Vec::new();
    for source in sources.iter().filter(|source| source.name.starts_with("cards/")) {
        let file: raw::Cards = parse(source)?;
        cards.extend(maker.announce(source, file)?);
    }
    // All cards have a place now, so that one may name another of a later file.
    for (source, faction, span, card) in cards {
        let made = maker.card(source, faction, &span, &card)?;
        maker.content.cards.push(made);
    }
    for source in sources.iter().filter(|source| source.name == "commanders.toml") {
        let file: raw::Commanders = parse(source)?;
        for commander in file.commanders {
            let span = commander.span();
            maker.commander(source, &span, commander.get_ref())?;
        }
    }
    for source in sources.iter().filter(|source| source.name.starts_with("decks/")) {
        let file: raw::Deck = parse(source)?;
        maker.deck(source, &file)?;
    }
    // What a group summons may come later in the files: so they are looked at once all are there.
    for (place, group, owner) in maker.groups {
        if let Some(what) = check::group(&maker.content, group, owner) {
            return Err(Wrong { what, ..place });
        }
    }
    maker.content.decks.sort_by(|a, b| a.id.cmp(&b.id));
    if maker.content.cards.is_empty() || maker.content.decks.is_empty() {
        return Err(Wrong::new("content", "there are no cards, or no decks"));
    }
    Ok(maker.content)
}

fn parse<T: DeserializeOwned>(source: &Source<'_>) -> Result<T, Wrong> {
    toml::from_str(source.text).map_err(|error| source.unreadable(&error))
}

type Announced<'s, 't> = (&'s Source<'t>, Faction, Range<usize>, raw::Card);

struct Maker {
    content: Content,
    /// Places of cards by their ids.
    places: BTreeMap<u16, u8>,
    /// Groups that are to be checked, and where they stand.
    groups: Vec<(Wrong, GroupIndex, Owner)>,
}

impl Maker {
    fn announce<'s, 't>(
        &mut self,
        source: &'s Source<'t>,
        file: raw::Cards,
    ) -> Result<Vec<Announced<'s, 't>>, Wrong> {
        let faction = faction(source, &file.faction)?;
        let first = match faction {
            Faction::Argentum => 1001,
            Faction::Symbiote => 2001,
            Faction::Obsidion => 3001,
            Faction::Neutral => 4001,
        };
        let mut found = Vec::new();
        for card in file.cards {
            let span = card.span();
            let card = card.into_inner();
            let id = number(source, "id", &card.id, first, first + 998)? as u16;
            let place = self.places.len();
            if place >= MOST_CARDS {
                return Err(source.wrong(span, "cards", format!("there are more than {MOST_CARDS} cards")));
            }
            if self.places.insert(id, place as u8).is_some() {
                return Err(source.wrong(card.id.span(), "id", format!("{id} is taken")));
            }
            found.push((source, faction, span, card));
        }
        Ok(found)
    }

    fn card(
        &mut self,
        source: &Source<'_>,
        faction: Faction,
        span: &Range<usize>,
        raw: &raw::Card,
    ) -> Result<Card, Wrong> {
        let kind = match raw.kind.get_ref().as_str() {
            "creature" => Kind::Creature,
            "spell" => Kind::Spell,
            "support" => Kind::Support,
            other => {
                let what = format!("{other:?} is neither creature, spell nor support");
                return Err(source.wrong(raw.kind.span(), "type", what));
            }
        };
        only_its_own(source, kind, raw)?;
        let needed = |field: &str, value: &Option<raw::Number>, low, high| match value {
            Some(value) => number(source, field, value, low, high),
            None => Err(source.wrong(span.clone(), field, "is missing")),
        };
        let creature = kind == Kind::Creature;
        let mut made = Card {
            id: *raw.id.get_ref() as u16,
            cost: if raw.token && raw.cost.is_none() { 0 } else { needed("cost", &raw.cost, 0, 10)? as u8 },
            kind,
            attack: if creature { needed("attack", &raw.attack, 0, 12)? as i8 } else { 0 },
            health: if creature { needed("health", &raw.health, 1, 12)? as i8 } else { 0 },
            keywords: keywords(source, &raw.keywords)?,
            durability: if kind == Kind::Support {
                needed("durability", &raw.durability, 1, 9)? as u8
            } else {
                0
            },
            target: TargetKind::None,
            filter: filter(source, raw.filter.as_ref())?,
            spell: NO_GROUP,
            groups: [NO_GROUP; TRIGGERS],
            triggers: 0,
            aura: aura(source, raw.aura.as_ref(), false)?,
            token: raw.token,
            faction,
            name: text(source, "name", &raw.name)?,
        };
        if kind == Kind::Spell {
            self.spell(source, span, raw, &mut made)?;
        }
        for trigger in &raw.triggers {
            self.trigger(source, trigger, creature, &mut made)?;
        }
        Ok(made)
    }

    fn spell(
        &mut self,
        source: &Source<'_>,
        span: &Range<usize>,
        raw: &raw::Card,
        made: &mut Card,
    ) -> Result<(), Wrong> {
        if let Some(target) = &raw.target {
            made.target = known(source, "target", target, TargetKind::by_name)?;
        }
        if let (Some(filter), (false, false, _, _)) = (&raw.filter, made.target.takes()) {
            return Err(source.wrong(filter.span(), "filter", "the target cannot be a creature"));
        }
        let effects = raw.effects.as_ref().filter(|effects| !effects.get_ref().is_empty());
        let Some(effects) = effects else {
            return Err(source.wrong(span.clone(), "effects", "a spell without any does nothing"));
        };
        let none = Vec::new();
        let then = raw.then_if_dead.as_ref().map_or(&none, |then| then.get_ref());
        let owner = Owner::Spell(made.target);
        made.spell = self.group(source, effects.span(), effects.get_ref(), then, owner)?;
        Ok(())
    }

    fn trigger(
        &mut self,
        source: &Source<'_>,
        raw: &Spanned<raw::Trigger>,
        creature: bool,
        made: &mut Card,
    ) -> Result<(), Wrong> {
        let on = &raw.get_ref().on;
        let trigger = known(source, "on", on, Trigger::by_name)?;
        let owner = if creature { Owner::Creature(trigger) } else { Owner::Support(trigger) };
        if !check::may_have(owner) {
            let who = if creature { "a creature" } else { "a support" };
            return Err(source.wrong(on.span(), "on", format!("{who} has no trigger {}", trigger.name())));
        }
        if made.triggers & (1 << trigger as u16) != 0 {
            let what = format!("there are two for {}; put their effects together", trigger.name());
            return Err(source.wrong(on.span(), "on", what));
        }
        let group = self.group(source, raw.span(), &raw.get_ref().effects, &[], owner)?;
        made.groups[trigger as usize] = group;
        made.triggers |= 1 << trigger as u16;
        Ok(())
    }

    fn group(
        &mut self,
        source: &Source<'_>,
        span: Range<usize>,
        first: &[Spanned<raw::Effect>],
        then: &[Spanned<raw::Effect>],
        owner: Owner,
    ) -> Result<GroupIndex, Wrong> {
        if first.is_empty() {
            return Err(source.wrong(span, "effects", "there is none"));
        }
        let made = |effects: &[Spanned<raw::Effect>]| -> Result<Vec<Effect>, Wrong> {
            effects.iter().map(|effect| self.effect(source, &effect.span(), effect.get_ref())).collect()
        };
        let (first, then) = (made(first)?, made(then)?);
        let group = self.content.add_group(&first, &then);
        self.groups.push((source.wrong(span, "effects", ""), group, owner));
        Ok(group)
    }

    fn effect(&self, source: &Source<'_>, span: &Range<usize>, raw: &raw::Effect) -> Result<Effect, Wrong> {
        let needed = |field: &str, value: &Option<raw::Number>, low, high| match value {
            Some(value) => number(source, field, value, low, high),
            None => Err(source.wrong(span.clone(), field, "is missing")),
        };
        let amount = |low, high| needed("amount", &raw.amount, low, high);
        let stats = |low, high| -> Result<(i8, i8), Wrong> {
            Ok((
                needed("attack", &raw.attack, low, high)? as i8,
                needed("health", &raw.health, low, high)? as i8,
            ))
        };
        let word = || match &raw.keyword {
            Some(word) => known(source, "keyword", word, keyword::by_name),
            None => Err(source.wrong(span.clone(), "keyword", "is missing")),
        };
        let card = || -> Result<u8, Wrong> {
            let id = needed("card", &raw.card, 1001, 4999)? as u16;
            self.places.get(&id).copied().ok_or_else(|| {
                let span = raw.card.as_ref().map_or_else(|| span.clone(), Spanned::span);
                source.wrong(span, "card", format!("there is no card {id}"))
            })
        };
        let act = match raw.act.get_ref().as_str() {
            "damage" => Do::Damage(amount(1, 40)? as i8),
            "heal" => Do::Heal(amount(1, 40)? as i8),
            "buff" => {
                let (attack, health) = stats(-10, 10)?;
                Do::Buff(attack, health)
            }
            "set_stats" => {
                let (attack, health) = stats(0, 12)?;
                if health < 1 {
                    return Err(source.wrong(span.clone(), "health", "has to be at least 1"));
                }
                Do::SetStats(attack, health)
            }
            "draw" => Do::Draw(amount(1, 30)? as u8),
            "destroy" => Do::Destroy,
            "summon" => Do::Summon(card()?),
            "copy" => Do::Copy,
            "transform" => Do::Transform(card()?),
            "grant" => Do::Grant(word()?),
            "remove" => Do::Remove(word()?),
            "silence" => Do::Silence,
            "gain_essence" => Do::GainEssence(amount(1, 30)? as u8),
            "refresh" => Do::Refresh,
            "bounce" => Do::Bounce,
            other => return Err(source.wrong(raw.act.span(), "do", format!("there is no effect {other:?}"))),
        };
        let select = match &raw.select {
            Some(word) => known(source, "select", word, Select::by_name)?,
            None => Select::Nothing,
        };
        if !check::needs_select(act) && select != Select::Nothing {
            return Err(source.wrong(span.clone(), "select", "this effect is done to nobody"));
        }
        nothing_else(source, span, act, raw)?;
        Ok(Effect { act, select, filter: filter(source, raw.filter.as_ref())? })
    }

    fn commander(
        &mut self,
        source: &Source<'_>,
        span: &Range<usize>,
        raw: &raw::Commander,
    ) -> Result<(), Wrong> {
        let id = number(source, "id", &raw.id, 5001, 5999)? as u16;
        if self.content.commanders.iter().any(|known| known.id == id) {
            return Err(source.wrong(raw.id.span(), "id", format!("{id} is taken")));
        }
        let mut made = Commander {
            id,
            name: text(source, "name", &raw.name)?,
            faction: faction(source, &raw.faction)?,
            aura: aura(source, raw.aura.as_ref(), true)?,
            trigger: None,
            group: NO_GROUP,
        };
        if raw.aura.is_some() == raw.trigger.is_some() {
            return Err(source.wrong(span.clone(), "trigger", "it needs either an aura or a trigger"));
        }
        if let Some(raw) = &raw.trigger {
            let on = &raw.get_ref().on;
            let trigger = known(source, "on", on, Trigger::by_name)?;
            let owner = Owner::Commander(trigger);
            if !check::may_have(owner) {
                let what = format!("a commander has no trigger {}", trigger.name());
                return Err(source.wrong(on.span(), "on", what));
            }
            made.trigger = Some(trigger);
            made.group = self.group(source, raw.span(), &raw.get_ref().effects, &[], owner)?;
        }
        self.content.commanders.push(made);
        Ok(())
    }

    fn deck(&mut self, source: &Source<'_>, raw: &raw::Deck) -> Result<(), Wrong> {
        let id = raw.id.get_ref();
        let file = source.name.trim_start_matches("decks/").trim_end_matches(".toml");
        if id != file {
            return Err(source.wrong(raw.id.span(), "id", format!("has to be the file's name, {file:?}")));
        }
        let faction = faction(source, &raw.faction)?;
        if faction == Faction::Neutral {
            return Err(source.wrong(raw.faction.span(), "faction", "a deck needs a faction of its own"));
        }
        let wanted = *raw.commander.get_ref();
        let known = self.content.commanders.iter().position(|c| i64::from(c.id) == wanted);
        let Some(commander) = known else {
            return Err(source.wrong(
                raw.commander.span(),
                "commander",
                format!("there is no commander {wanted}"),
            ));
        };
        if self.content.commanders[commander].faction != faction {
            return Err(source.wrong(raw.commander.span(), "commander", "is of another faction"));
        }
        let listed = raw.cards.get_ref();
        if listed.len() != DECK {
            let what = format!("there are {} and not {DECK}", listed.len());
            return Err(source.wrong(raw.cards.span(), "cards", what));
        }
        let mut cards = [0; DECK];
        let mut own = 0;
        for (place, number) in listed.iter().enumerate() {
            let id = *number.get_ref();
            let index = u16::try_from(id).ok().and_then(|id| self.places.get(&id)).copied();
            let says = |what: &str| Err(source.wrong(number.span(), "cards", format!("{id} {what}")));
            let Some(index) = index else { return says("is no card") };
            let card = &self.content.cards[index as usize];
            if card.token {
                return says("is a token, which is only summoned");
            }
            if card.faction != faction && card.faction != Faction::Neutral {
                return says("is of another faction");
            }
            if cards[..place].iter().filter(|&&c| c == index).count() == 2 {
                return says("is there more than twice");
            }
            own += usize::from(card.faction == faction);
            cards[place] = index;
        }
        if own != OF_FACTION {
            let what = format!("{own} are of the faction, and not {OF_FACTION}");
            return Err(source.wrong(raw.cards.span(), "cards", what));
        }
        self.content.decks.push(Deck {
            id: id.clone(),
            name: text(source, "name", &raw.name)?,
            faction,
            commander: commander as u8,
            cards,
        });
        Ok(())
    }
}

/// Fields that a card of its type does not have.
fn only_its_own(source: &Source<'_>, kind: Kind, raw: &raw::Card) -> Result<(), Wrong> {
    let creature = kind == Kind::Creature;
    let spell = kind == Kind::Spell;
    let support = kind == Kind::Support;
    let given = [
        ("attack", raw.attack.as_ref().map(Spanned::span), creature),
        ("health", raw.health.as_ref().map(Spanned::span), creature),
        ("keywords", raw.keywords.first().map(Spanned::span), creature),
        ("triggers", raw.triggers.first().map(Spanned::span), !spell),
        ("target", raw.target.as_ref().map(Spanned::span), spell),
        ("filter", raw.filter.as_ref().map(Spanned::span), spell),
        ("effects", raw.effects.as_ref().map(Spanned::span), spell),
        ("then_if_dead", raw.then_if_dead.as_ref().map(Spanned::span), spell),
        ("durability", raw.durability.as_ref().map(Spanned::span), support),
        ("aura", raw.aura.as_ref().map(Spanned::span), support),
    ];
    for (field, span, fits) in given {
        if let (Some(span), false) = (span, fits) {
            let what = format!("a {} has none", raw.kind.get_ref());
            return Err(source.wrong(span, field, what));
        }
    }
    if raw.token && !creature {
        return Err(source.wrong(raw.kind.span(), "token", "only a creature can be one"));
    }
    Ok(())
}

/// Fields that an effect does not read.
fn nothing_else(source: &Source<'_>, span: &Range<usize>, act: Do, raw: &raw::Effect) -> Result<(), Wrong> {
    let counts = matches!(act, Do::Damage(_) | Do::Heal(_) | Do::Draw(_) | Do::GainEssence(_));
    let stats = matches!(act, Do::Buff(..) | Do::SetStats(..));
    let words = matches!(act, Do::Grant(_) | Do::Remove(_));
    let cards = matches!(act, Do::Summon(_) | Do::Transform(_));
    let given = [
        ("amount", raw.amount.is_some(), counts),
        ("attack", raw.attack.is_some(), stats),
        ("health", raw.health.is_some(), stats),
        ("keyword", raw.keyword.is_some(), words),
        ("card", raw.card.is_some(), cards),
        ("filter", raw.filter.is_some(), check::needs_select(act)),
    ];
    for (field, given, fits) in given {
        if given && !fits {
            return Err(source.wrong(span.clone(), field, format!("{} has none", raw.act.get_ref())));
        }
    }
    Ok(())
}

fn number(source: &Source<'_>, field: &str, value: &raw::Number, low: i64, high: i64) -> Result<i64, Wrong> {
    let found = *value.get_ref();
    if (low..=high).contains(&found) {
        Ok(found)
    } else {
        Err(source.wrong(value.span(), field, format!("{found} is not between {low} and {high}")))
    }
}

fn text(source: &Source<'_>, field: &str, value: &raw::Word) -> Result<String, Wrong> {
    let found = value.get_ref();
    if found.trim().is_empty() || found.chars().count() > 60 || found.chars().any(char::is_control) {
        return Err(source.wrong(value.span(), field, "has to be 1 to 60 printable characters"));
    }
    Ok(found.clone())
}

fn known<T>(
    source: &Source<'_>,
    field: &str,
    word: &raw::Word,
    find: impl Fn(&str) -> Option<T>,
) -> Result<T, Wrong> {
    let found = word.get_ref();
    find(found).ok_or_else(|| source.wrong(word.span(), field, format!("there is no {field} {found:?}")))
}

fn faction(source: &Source<'_>, word: &raw::Word) -> Result<Faction, Wrong> {
    known(source, "faction", word, Faction::by_name)
}

fn keywords(source: &Source<'_>, words: &[raw::Word]) -> Result<u16, Wrong> {
    let mut set = 0;
    for word in words {
        let bit = known(source, "keyword", word, keyword::by_name)?;
        if set & bit != 0 {
            return Err(source.wrong(
                word.span(),
                "keywords",
                format!("{:?} is there twice", word.get_ref()),
            ));
        }
        set |= bit;
    }
    Ok(set)
}

fn filter(source: &Source<'_>, raw: Option<&Spanned<raw::Filter>>) -> Result<Filter, Wrong> {
    let Some(raw) = raw else { return Ok(Filter::ALL) };
    let raw = raw.get_ref();
    let mut made = Filter::ALL;
    if let Some(value) = &raw.max_health {
        made.max_health = number(source, "max_health", value, 1, 99)? as i8;
    }
    if let Some(value) = &raw.min_health {
        made.min_health = number(source, "min_health", value, 1, 99)? as i8;
    }
    if let Some(word) = &raw.has {
        made.has = known(source, "keyword", word, keyword::by_name)?;
    }
    if let Some(word) = &raw.lacks {
        made.lacks = known(source, "keyword", word, keyword::by_name)?;
    }
    Ok(made)
}

fn aura(source: &Source<'_>, raw: Option<&Spanned<raw::Aura>>, commander: bool) -> Result<Aura, Wrong> {
    let Some(spanned) = raw else { return Ok(Aura::default()) };
    let raw = spanned.get_ref();
    let mut made = Aura::default();
    if let Some(value) = &raw.attack {
        made.attack = number(source, "attack", value, 0, 3)? as i8;
    }
    if let Some(value) = &raw.health {
        made.health = number(source, "health", value, 0, 3)? as i8;
    }
    if let Some(word) = &raw.keyword {
        made.keywords = known(source, "keyword", word, keyword::by_name)?;
        if made.keywords & check::NOT_FROM_AURAS != 0 {
            return Err(source.wrong(
                word.span(),
                "keyword",
                format!("{} cannot come from an aura", word.get_ref()),
            ));
        }
    }
    if let Some(word) = &raw.if_printed {
        if !commander {
            return Err(source.wrong(word.span(), "if_printed", "is for commanders"));
        }
        made.if_printed = known(source, "keyword", word, keyword::by_name)?;
    }
    if made == (Aura { if_printed: made.if_printed, ..Aura::default() }) {
        return Err(source.wrong(spanned.span(), "aura", "gives nothing"));
    }
    Ok(made)
}
