//! The content that is shipped, and content that is wrong.

mod common;

use common::content;
use essence_wars_cli::load::{from_folder, from_texts, FILES};
use essence_wars_core::content::Faction;
use essence_wars_core::text;

#[test]
fn what_is_shipped_is_120_cards_11_commanders_11_decks() {
    let content = content();
    assert_eq!(content.cards.iter().filter(|card| !card.token).count(), 120);
    assert_eq!(content.commanders.len(), 11);
    let by = |faction| content.decks_of(faction).len();
    assert_eq!([by(Faction::Argentum), by(Faction::Symbiote), by(Faction::Obsidion)], [3, 4, 4]);
}

#[test]
fn every_card_and_commander_has_a_text_of_its_own() {
    let content = content();
    for card in &content.cards {
        let says = text::card(&content, card);
        let plain = card.keywords == 0 && card.triggers == 0 && card.spell == 0 && card.durability == 0;
        assert_eq!(says.is_empty(), plain, "{}: {says}", card.name);
        assert!(!says.contains("  ") && !says.contains(" ."), "{}: {says}", card.name);
    }
    for commander in &content.commanders {
        assert!(!text::commander(&content, commander).is_empty(), "{}", commander.name);
    }
}

/// The shipped files with one of them changed.
fn changed(file: &str, from: &str, to: &str) -> String {
    let mut found = false;
    let files: Vec<(&str, String)> = FILES
        .iter()
        .map(|&(name, text)| {
            if name == file {
                assert!(text.contains(from), "{file} has no {from:?}");
                found = true;
                (name, text.replacen(from, to, 1))
            } else {
                (name, text.to_owned())
            }
        })
        .collect();
    assert!(found);
    let borrowed: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    from_texts(&borrowed).expect_err("it is wrong").to_string()
}

const CARDS: &str = "faction = \"argentum\"\n";

/// Shipped cards with one more card before them; what is said of it.
fn with_card(lines: &str) -> String {
    changed(
        "cards/argentum.toml",
        CARDS,
        &format!("{CARDS}\n[[cards]]\nid = 1999\nname = \"x\"\ncost = 1\n{lines}\n"),
    )
}

