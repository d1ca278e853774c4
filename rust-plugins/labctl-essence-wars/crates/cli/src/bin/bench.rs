//! `bench`: how fast the engine is, per second of CPU time of one core.

use std::process::ExitCode;

use clap::Parser;
use essence_wars_cli::load;
use essence_wars_core::bots::{Bot, Player};
use essence_wars_core::content::Content;
use essence_wars_core::eval::Weights;
use essence_wars_core::legal::{distinct, Actions};
use essence_wars_core::mcts::{Rollout, Search, Settings};
use essence_wars_core::play::{Deal, Stop, Table};
use essence_wars_core::queue::Queue;
use essence_wars_core::rng::{Purpose, Rng};
use essence_wars_core::rules::{apply, deal};
use essence_wars_core::state::State;
use serde_json::json;

/// Measure the engine on one core, in seconds of CPU time
#[derive(Parser)]
#[command(name = "bench", version)]
struct Options {
    /// Seconds of CPU time of each measurement
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Times that each is measured; the median is printed
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// CPU time of this thread in seconds, from the kernel's accounts.
fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds: f64 = text.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0.0);
    nanoseconds * 1e-9
}

fn main() -> ExitCode {
    let options = Options::parse();
    let content = match load::built_in() {
        Ok(content) => content,
        Err(wrong) => {
            eprintln!("error: {wrong}");
            return ExitCode::from(2);
        }
    };
    let began = std::time::Instant::now();
    while cpu() == 0.0 && began.elapsed().as_millis() < 200 {
        std::hint::spin_loop(); // the kernel's account of a young thread is empty
    }
    if cpu() == 0.0 {
        eprintln!("error: this system does not tell the CPU time of a thread");
        return ExitCode::from(5);
    }
    let mut rows: Vec<(&str, &str, Vec<f64>)> = Vec::new();
    for _ in 0..options.rounds {
        for (place, (name, unit, value)) in round(&content, options.seconds).into_iter().enumerate() {
            if rows.len() <= place {
                rows.push((name, unit, Vec::new()));
            }
            rows[place].2.push(value);
        }
    }
    let mut told = serde_json::Map::new();
    for (name, unit, mut values) in rows {
        values.sort_by(f64::total_cmp);
        let (low, middle, high) = (values[0], values[values.len() / 2], values[values.len() - 1]);
        if options.json {
            told.insert(name.into(), json!({"median": middle, "low": low, "high": high, "unit": unit}));
        } else {
            println!("{name:<34} {middle:>14.1} {unit:<10} [{low:.1}, {high:.1}]");
        }
    }
    if options.json {
        println!("{}", serde_json::Value::Object(told));
    }
    ExitCode::SUCCESS
}

fn round(content: &Content, seconds: f64) -> Vec<(&'static str, &'static str, f64)> {
    let mut found = Vec::new();
    let greedy = Bot::Greedy(Weights::default());
    let (games, actions) = games(content, Bot::Random, seconds);
    found.push(("random games", "1/s", games));
    found.push(("random actions", "1/s", actions));
    found.push(("greedy games", "1/s", self::games(content, greedy, seconds).0));
    for rollout in [Rollout::Random, Rollout::Truncated, Rollout::Full, Rollout::Leaf] {
        let name = match rollout {
            Rollout::Random => "MCTS simulations, random",
            Rollout::Truncated => "MCTS simulations, truncated",
            Rollout::Full => "MCTS simulations, full",
            Rollout::Leaf => "MCTS simulations, leaf",
        };
        found.push((name, "1/s", simulations(content, rollout, seconds)));
    }
    found.push(("clone of a position", "ns", clones(content, seconds)));
    found
}

fn games(content: &Content, bot: Bot, seconds: f64) -> (f64, f64) {
    let mut table = Table::default();
    let decks = content.decks.len();
    let (began, mut games, mut actions) = (cpu(), 0_u64, 0_u64);
    while cpu() - began < seconds {
        for _ in 0..20 {
            let pair = [games as usize % decks, (games as usize / decks) % decks];
            let one = Deal::numbered(pair, 1, Purpose::Train, &[games]);
            actions += u64::from(table.play(&one.game(content, 0), [bot, bot], games).actions);
            games += 1;
        }
    }
    let spent = cpu() - began;
    (games as f64 / spent, actions as f64 / spent)
}

/// Simulations of searches of 1,000 from positions in the middle of random games.
fn simulations(content: &Content, rollout: Rollout, seconds: f64) -> f64 {
    let settings = Settings { simulations: 1000, rollout, ..Settings::default() };
    let weights = Weights::default();
    let mut search = Search::new(Stop::default());
    let (mut queue, mut rng) = (Queue::default(), Rng::new(2));
    let (began, mut done, mut number) = (cpu(), 0_u64, 0_u64);
    while cpu() - began < seconds {
        let decks = [number as usize % content.decks.len(), (number as usize + 3) % content.decks.len()];
        let game = Deal::numbered(decks, 2, Purpose::Train, &[number]).game(content, 0);
        let state = middle(&game, &mut queue, number);
        search.choose(&game, &state, &weights, &settings, &mut queue, &mut rng);
        done += search.thoughts().iter().map(|thought| u64::from(thought.visits)).sum::<u64>();
        number += 1;
    }
    done as f64 / (cpu() - began)
}

/// A position after twenty random actions of a game.
fn middle(game: &essence_wars_core::state::Game<'_>, queue: &mut Queue, number: u64) -> State {
    let mut player = Player::new(Bot::Random, Rng::new(number), Stop::default());
    let mut state = deal(game, queue);
    for _ in 0..20 {
        let action = player.choose(game, &state, queue);
        let mut next = state;
        apply(game, &mut next, action, queue);
        if next.over() {
            break;
        }
        state = next;
    }
    state
}

/// Nanoseconds of a copy, with the loop around it.
fn clones(content: &Content, seconds: f64) -> f64 {
    let mut queue = Queue::default();
    let game = Deal::numbered([0, 1], 3, Purpose::Train, &[0]).game(content, 0);
    let state = middle(&game, &mut queue, 7);
    let mut actions = Actions::default();
    distinct(&game, &state, &mut actions);
    let mut copies = vec![state; 64];
    let (began, mut done) = (cpu(), 0_u64);
    while cpu() - began < seconds / 4.0 {
        for _ in 0..2000 {
            for copy in &mut copies {
                *copy = *std::hint::black_box(&state);
            }
            std::hint::black_box(&mut copies);
            done += 64;
        }
    }
    (cpu() - began) / done as f64 * 1e9
}
