//! Values that never change unless somebody means it: whole games, node counts, leaves.

mod common;

use std::fmt::Write as _;

use common::{a_game, content, frozen, walked};
use essence_wars_core::bots::{Bot, Player};
use essence_wars_core::eval::Weights;
use essence_wars_core::legal::{distinct, Actions};
use essence_wars_core::mcts::{Rollout, Settings};
use essence_wars_core::play::Stop;
use essence_wars_core::queue::Queue;
use essence_wars_core::rng::{Purpose, Rng};
use essence_wars_core::rules::{apply, deal};
use essence_wars_core::state::{Fnv, Game, State};

/// A hash of every position of a game.
fn story(game: &Game<'_>, bots: [Bot; 2], seed: u64) -> (u64, usize) {
    let mut queue = Queue::default();
    let mut players = [0, 1].map(|seat| {
        Player::new(bots[seat], Rng::stream(seed, Purpose::Player, &[seat as u64]), Stop::default())
    });
    let mut state = deal(game, &mut queue);
    let mut hash = Fnv(0xCBF2_9CE4_8422_2325);
    let mut actions = 0;
    loop {
        state.hash().to_le_bytes().into_iter().for_each(|byte| hash.add(byte));
        if state.over() {
            return (hash.0, actions);
        }
        let action = players[state.active as usize].choose(game, &state, &mut queue);
        apply(game, &mut state, action, &mut queue);
        actions += 1;
    }
}

#[test]
fn games_are_as_they_were() {
    let content = content();
    let search =
        |rollout| Bot::Mcts(Weights::default(), Settings { simulations: 20, rollout, ..Settings::default() });
    let bots = [
        ("random", Bot::Random),
        ("greedy", Bot::Greedy(Weights::default())),
        ("truncated", search(Rollout::Truncated)),
        ("leaf", search(Rollout::Leaf)),
    ];
    let mut found = String::new();
    for number in 0..121 {
        let game = a_game(&content, number);
        let (name, bot) = bots[(number % 4) as usize];
        let (hash, actions) = story(&game, [bot, bot], number);
        let _ = writeln!(found, "{number} {name} {actions} {hash:016x}");
    }
    frozen("games.txt", &found);
}

/// Positions that are so many actions away, and a hash of the sorted hashes of the last ones.
fn perft(game: &Game<'_>, state: &State, depth: u32, queue: &mut Queue, leaves: &mut Vec<u64>) -> u64 {
    if depth == 0 || state.over() {
        leaves.push(state.hash());
        return 1;
    }
    let mut actions = Actions::default();
    distinct(game, state, &mut actions);
    let mut nodes = 0;
    for &action in actions.as_slice() {
        let mut next = *state;
        apply(game, &mut next, action, queue);
        nodes += perft(game, &next, depth - 1, queue, leaves);
    }
    nodes
}

#[test]
fn node_counts_are_as_they_were() {
    let content = content();
    let mut found = String::new();
    for number in 0..20 {
        let game = a_game(&content, number * 7);
        let state = walked(&game, number, 3 * number as usize);
        let mut counts = Vec::new();
        let mut queue = Queue::default();
        let mut leaves = Vec::new();
        for depth in 1..=3 {
            leaves.clear();
            counts.push(perft(&game, &state, depth, &mut queue, &mut leaves).to_string());
        }
        leaves.sort_unstable();
        let mut hash = Fnv(0xCBF2_9CE4_8422_2325);
        leaves.iter().flat_map(|leaf| leaf.to_le_bytes()).for_each(|byte| hash.add(byte));
        let _ = writeln!(found, "{number} {} {:016x}", counts.join(" "), hash.0);
    }
    frozen("perft.txt", &found);
}
