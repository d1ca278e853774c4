//! Bytes as actions: legal ones keep the bounds, others are told from them and change nothing.

#![no_main]

use std::sync::OnceLock;

use essence_wars_cli::load::built_in;
use essence_wars_core::content::Content;
use essence_wars_core::legal::{is_legal, legal, Actions};
use essence_wars_core::play::Deal;
use essence_wars_core::queue::Queue;
use essence_wars_core::rules::{apply, deal};
use libfuzzer_sys::fuzz_target;

static CONTENT: OnceLock<Content> = OnceLock::new();

fuzz_target!(|data: &[u8]| {
    let content = CONTENT.get_or_init(|| built_in().expect("the content is sound"));
    let [one, two, seed, actions @ ..] = data else { return };
    let decks = [*one as usize % content.decks.len(), *two as usize % content.decks.len()];
    let game = Deal { decks, seed: u64::from(*seed) }.game(content, 0);
    let (mut queue, mut list) = (Queue::default(), Actions::default());
    let mut state = deal(&game, &mut queue);
    for &byte in actions {
        legal(&game, &state, &mut list);
        if list.as_slice().is_empty() {
            return;
        }
        // A byte that is an action is done; any other one picks from the list.
        let action = if is_legal(&game, &state, byte) {
            byte
        } else {
            list.as_slice()[byte as usize % list.as_slice().len()]
        };
        apply(&game, &mut state, action, &mut queue);
        assert!(!queue.overflowed);
        for side in &state.sides {
            assert!(side.life <= 30 && side.hand_len <= 10 && side.essence <= 10 && side.present < 32);
        }
    }
});
