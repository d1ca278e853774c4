//! `tune`: weights by CMA-ES.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use essence_wars_cli::arguments::{read_weights, refuse, ContentArgs};
use essence_wars_cli::error::Wrong;
use essence_wars_cli::evaluate::Mode;
use essence_wars_cli::experiment::{fresh_folder, timestamp, write_whole};
use essence_wars_cli::parallel::Workers;
use essence_wars_cli::tune::{Config, Outcome, Tuner};
use essence_wars_cli::{report, weights};
use essence_wars_core::eval::Weights;
use essence_wars_core::play::Stop;

/// Tune the weights of the greedy player
#[derive(Parser)]
#[command(name = "tune", version)]
struct Options {
    /// For which decks
    #[arg(long, value_enum, default_value = "generalist")]
    mode: Mode,
    /// Faction of a faction specialist
    #[arg(long)]
    faction: Option<String>,
    /// Deck of a specialist
    #[arg(long)]
    deck: Option<String>,
    /// Deck that a specialist meets
    #[arg(long)]
    opponent: Option<String>,
    /// Generations
    #[arg(long, short, default_value_t = 100)]
    generations: u32,
    /// Games of an evaluation; each deal is played from both seats
    #[arg(long, default_value_t = 100)]
    games: u32,
    /// Candidates of a generation; 0 for 4 + 3 ln n, which is 13
    #[arg(long, short, default_value_t = 0)]
    population: u32,
    /// Simulations of the searching opponents
    #[arg(long, default_value_t = 50)]
    mcts_sims: u32,
    /// How they value leaves: full, random, truncated or leaf
    #[arg(long, default_value = "truncated")]
    rollout: String,
    /// Step size at the start, in units of the ranges
    #[arg(long, default_value_t = 0.15)]
    sigma: f64,
    /// Step size at which the search ends
    #[arg(long, default_value_t = 0.001)]
    min_sigma: f64,
    /// Mean share of points of a generation at which the search ends
    #[arg(long)]
    target_win_rate: Option<f64>,
    /// Weights to begin with
    #[arg(long, value_name = "FILE")]
    initial_weights: Option<PathBuf>,
    /// A name for the folder of results
    #[arg(long, short, default_value = "tuning")]
    tag: String,
    /// Everything random follows from it
    #[arg(long, short, default_value_t = 42)]
    seed: u64,
    /// Threads; 0 for one for each core
    #[arg(long, short = 'j', default_value_t = 0)]
    threads: usize,
    /// Accepted for old command lines: games always go on all threads
    #[arg(long)]
    parallel: bool,
    /// Print every generation
    #[arg(long, short)]
    verbose: bool,
    /// Where folders of results are made
    #[arg(long, value_name = "FOLDER", default_value = "experiments")]
    experiment_dir: PathBuf,
    #[command(flatten)]
    content: ContentArgs,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(wrong) => ExitCode::from(refuse(&wrong)),
    }
}

fn run(options: &Options) -> Result<(), Wrong> {
    let content = options.content.load()?;
    let initial = match &options.initial_weights {
        Some(path) => Some(read_weights(path, &content)?.default.values().to_vec()),
        None => None,
    };
    let config = Config {
        mode: options.mode,
        faction: options.faction.clone(),
        deck: options.deck.clone(),
        opponent: options.opponent.clone(),
        generations: options.generations,
        games: options.games,
        population: options.population,
        mcts_sims: options.mcts_sims,
        rollout: options.rollout.clone(),
        sigma: options.sigma,
        min_sigma: options.min_sigma,
        target_win_rate: options.target_win_rate,
        initial,
        seed: options.seed,
    };
    let mut tuner = Tuner::new(&content, config.clone())?;
    let workers = Workers::new(options.threads, Stop::default())?;
    let folder = fresh_folder(&options.experiment_dir.join("mcts"), &options.tag)?;
    let mut log = format!("# {} {}\n", timestamp(), serde_json::to_string(&config).unwrap_or_default());
    let mut stats =
        String::from("generation,best_fitness,best_win_rate,sigma,time_seconds,mean_win_rate,games\n");
    println!("{} games in {}, {} threads", config.total_games(), folder.display(), workers.threads());
    while tuner.ended().is_none() {
        let began = Instant::now();
        let Ok(made) = tuner.step(&workers) else { return Err(Wrong::new("", "it was stopped")) };
        let seconds = began.elapsed().as_secs_f64();
        let line = report::generation(made, seconds);
        if options.verbose {
            println!("{line}");
        }
        log += &line;
        log.push('\n');
        stats += &format!(
            "{},{},{},{},{seconds:.3},{},{}\n",
            made.generation,
            made.best_fitness,
            made.best_win_rate,
            made.sigma,
            made.mean_win_rate,
            made.games
        );
        write_whole(&folder.join("train.log"), &log)?;
        write_whole(&folder.join("stats.csv"), &stats)?;
        write_whole(&folder.join("checkpoint.json"), &tuner.checkpoint()?)?;
    }
    let Ok(outcome) = tuner.finish(&workers) else { return Err(Wrong::new("", "it was stopped")) };
    let summary = report::tuning(&outcome, &options.tag);
    write_whole(&folder.join("train.log"), &format!("{log}\n{summary}"))?;
    write_whole(&folder.join("summary.txt"), &summary)?;
    write_whole(&folder.join("weights.toml"), &weights_file(&outcome, &options.tag)?)?;
    write_whole(&folder.join("version.toml"), &format!("version = {:?}\n", env!("CARGO_PKG_VERSION")))?;
    print!("{summary}");
    println!("Weights: {}", folder.join("weights.toml").display());
    Ok(())
}

fn weights_file(outcome: &Outcome, tag: &str) -> Result<String, Wrong> {
    let values =
        outcome.weights.as_slice().try_into().map_err(|_| Wrong::new("weights", "there are not 28"))?;
    let notes = [
        format!("tuned by CMA-ES over {} games; the {} was taken", outcome.games, outcome.chosen),
        format!("on fresh deals: {}", report::percent(&outcome.held_out)),
    ];
    Ok(weights::write(tag, &Weights::new(values), &notes))
}
