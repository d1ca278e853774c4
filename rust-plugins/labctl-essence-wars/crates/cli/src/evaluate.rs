//! What weights are worth: games against three kinds of opponents, each deal with both seats.

use essence_wars_core::bots::Bot;
use essence_wars_core::content::{Content, Faction};
use essence_wars_core::eval::Weights;
use essence_wars_core::mcts::{Rollout, Settings};
use essence_wars_core::play::{Deal, Pair};
use essence_wars_core::rng::Purpose;
use essence_wars_core::stats::Mean;
use serde::{Deserialize, Serialize};

use crate::error::Wrong;
use crate::parallel::{Stopped, Task, Workers};

/// What weights are tuned for.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Every deck against every deck, mirrors included.
    Generalist,
    /// The decks of a faction against those of the others.
    FactionSpecialist,
    /// One deck against one other.
    Specialist,
}

/// Points of the three kinds of opponents: random, greedy, search.
pub const MIX: [f64; 3] = [10.0, 40.0, 50.0];
/// Names of the kinds, in that order.
pub const KINDS: [&str; 3] = ["random", "greedy", "mcts"];
/// What a point of life is worth beside win rates in per cent: it breaks ties and no more.
const MARGIN: f64 = 0.001;
/// What a turn costs a specialist.
const TURN: f64 = 0.01;

/// Whom the candidate meets.
#[derive(Clone, Debug, PartialEq)]
pub struct Arena {
    /// Decks of the candidate and of the opponent.
    pub matchups: Vec<[usize; 2]>,
    /// The opponents' search.
    pub settings: Settings,
    /// The opponents' weights.
    pub opponent: Weights,
    /// Whether it is one deck against one.
    pub single: bool,
}

impl Arena {
    /// The arena of a mode. `opponent`: the other deck of a specialist.
    ///
    /// # Errors
    /// If a deck or a faction that the mode needs is missing or unknown.
    pub fn new(
        content: &Content,
        mode: Mode,
        faction: Option<Faction>,
        deck: Option<&str>,
        opponent: Option<&str>,
        simulations: u32,
        rollout: Rollout,
    ) -> Result<Self, Wrong> {
        let all = 0..content.decks.len();
        let find = |option: &str, id: Option<&str>| -> Result<usize, Wrong> {
            let Some(id) = id else {
                return Err(Wrong::option(option, "a specialist needs it"));
            };
            content.deck(id).ok_or_else(|| {
                let known: Vec<&str> = content.decks.iter().map(|deck| deck.id.as_str()).collect();
                Wrong::option(option, format!("there is no deck {id:?}; there are {}", known.join(", ")))
            })
        };
        let matchups = match mode {
            Mode::Generalist => all.clone().flat_map(|a| all.clone().map(move |b| [a, b])).collect(),
            Mode::FactionSpecialist => {
                let faction = faction.filter(|&f| f != Faction::Neutral).ok_or_else(|| {
                    Wrong::option("faction", "a faction specialist needs argentum, symbiote or obsidion")
                })?;
                let own = |deck: &usize| content.decks[*deck].faction == faction;
                let others: Vec<usize> = all.clone().filter(|deck| !own(deck)).collect();
                all.filter(own)
                    .flat_map(|a| others.iter().map(move |&b| [a, b]).collect::<Vec<_>>())
                    .collect()
            }
            Mode::Specialist => vec![[find("deck", deck)?, find("opponent", opponent)?]],
        };
        Ok(Self {
            matchups,
            settings: Settings { simulations, rollout, ..Settings::default() },
            opponent: Weights::default(),
            single: mode == Mode::Specialist,
        })
    }

    /// The deals of a set, by number: kinds take turns, and each kind goes through the matchups evenly.
    ///
    /// `first` is the number of the first deal among all of its purpose, so that sets that follow one another go on
    /// with the matchups where the last one ended.
    #[must_use]
    pub fn deals(&self, seed: u64, purpose: Purpose, first: u64, count: usize) -> Vec<(Deal, usize)> {
        let kinds = MIX.len() as u64;
        (first..first + count as u64)
            .map(|number| {
                let kind = (number % kinds) as usize;
                let decks = self.matchups[(number / kinds) as usize % self.matchups.len()];
                (Deal::numbered(decks, seed, purpose, &[number]), kind)
            })
            .collect()
    }

    /// The tasks of a candidate on deals.
    pub fn tasks<'a>(
        &'a self,
        weights: &'a Weights,
        deals: &'a [(Deal, usize)],
    ) -> impl Iterator<Item = Task> + 'a {
        deals.iter().map(|&(deal, kind)| {
            let b = match kind {
                0 => Bot::Random,
                1 => Bot::Greedy(self.opponent),
                _ => Bot::Mcts(self.opponent, self.settings),
            };
            Task { deal, a: Bot::Greedy(*weights), b }
        })
    }

    /// The scores of candidates, all on the same deals.
    ///
    /// # Errors
    /// If it was stopped.
    pub fn scores(
        &self,
        content: &Content,
        workers: &Workers,
        candidates: &[Weights],
        deals: &[(Deal, usize)],
    ) -> Result<Vec<Score>, Stopped> {
        let tasks: Vec<Task> = candidates.iter().flat_map(|weights| self.tasks(weights, deals)).collect();
        let pairs = workers.play(content, &tasks)?;
        Ok(pairs.chunks(deals.len().max(1)).map(|pairs| self.score(pairs, deals)).collect())
    }

    fn score(&self, pairs: &[Pair], deals: &[(Deal, usize)]) -> Score {
        let mut kinds = [Mean::default(); 3];
        let (mut all, mut margin, mut turns) = (Mean::default(), Mean::default(), Mean::default());
        for (pair, &(_, kind)) in pairs.iter().zip(deals) {
            kinds[kind].add(pair.share());
            all.add(pair.share());
            margin.add(pair.margin());
            pair.games.iter().for_each(|game| turns.add(f64::from(game.turns)));
        }
        let played: f64 = kinds.iter().zip(MIX).filter(|(kind, _)| kind.n > 0.0).map(|(_, mix)| mix).sum();
        let fitness = if self.single {
            100.0 * all.mean - TURN * turns.mean
        } else {
            // With too few deals for all kinds those that there are count for all.
            100.0 * kinds.iter().zip(MIX).map(|(kind, mix)| mix * kind.mean).sum::<f64>() / played.max(1e-9)
        };
        Score { kinds, all, fitness: fitness + MARGIN * margin.mean, margin: margin.mean, turns: turns.mean }
    }
}

/// How well weights did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// Shares of points by kind of opponent; each deal is one value.
    pub kinds: [Mean; 3],
    /// Share of points of all deals.
    pub all: Mean,
    /// What is maximised: win rates in per cent in the proportions of [`MIX`], or a specialist's.
    pub fitness: f64,
    /// Mean of the life that it was ahead.
    pub margin: f64,
    /// Mean of turns.
    pub turns: f64,
}
