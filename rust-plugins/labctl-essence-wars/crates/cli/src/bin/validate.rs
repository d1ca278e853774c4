//! `validate`: the balance of the decks.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use essence_wars_cli::arguments::{read_weights, refuse, ContentArgs};
use essence_wars_cli::error::Wrong;
use essence_wars_cli::experiment::{fresh_folder, timestamp, write_whole};
use essence_wars_cli::parallel::Workers;
use essence_wars_cli::report;
use essence_wars_cli::validate::{summarise, validate, Config, Results, Summary};
use essence_wars_core::content::{Content, Faction};
use essence_wars_core::play::Stop;
use serde_json::json;

/// Let every deck play every deck of the other factions, and say whether the game is balanced
///
/// Exit code 1 says that it is not: the data are as valid as any.
#[derive(Parser)]
#[command(name = "validate", version)]
struct Options {
    /// Games of a matchup in each direction
    #[arg(long, short = 'n', default_value_t = 500)]
    games: u32,
    /// Simulations of both players
    #[arg(long, default_value_t = 100)]
    mcts_sims: u32,
    /// How they value leaves: full, random, truncated or leaf
    #[arg(long, default_value = "truncated")]
    rollout: String,
    /// A file for the results, as JSON
    #[arg(long, short)]
    output: Option<PathBuf>,
    /// Two factions in either order, as argentum-symbiote, or one
    #[arg(long, short, default_value = "")]
    matchup: String,
    /// Everything random follows from it
    #[arg(long, short, default_value_t = 42)]
    seed: u64,
    /// Threads; 0 for one for each core
    #[arg(long, short = 'j', default_value_t = 0)]
    threads: usize,
    /// Print each matchup when it is done
    #[arg(long, short)]
    interactive: bool,
    /// A folder with generalist.toml and specialists/, or one file for all
    #[arg(long, value_name = "PATH")]
    weights: Option<PathBuf>,
    /// Where the folder of results is made
    #[arg(long, value_name = "FOLDER", default_value = "experiments")]
    experiment_dir: PathBuf,
    #[command(flatten)]
    content: ContentArgs,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(code) => ExitCode::from(code),
        Err(wrong) => ExitCode::from(refuse(&wrong)),
    }
}

fn run(options: &Options) -> Result<u8, Wrong> {
    let content = options.content.load()?;
    let weights = match &options.weights {
        Some(path) => weights_of(path, &content)?,
        None => BTreeMap::new(),
    };
    let config = Config {
        games: options.games,
        mcts_sims: options.mcts_sims,
        rollout: options.rollout.clone(),
        seed: options.seed,
        matchup: options.matchup.clone(),
        weights,
    };
    let total = config.total_games(&content)?;
    let workers = Workers::new(options.threads, Stop::default())?;
    eprintln!("{total} games, {} threads", workers.threads());
    let began = Instant::now();
    let interactive = options.interactive;
    let found = validate(&content, &config, &workers, |m| {
        if interactive {
            eprintln!("{} {} {:.1} % {}", m.deck1_id, m.deck2_id, m.share * 100.0, m.verdict);
        }
    })?;
    let Ok(results) = found else { return Err(Wrong::new("", "it was stopped")) };
    let summary = summarise(&results);
    let text = report::validation(&results, &summary);
    let whole = whole(&results, &summary, workers.threads(), began.elapsed().as_secs_f64());
    let folder = fresh_folder(&options.experiment_dir.join("validation"), "validate")?;
    write_whole(&folder.join("results.json"), &whole)?;
    write_whole(&folder.join("summary.txt"), &text)?;
    let settings = toml::to_string(&results.config).map_err(|e| Wrong::new("config.toml", e.to_string()))?;
    write_whole(&folder.join("config.toml"), &settings)?;
    if let Some(path) = &options.output {
        write_whole(path, &whole)?;
    }
    print!("{text}");
    Ok(u8::from(summary.overall_status == "imbalanced"))
}

fn whole(results: &Results, summary: &Summary, threads: usize, seconds: f64) -> String {
    let config = json!({
        "games_per_matchup": results.config.games,
        "mcts_simulations": results.config.mcts_sims,
        "rollout": results.config.rollout,
        "seed": results.config.seed,
        "threads": threads,
        "matchup_filter": results.config.matchup,
    });
    let made = json!({
        "timestamp": timestamp(),
        "version": env!("CARGO_PKG_VERSION"),
        "config": config,
        "matchups": results.matchups,
        "summary": summary,
        "total_time_secs": seconds,
    });
    serde_json::to_string_pretty(&made).unwrap_or_default() + "\n"
}

/// Weights by faction: a specialist's where there is one, else the generalist's.
fn weights_of(path: &Path, content: &Content) -> Result<BTreeMap<String, Vec<f32>>, Wrong> {
    let mut found = BTreeMap::new();
    for faction in Faction::FIGHTING.map(Faction::name) {
        let special = path.join("specialists").join(format!("{faction}.toml"));
        let general = path.join("generalist.toml");
        let file = if path.is_file() {
            path.to_path_buf()
        } else if special.exists() {
            special
        } else if general.exists() {
            general
        } else {
            return Err(Wrong::option("weights", format!("{} has no weights for {faction}", path.display())));
        };
        found.insert(faction.to_owned(), read_weights(&file, content)?.default.values().to_vec());
    }
    Ok(found)
}
