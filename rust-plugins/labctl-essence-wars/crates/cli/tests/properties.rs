//! What holds in every position, whatever is played.

mod common;

use common::{a_game, content, walked};
use essence_wars_core::content::DECK;
use essence_wars_core::eval::Weights;
use essence_wars_core::keyword::{SHIELD, STEALTH, WARD};
use essence_wars_core::legal::{distinct, is_legal, legal, Actions};
use essence_wars_core::queue::Queue;
use essence_wars_core::rules::{apply, END};
use essence_wars_core::state::{Game, State, ACTION_POINTS, ESSENCE, HAND, LIFE, TURNS};
use proptest::prelude::*;

fn bounds(game: &Game<'_>, state: &State) {
    assert!(state.turn >= 1 && state.turn <= TURNS + 1);
    for side in &state.sides {
        assert!(side.essence <= ESSENCE && side.max_essence <= ESSENCE);
        assert!(side.ap <= ACTION_POINTS && side.life <= LIFE);
        assert!(side.hand_len as usize <= HAND && side.drawn as usize <= DECK);
        assert!(side.present < 32);
        for slot in (0..5).filter(|slot| side.present & (1 << slot) != 0) {
            let c = &side.creatures[slot];
            assert!((c.card as usize) < game.content.cards.len());
            assert!(state.over() || c.health > 0, "who is dead is not on the board");
            assert!(c.aura & (SHIELD | WARD | STEALTH) == 0, "no aura gives what is used up");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn games_stay_in_their_bounds_and_end(number in 0_u64..100_000, choices in prop::collection::vec(any::<u8>(), 600)) {
        let content = content();
        let game = a_game(&content, number);
        let mut state = walked(&game, number, 0);
        let (mut queue, mut actions) = (Queue::default(), Actions::default());
        let mut in_turn = (state.turn, 0);
        for choice in choices {
            bounds(&game, &state);
            legal(&game, &state, &mut actions);
            if state.over() {
                prop_assert!(actions.as_slice().is_empty());
                return Ok(());
            }
            let list = actions.as_slice();
            prop_assert_eq!(list.last(), Some(&END));
            prop_assert!(list.windows(2).all(|pair| pair[0] < pair[1]), "ascending, and none twice");
            let action = list[choice as usize % list.len()];
            apply(&game, &mut state, action, &mut queue);
            prop_assert!(!queue.overflowed);
            in_turn = if state.turn == in_turn.0 { (in_turn.0, in_turn.1 + 1) } else { (state.turn, 0) };
            // 3 plays, 5 creatures that attack twice, insight, and more essence never more action points.
            prop_assert!(in_turn.1 <= 3 + 10 + 1);
        }
        prop_assert!(state.over(), "600 actions are more than 30 turns of 15");
    }

    #[test]
    fn merged_actions_are_those_that_differ(number in 0_u64..100_000, plies in 0_usize..90) {
        let content = content();
        let game = a_game(&content, number);
        let state = walked(&game, number, plies);
        let (mut all, mut merged) = (Actions::default(), Actions::default());
        legal(&game, &state, &mut all);
        distinct(&game, &state, &mut merged);
        let hand = &state.sides[state.active as usize].hand;
        let same = |a: u8, b: u8| a % 12 == b % 12 && hand[a as usize / 12] == hand[b as usize / 12];
        for &action in all.as_slice() {
            let kept = merged.as_slice().iter().filter(|&&other| other == action || (action < 120 && other < 120 && same(action, other)));
            prop_assert_eq!(kept.count(), 1, "each action has one that stands for it");
        }
        prop_assert!(merged.as_slice().iter().all(|action| all.as_slice().contains(action)));
        for action in 0..=255_u8 {
            prop_assert_eq!(is_legal(&game, &state, action), all.as_slice().contains(&action));
        }
    }

    #[test]
    fn a_copy_is_independent(number in 0_u64..100_000, plies in 0_usize..90) {
        let content = content();
        let game = a_game(&content, number);
        let state = walked(&game, number, plies);
        let before = state.hash();
        let mut copy = state;
        let mut actions = Actions::default();
        legal(&game, &copy, &mut actions);
        if let Some(&action) = actions.as_slice().first() {
            apply(&game, &mut copy, action, &mut Queue::default());
        }
        prop_assert_eq!(state.hash(), before);
    }

    #[test]
    fn swapped_seats_are_worth_the_same(number in 0_u64..100_000, plies in 0_usize..90) {
        let content = content();
        let game = a_game(&content, number);
        let state = walked(&game, number, plies);
        let mut swapped = state;
        swapped.sides.swap(0, 1);
        swapped.active = 1 - state.active;
        let weights = Weights::default();
        for player in 0..2 {
            prop_assert_eq!(weights.evaluate(&state, player), weights.evaluate(&swapped, 1 - player));
        }
    }
}
