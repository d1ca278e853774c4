//! What the tests share.

#![allow(dead_code)]

use std::path::PathBuf;

use essence_wars_cli::load;
use essence_wars_core::content::Content;
use essence_wars_core::legal::{distinct, Actions};
use essence_wars_core::play::Deal;
use essence_wars_core::queue::Queue;
use essence_wars_core::rng::{Purpose, Rng};
use essence_wars_core::rules::{apply, deal};
use essence_wars_core::state::{Game, State};

pub fn content() -> Content {
    load::built_in().expect("the content is sound")
}

pub fn a_game(content: &Content, number: u64) -> Game<'_> {
    let n = content.decks.len() as u64;
    let decks = [(number % n) as usize, (number / n % n) as usize];
    Deal::numbered(decks, 20_261_128, Purpose::Train, &[number]).game(content, 0)
}

/// The position after at most `plies` random actions, before the game is over.
pub fn walked(game: &Game<'_>, seed: u64, plies: usize) -> State {
    let (mut queue, mut actions, mut rng) = (Queue::default(), Actions::default(), Rng::new(seed));
    let mut state = deal(game, &mut queue);
    for _ in 0..plies {
        distinct(game, &state, &mut actions);
        let list = actions.as_slice();
        let mut next = state;
        apply(game, &mut next, list[rng.below(list.len() as u32) as usize], &mut queue);
        if next.over() {
            break;
        }
        state = next;
    }
    state
}

/// Compare with a frozen file, or write it anew with LABCTL_BLESS=1.
pub fn frozen(name: &str, found: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/frozen").join(name);
    if std::env::var_os("LABCTL_BLESS").is_some() {
        std::fs::write(&path, found).expect("it can be written");
    }
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    for (line, (ours, theirs)) in found.lines().zip(known.lines()).enumerate() {
        assert_eq!(ours, theirs, "line {} of {name}; LABCTL_BLESS=1 writes it anew", line + 1);
    }
    assert_eq!(found.lines().count(), known.lines().count(), "lines of {name}");
}
