//! What is printed, in words.

use std::fmt::Write as _;

use crate::tune::{Generation, Measured, Outcome};
use crate::validate::{Results, Summary};

/// A share with its interval, in per cent.
#[must_use]
pub fn percent(measured: &Measured) -> String {
    format!(
        "{:.1} % [{:.1}, {:.1}] of the points, {} deals",
        measured.share * 100.0,
        measured.low * 100.0,
        measured.high * 100.0,
        measured.deals
    )
}

/// The line of a generation in `train.log`.
#[must_use]
pub fn generation(made: &Generation, seconds: f64) -> String {
    format!(
        "Gen {}: best_fit={:.3}, best_wr={:.4}, sigma={:.6}, time={seconds:.1}s",
        made.generation, made.best_fitness, made.best_win_rate, made.sigma
    )
}

/// `summary.txt` of a tuning; the lines that are read by scripts come first.
#[must_use]
pub fn tuning(outcome: &Outcome, tag: &str) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "Tag: {tag}");
    let _ = writeln!(text, "Best win rate: {:.4}", outcome.held_out.share);
    let _ = writeln!(text, "Best fitness: {:.3}", outcome.fitness);
    let _ = writeln!(text, "Generations: {}", outcome.history.len());
    let _ = writeln!(text, "Games: {}", outcome.games);
    let _ = writeln!(text, "Stopped by: {}", outcome.stopped);
    let _ = writeln!(text, "\nMeasured on fresh deals, each played from both seats; intervals at 95 %:");
    let _ = writeln!(text, "  these weights      {}", percent(&outcome.held_out));
    for (kind, measured) in crate::evaluate::KINDS.iter().zip(&outcome.by_opponent) {
        let _ = writeln!(text, "    against {kind:<9}  {}", percent(measured));
    }
    let _ = writeln!(text, "  built-in weights   {}", percent(&outcome.baseline));
    let _ = writeln!(
        text,
        "  difference         {:+.1} [{:+.1}, {:+.1}] points",
        outcome.gain.share * 100.0,
        outcome.gain.low * 100.0,
        outcome.gain.high * 100.0
    );
    let best = outcome.history.iter().map(|made| made.best_win_rate).fold(0.0, f64::max);
    let _ = writeln!(
        text,
        "  best seen while searching: {:.1} %, the largest of noisy values, too high",
        best * 100.0
    );
    text
}

/// `summary.txt` of a validation.
#[must_use]
pub fn validation(results: &Results, summary: &Summary) -> String {
    let mut text = String::new();
    let games: u64 = results.matchups.iter().map(|m| m.total_games).sum();
    let _ = writeln!(text, "Overall: {}", summary.overall_status);
    let _ =
        writeln!(text, "Games: {games}, {} matchups, seed {}", results.matchups.len(), results.config.seed);
    let _ = writeln!(
        text,
        "First seat: {:.1} % [{:.1}, {:.1}], {}",
        summary.p1_win_rate * 100.0,
        summary.p1_interval[0] * 100.0,
        summary.p1_interval[1] * 100.0,
        summary.p1_status
    );
    for (name, rate) in &summary.faction_win_rates {
        let i = summary.faction_intervals[name];
        let _ = writeln!(text, "{name}: {:.1} % [{:.1}, {:.1}]", rate * 100.0, i[0] * 100.0, i[1] * 100.0);
    }
    let _ = writeln!(text, "\nMatchups; intervals at z = 3.23, which 40 of them keep at 95 % together:");
    for m in &results.matchups {
        let _ = writeln!(
            text,
            "  {:<22} {:<22} {:.1} % [{:.1}, {:.1}]  {}",
            m.deck1_id,
            m.deck2_id,
            m.share * 100.0,
            m.low * 100.0,
            m.high * 100.0,
            m.verdict
        );
    }
    let _ = writeln!(
        text,
        "\nDecks by rating (Bradley and Terry, Elo points; the first seat is worth {:.0}):",
        summary.seat_elo
    );
    let mut decks: Vec<_> = summary.deck_stats.iter().collect();
    decks.sort_by(|a, b| b.rating.total_cmp(&a.rating));
    for deck in decks {
        let _ = writeln!(text, "  {:<22} {:+.0}  {:.1} %", deck.deck_id, deck.rating, deck.share * 100.0);
    }
    text
}
