//! That the players play: each beats the one before it, and takes a win that lies there.

mod common;

use common::{a_game, content, walked};
use essence_wars_cli::parallel::{Task, Workers};
use essence_wars_core::bots::Bot;
use essence_wars_core::content::Content;
use essence_wars_core::eval::Weights;
use essence_wars_core::legal::{distinct, Actions};
use essence_wars_core::mcts::{Rollout, Search, Settings};
use essence_wars_core::play::{Deal, Stop};
use essence_wars_core::queue::Queue;
use essence_wars_core::rng::{Purpose, Rng};
use essence_wars_core::rules::apply;
use essence_wars_core::state::Outcome;
use essence_wars_core::stats::{Mean, Z95};

fn share(content: &Content, a: Bot, b: Bot, deals: u64) -> (f64, f64) {
    let workers = Workers::new(0, Stop::default()).expect("threads");
    let n = content.decks.len();
    let tasks: Vec<Task> = (0..deals)
        .map(|number| {
            let decks = [number as usize % n, (number as usize / n) % n];
            Task { deal: Deal::numbered(decks, 5, Purpose::HeldOut, &[number]), a, b }
        })
        .collect();
    let mut mean = Mean::default();
    let pairs = workers.play(content, &tasks).expect("nobody stops it");
    pairs.iter().for_each(|pair| mean.add(pair.share()));
    mean.interval(Z95)
}

fn mcts(simulations: u32, rollout: Rollout) -> Bot {
    Bot::Mcts(Weights::default(), Settings { simulations, rollout, ..Settings::default() })
}

#[test]
fn each_player_beats_the_one_before_it() {
    let content = content();
    let greedy = Bot::Greedy(Weights::default());
    let (low, _) = share(&content, greedy, Bot::Random, 400);
    assert!(low > 0.90, "greedy against random: at least {low}");
    let (low, _) = share(&content, mcts(100, Rollout::Truncated), greedy, 121);
    assert!(low > 0.70, "100 simulations against greedy: at least {low}");
    let (low, _) = share(&content, mcts(200, Rollout::Truncated), mcts(20, Rollout::Truncated), 121);
    assert!(low > 0.50, "200 simulations against 20: at least {low}");
}

#[test]
fn equal_players_share_the_points() {
    let content = content();
    let (low, high) = share(&content, Bot::Random, Bot::Random, 1000);
    assert!(low < 0.5 && high > 0.5, "[{low}, {high}]");
}

#[test]
fn a_win_that_lies_there_is_taken() {
    let content = content();
    let (mut actions, mut queue, mut found) = (Actions::default(), Queue::default(), 0);
    for number in 0..4000 {
        let game = a_game(&content, number);
        let state = walked(&game, number, 50 + (number % 30) as usize);
        distinct(&game, &state, &mut actions);
        let wins: Vec<u8> = actions
            .as_slice()
            .iter()
            .copied()
            .filter(|&action| {
                let mut next = state;
                apply(&game, &mut next, action, &mut queue);
                next.outcome() == Outcome::Won(state.active)
            })
            .collect();
        if wins.is_empty() || wins.len() == actions.as_slice().len() {
            continue;
        }
        found += 1;
        for rollout in [Rollout::Truncated, Rollout::Leaf] {
            let settings = Settings { simulations: 200, rollout, ..Settings::default() };
            let mut search = Search::new(Stop::default());
            let weights = Weights::default();
            let chosen = search.choose(&game, &state, &weights, &settings, &mut queue, &mut Rng::new(1));
            let mut next = state;
            apply(&game, &mut next, chosen, &mut queue);
            // To win now is best, and no worse is what surely wins in the same turn.
            let value = search.thoughts().iter().find(|t| t.action == chosen).map_or(0.0, |t| t.value);
            assert!(
                wins.contains(&chosen) || value > 0.97,
                "game {number}: {chosen} of {value}, not one of {wins:?}"
            );
        }
        if found == 50 {
            return;
        }
    }
    panic!("only {found} positions with a win were found");
}