#[test]
fn mistakes_are_named_with_file_line_and_field() {
    let creature = "type = \"creature\"\nattack = 1\nhealth = 1\n";
    let cases = [
        (with_card("type = \"monster\""), "type: \"monster\" is neither creature, spell nor support"),
        (with_card("type = \"creature\"\nattack = 1"), "health: is missing"),
        (with_card(&format!("{creature}keywords = [\"Guard\"]")), "keyword: there is no keyword \"Guard\""),
        (
            with_card(&format!("{creature}keywords = [\"guard\", \"guard\"]")),
            "keywords: \"guard\" is there twice",
        ),
        (with_card(&creature.replace("attack = 1", "attack = 99")), "attack: 99 is not between 0 and 12"),
        (with_card(&creature.replace("attack = 1", "attack = 1.5")), "invalid type"),
        (with_card(&format!("{creature}durability = 2")), "durability: a creature has none"),
        (with_card(&format!("{creature}colour = 1")), "unknown field `colour`"),
        (with_card("type = \"spell\""), "effects: a spell without any does nothing"),
        (
            with_card(&spell("{ do = \"explode\", select = \"target\" }")),
            "do: there is no effect \"explode\"",
        ),
        (with_card(&spell("{ do = \"damage\", amount = 1 }")), "effects: select is missing"),
        (
            with_card(&spell("{ do = \"damage\", select = \"everyone\", amount = 1 }")),
            "select: there is no select",
        ),
        (with_card(&spell("{ do = \"damage\", select = \"enemy_face\" }")), "amount: is missing"),
        (
            with_card(&spell("{ do = \"damage\", select = \"target\", amount = 1 }")),
            "only a spell with a target has one",
        ),
        (with_card(&spell("{ do = \"summon\", card = 1555 }")), "card: there is no card 1555"),
        (with_card(&spell("{ do = \"summon\", card = 1004 }")), "card 1004 is no creature"),
        (
            with_card(&spell("{ do = \"draw\", select = \"self\", amount = 1 }")),
            "select: this effect is done to nobody",
        ),
        (
            with_card(&spell("{ do = \"grant\", select = \"own_creatures\", keyword = \"luck\" }")),
            "no keyword \"luck\"",
        ),
        (
            with_card(&spell("{ do = \"grant\", select = \"own_face\", keyword = \"rush\" }")),
            "a face can be damaged",
        ),
        (
            with_card(&trigger("take_damage", "{ do = \"damage\", select = \"all_creatures\", amount = 1 }")),
            "for ever",
        ),
        (with_card(&trigger("ally_death", "{ do = \"destroy\", select = \"weakest_enemy\" }")), "for ever"),
        (
            with_card(&trigger("death", "{ do = \"copy\", select = \"weakest_enemy\" }")),
            "must not copy or transform",
        ),
        (
            with_card(&trigger("any_death", "{ do = \"draw\", amount = 1 }")),
            "a creature has no trigger any_death",
        ),
        (with_card(&trigger("sunrise", "{ do = \"draw\", amount = 1 }")), "on: there is no on \"sunrise\""),
        (
            with_card("type = \"support\"\ndurability = 2\naura = { keyword = \"shield\" }"),
            "shield cannot come from an aura",
        ),
        (with_card("type = \"support\"\ndurability = 2\naura = { }"), "aura: gives nothing"),
        (changed("cards/argentum.toml", "id = 1002", "id = 1001"), "id: 1001 is taken"),
        (changed("cards/argentum.toml", "id = 1002", "id = 2002"), "id: 2002 is not between 1001 and 1999"),
        (
            changed("cards/argentum.toml", CARDS, "faction = \"legion\"\n"),
            "faction: there is no faction \"legion\"",
        ),
        (changed("decks/argentum-wall.toml", "1001, 1001,", "1001,"), "cards: there are 29 and not 30"),
        (changed("decks/argentum-wall.toml", "1001, 1001,", "1001, 9999,"), "cards: 9999 is no card"),
        (
            changed("decks/argentum-wall.toml", "1001, 1001,", "1001, 2001,"),
            "cards: 2001 is of another faction",
        ),
        (
            changed("decks/argentum-wall.toml", "commander = 5001", "commander = 5999"),
            "there is no commander 5999",
        ),
        (
            changed("decks/argentum-wall.toml", "id = \"argentum-wall\"", "id = \"wall\""),
            "id: has to be the file's name",
        ),
        (changed("commanders.toml", "id = 5002", "id = 5001"), "id: 5001 is taken"),
        (changed("commanders.toml", "[[commanders]]", "[[commanders"), "commanders.toml:"),
    ];
    for (wrong, says) in cases {
        assert!(wrong.contains(says), "{wrong:?} does not say {says:?}");
        assert!(
            wrong.starts_with("cards/") || wrong.starts_with("decks/") || wrong.starts_with("commanders"),
            "{wrong}"
        );
        let line = wrong.split(':').nth(1).and_then(|word| word.parse::<usize>().ok());
        assert!(line.is_some_and(|line| line > 0), "{wrong} has no line");
    }
}

fn spell(effect: &str) -> String {
    format!("type = \"spell\"\neffects = [{effect}]")
}

fn trigger(on: &str, effect: &str) -> String {
    format!(
        "type = \"creature\"\nattack = 1\nhealth = 1\ntriggers = [{{ on = \"{on}\", effects = [{effect}] }}]"
    )
}

#[test]
fn a_folder_is_read_like_what_is_built_in() {
    let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data");
    assert_eq!(from_folder(&data).expect("it is sound"), content());
    let missing =
        from_folder(std::path::Path::new("no/such/folder")).expect_err("it is not there").to_string();
    assert!(missing.contains("cannot be read"), "{missing}");
}

#[test]
fn rubbish_is_an_error_and_never_a_panic() {
    for text in
        ["", "\u{0}", "cards = 1", "faction = [[[[", "faction = \"argentum\"\ncards = [1]", "[cards]\n", "x"]
    {
        assert!(from_texts(&[("cards/argentum.toml", text)]).is_err(), "{text:?}");
    }
    let deep = format!("faction = {}{}", "[".repeat(2000), "]".repeat(2000));
    assert!(from_texts(&[("cards/argentum.toml", &deep)]).is_err());
}
