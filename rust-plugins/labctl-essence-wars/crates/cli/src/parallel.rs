//! Many deals on many threads: results by the deals' numbers, whatever the number of threads.

use std::sync::atomic::{AtomicU64, Ordering};

use essence_wars_core::bots::Bot;
use essence_wars_core::content::Content;
use essence_wars_core::play::{Deal, Pair, Stop, Table};
use rayon::prelude::*;

use crate::error::Wrong;

/// One deal with both players.
#[derive(Clone, Copy, Debug)]
pub struct Task {
    /// Decks and cards.
    pub deal: Deal,
    /// The player with the first deck.
    pub a: Bot,
    /// The player with the second deck.
    pub b: Bot,
}

/// Threads, a counter of games that were played, and a word that stops all.
pub struct Workers {
    pool: rayon::ThreadPool,
    played: AtomicU64,
    /// Stops what goes on.
    pub stop: Stop,
}

/// Games were stopped before they were over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped;

impl Workers {
    /// As many threads as are said, or as there are cores for 0.
    ///
    /// # Errors
    /// If the system has no room for them.
    pub fn new(threads: usize, stop: Stop) -> Result<Self, Wrong> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .map_err(|error| Wrong::option("threads", error.to_string()))?;
        Ok(Self { pool, played: AtomicU64::new(0), stop })
    }

    /// Games that were played so far.
    #[must_use]
    pub fn played(&self) -> u64 {
        self.played.load(Ordering::Relaxed)
    }

    /// How many threads there are.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// Play all of `tasks`, each with both seats.
    ///
    /// # Errors
    /// If it was stopped.
    pub fn play(&self, content: &Content, tasks: &[Task]) -> Result<Vec<Pair>, Stopped> {
        let pairs = self.pool.install(|| {
            tasks
                .par_iter()
                .map_init(
                    || Table::new(self.stop.clone()),
                    |table, task| {
                        let pair = task.deal.play(content, task.a, task.b, table);
                        self.played.fetch_add(2, Ordering::Relaxed);
                        pair
                    },
                )
                .collect()
        });
        if self.stop.is_set() {
            return Err(Stopped);
        }
        Ok(pairs)
    }
}
