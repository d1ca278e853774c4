//! Tuning: CMA-ES over 25 weights, one generation after another, and an honest measurement of what came out.

use essence_wars_core::cma::Cma;
use essence_wars_core::content::{Content, Faction};
use essence_wars_core::eval::Weights;
use essence_wars_core::mcts::Rollout;
use essence_wars_core::play::Deal;
use essence_wars_core::rng::{Purpose, Rng};
use essence_wars_core::stats::{Mean, Z95};
use serde::{Deserialize, Serialize};

use crate::error::Wrong;
use crate::evaluate::{Arena, Mode, Score, KINDS};
use crate::parallel::{Stopped, Workers};
use crate::weights::{from_unit, to_unit};

/// What a variable outside 0 to 1 costs, in per cent, for the square of its distance.
const PENALTY: f64 = 100.0;
/// Candidates that are measured again beside the mean at the end.
const FINALISTS: usize = 4;
/// Deals on which the finalists are compared, and then the winner measured, for each deal of an evaluation.
const RACE: usize = 4;
const MEASURE: usize = 8;
const VERSION: u32 = 1;

/// What is to be tuned, and how.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// For what.
    pub mode: Mode,
    /// The faction of a faction specialist.
    #[serde(default)]
    pub faction: Option<String>,
    /// The deck of a specialist.
    #[serde(default)]
    pub deck: Option<String>,
    /// The deck that it meets.
    #[serde(default)]
    pub opponent: Option<String>,
    /// Generations.
    pub generations: u32,
    /// Games of an evaluation; an even number, since each deal is played twice.
    pub games: u32,
    /// Candidates of a generation; 0 for 4 + 3 ln n.
    #[serde(default)]
    pub population: u32,
    /// Simulations of the searching opponents.
    pub mcts_sims: u32,
    /// How they value leaves.
    #[serde(default = "truncated")]
    pub rollout: String,
    /// Step size at the start, in units of the ranges.
    pub sigma: f64,
    /// Step size at which it ends.
    pub min_sigma: f64,
    /// Win rate at which it ends.
    #[serde(default)]
    pub target_win_rate: Option<f64>,
    /// Weights to begin with; built-in ones where there are none.
    #[serde(default)]
    pub initial: Option<Vec<f32>>,
    /// Everything random follows from it.
    pub seed: u64,
}

fn truncated() -> String {
    "truncated".into()
}

impl Config {
    /// Candidates of a generation.
    #[must_use]
    pub fn lambda(&self) -> usize {
        if self.population > 0 {
            self.population as usize
        } else {
            13
        }
    }

    /// Games of the whole search with the final measurement.
    #[must_use]
    pub fn total_games(&self) -> u64 {
        let pairs = u64::from(self.games) / 2;
        let search = u64::from(self.generations) * self.lambda() as u64 * pairs;
        let finalists = 1 + FINALISTS.min(self.generations as usize);
        2 * (search + pairs * (finalists * RACE + 2 * MEASURE) as u64)
    }

    fn check(&self) -> Result<(Option<Faction>, Rollout), Wrong> {
        let at_least = |name: &str, value: u32, least: u32| {
            if value < least {
                return Err(Wrong::option(name, format!("{value} is less than {least}")));
            }
            Ok(())
        };
        at_least("generations", self.generations, 1)?;
        at_least("games", self.games, 6)?;
        at_least("mcts-sims", self.mcts_sims, 1)?;
        at_least("population", self.lambda() as u32, 4)?;
        if self.games % 2 == 1 {
            return Err(Wrong::option("games", format!("{} is odd: each deal is played twice", self.games)));
        }
        if !(self.sigma > 0.0 && self.sigma <= 1.0) {
            return Err(Wrong::option("sigma", format!("{} is not above 0 and at most 1", self.sigma)));
        }
        let faction = match &self.faction {
            None => None,
            Some(name) => Some(
                Faction::by_name(name)
                    .ok_or_else(|| Wrong::option("faction", format!("there is no faction {name:?}")))?,
            ),
        };
        let rollout = rollout(&self.rollout)?;
        Ok((faction, rollout))
    }
}

/// The rollout of a name.
///
/// # Errors
/// If there is none.
pub fn rollout(name: &str) -> Result<Rollout, Wrong> {
    Rollout::ALL.into_iter().find(|known| known.name() == name).ok_or_else(|| {
        Wrong::option("rollout", format!("{name:?} is neither full, random, truncated nor leaf"))
    })
}

/// A generation, told.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Generation {
    /// Its number, from 1.
    pub generation: u32,
    /// The best fitness of its candidates: the maximum of noisy values, and too high for that.
    pub best_fitness: f64,
    /// The share of points of that candidate.
    pub best_win_rate: f64,
    /// Mean fitness of its candidates.
    pub mean_fitness: f64,
    /// Mean share of points of its candidates.
    pub mean_win_rate: f64,
    /// Mean share of points against each kind of opponent.
    pub by_opponent: Vec<f64>,
    /// The step size after it.
    pub sigma: f64,
    /// Games so far.
    pub games: u64,
}

/// An interval of a share of points, at 95 %, each deal with both seats as one value.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Measured {
    /// The share.
    pub share: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Deals.
    pub deals: u64,
}

impl Measured {
    pub(crate) fn of(mean: &Mean) -> Self {
        let (low, high) = mean.interval(Z95);
        Self { share: mean.mean, low, high, deals: mean.n as u64 }
    }
}

/// What came of it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Outcome {
    /// The weights.
    pub weights: Vec<f32>,
    /// *mean* of the distribution, or *candidate*.
    pub chosen: String,
    /// Why it ended.
    pub stopped: String,
    /// Share of points on fresh deals, all opponents.
    pub held_out: Measured,
    /// The same by kind of opponent.
    pub by_opponent: Vec<Measured>,
    /// Fitness on those deals.
    pub fitness: f64,
    /// The built-in weights on the same deals.
    pub baseline: Measured,
    /// How much more the weights got than the built-in ones, deal by deal.
    pub gain: Measured,
    /// Games in all.
    pub games: u64,
    /// Every generation.
    pub history: Vec<Generation>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Elite {
    x: Vec<f64>,
    fitness: f64,
}

/// All that is needed to go on as if nothing had happened.
#[derive(Deserialize, Serialize)]
struct Checkpoint {
    version: u32,
    config: Config,
    mean: Vec<f64>,
    sigma: f64,
    c: Vec<f64>,
    pc: Vec<f64>,
    ps: Vec<f64>,
    generation: u64,
    rng: [u64; 4],
    elite: Vec<Elite>,
    history: Vec<Generation>,
    games: u64,
}

/// A search that goes on generation by generation.
pub struct Tuner<'c> {
    content: &'c Content,
    config: Config,
    arena: Arena,
    cma: Cma,
    elite: Vec<Elite>,
    /// Every generation so far.
    pub history: Vec<Generation>,
    /// Games so far.
    pub games: u64,
}

impl<'c> Tuner<'c> {
    /// A search from its start.
    ///
    /// # Errors
    /// If the configuration is wrong.
    pub fn new(content: &'c Content, config: Config) -> Result<Self, Wrong> {
        let (faction, rollout) = config.check()?;
        let arena = Arena::new(
            content,
            config.mode,
            faction,
            config.deck.as_deref(),
            config.opponent.as_deref(),
            config.mcts_sims,
            rollout,
        )?;
        let start = match &config.initial {
            None => Weights::default(),
            Some(values) => {
                let values: [f32; 28] = values.as_slice().try_into().map_err(|_| {
                    Wrong::option("initial-weights", format!("there are {} and not 28", values.len()))
                })?;
                Weights::new(values)
            }
        };
        let rng = Rng::stream(config.seed, Purpose::Search, &[]);
        let cma = Cma::new(to_unit(&start), config.sigma, config.lambda(), &rng);
        Ok(Self { content, config, arena, cma, elite: Vec::new(), history: Vec::new(), games: 0 })
    }

    /// A search that goes on from its checkpoint.
    ///
    /// # Errors
    /// If the checkpoint cannot be read, or is of another configuration.
    pub fn restored(content: &'c Content, config: Config, checkpoint: &str) -> Result<Self, Wrong> {
        let says = |what: String| Wrong::new("checkpoint", what);
        let found: Checkpoint = serde_json::from_str(checkpoint).map_err(|error| says(error.to_string()))?;
        if found.version != VERSION || found.config != config {
            return Err(says("is of another search".into()));
        }
        let mut made = Self::new(content, config)?;
        let n = made.cma.n;
        if [found.mean.len(), found.pc.len(), found.ps.len()] != [n; 3] || found.c.len() != n * n {
            return Err(says("has other variables".into()));
        }
        made.cma = Cma {
            n,
            lambda: made.cma.lambda,
            mean: found.mean,
            sigma: found.sigma,
            c: found.c,
            pc: found.pc,
            ps: found.ps,
            generation: found.generation,
            rng: found.rng,
        };
        made.elite = found.elite;
        made.history = found.history;
        made.games = found.games;
        Ok(made)
    }

    /// Everything that goes on needs, as JSON. Numbers come back bit by bit.
    ///
    /// # Errors
    /// If a number has become infinite, which JSON cannot hold.
    pub fn checkpoint(&self) -> Result<String, Wrong> {
        let made = Checkpoint {
            version: VERSION,
            config: self.config.clone(),
            mean: self.cma.mean.clone(),
            sigma: self.cma.sigma,
            c: self.cma.c.clone(),
            pc: self.cma.pc.clone(),
            ps: self.cma.ps.clone(),
            generation: self.cma.generation,
            rng: self.cma.rng,
            elite: self.elite.clone(),
            history: self.history.clone(),
            games: self.games,
        };
        serde_json::to_string(&made).map_err(|error| Wrong::new("checkpoint", error.to_string()))
    }

    /// Why there is no further generation, if there is none.
    #[must_use]
    pub fn ended(&self) -> Option<&'static str> {
        let last = self.history.last()?;
        if last.generation >= self.config.generations {
            Some("generations")
        } else if self.cma.sigma < self.config.min_sigma {
            Some("sigma")
        } else if self.config.target_win_rate.is_some_and(|target| last.mean_win_rate >= target) {
            Some("target win rate")
        } else {
            None
        }
    }

    /// The candidates of the next generation, as vectors of variables.
    pub fn ask(&mut self) -> Vec<Vec<f64>> {
        self.cma.ask()
    }

    /// The deals of generation `number` (from 0): the same for all of its candidates.
    #[must_use]
    pub fn deals(&self, number: u64) -> Vec<(Deal, usize)> {
        let pairs = self.config.games as usize / 2;
        self.arena.deals(self.config.seed, Purpose::Train, number * pairs as u64, pairs)
    }

    /// The scores of vectors on the deals of a generation, and what is minimised: −fitness with a penalty outside
    /// the ranges.
    ///
    /// # Errors
    /// If it was stopped.
    pub fn evaluate(
        &mut self,
        workers: &Workers,
        vectors: &[Vec<f64>],
        number: u64,
    ) -> Result<(Vec<Score>, Vec<f64>), Stopped> {
        let weights: Vec<Weights> = vectors.iter().map(|x| from_unit(x)).collect();
        let deals = self.deals(number);
        let scores = self.arena.scores(self.content, workers, &weights, &deals)?;
        self.games += 2 * (deals.len() * vectors.len()) as u64;
        let losses =
            scores.iter().zip(vectors).map(|(score, x)| outside(x) * PENALTY - score.fitness).collect();
        Ok((scores, losses))
    }

    /// One generation.
    ///
    /// # Errors
    /// If it was stopped: nothing of this generation has happened then.
    pub fn step(&mut self, workers: &Workers) -> Result<&Generation, Stopped> {
        let before = self.cma.clone();
        let asked = self.ask();
        let number = self.cma.generation;
        let (scores, losses) = match self.evaluate(workers, &asked, number) {
            Ok(found) => found,
            Err(stopped) => {
                self.cma = before;
                return Err(stopped);
            }
        };
        self.tell(&asked, &scores, &losses);
        Ok(&self.history[self.history.len() - 1])
    }

    fn tell(&mut self, asked: &[Vec<f64>], scores: &[Score], losses: &[f64]) {
        self.cma.tell(asked, losses);
        let best = (0..losses.len()).min_by(|&a, &b| losses[a].total_cmp(&losses[b])).unwrap_or(0);
        self.elite.push(Elite { x: asked[best].clone(), fitness: -losses[best] });
        self.elite.sort_by(|a, b| b.fitness.total_cmp(&a.fitness));
        self.elite.truncate(FINALISTS);
        let n = scores.len() as f64;
        let mean = |of: &dyn Fn(&Score) -> f64| scores.iter().map(of).sum::<f64>() / n;
        self.history.push(Generation {
            generation: self.cma.generation as u32,
            best_fitness: scores[best].fitness,
            best_win_rate: scores[best].all.mean,
            mean_fitness: mean(&|s| s.fitness),
            mean_win_rate: mean(&|s| s.all.mean),
            by_opponent: (0..KINDS.len()).map(|kind| mean(&|s| s.kinds[kind].mean)).collect(),
            sigma: self.cma.sigma,
            games: self.games,
        });
    }

    /// Compare the mean with the best candidates on fresh deals, and measure the winner on others.
    ///
    /// # Errors
    /// If it was stopped.
    pub fn finish(&mut self, workers: &Workers) -> Result<Outcome, Stopped> {
        let pairs = self.config.games as usize / 2;
        let mut finalists = vec![from_unit(&self.cma.mean)];
        finalists.extend(self.elite.iter().map(|elite| from_unit(&elite.x)));
        let seed = self.config.seed;
        let race = self.arena.deals(seed, Purpose::HeldOut, 0, pairs * RACE);
        let scores = self.arena.scores(self.content, workers, &finalists, &race)?;
        let best = (0..scores.len())
            .max_by(|&a, &b| scores[a].fitness.total_cmp(&scores[b].fitness).then(b.cmp(&a)))
            .unwrap_or(0);
        let deals = self.arena.deals(seed, Purpose::HeldOut, (pairs * RACE) as u64, pairs * MEASURE);
        let chosen = finalists[best];
        let both = [chosen, Weights::default()];
        let tasks: Vec<_> = both.iter().flat_map(|weights| self.arena.tasks(weights, &deals)).collect();
        let played = workers.play(self.content, &tasks)?;
        let (ours, theirs) = played.split_at(deals.len());
        let mut gain = Mean::default();
        let (mut held, mut base) = (Mean::default(), Mean::default());
        let mut kinds = [Mean::default(); 3];
        for (place, (one, other)) in ours.iter().zip(theirs).enumerate() {
            held.add(one.share());
            base.add(other.share());
            gain.add(0.5 + (one.share() - other.share()) / 2.0);
            kinds[deals[place].1].add(one.share());
        }
        let fitness = kinds.iter().zip(crate::evaluate::MIX).map(|(kind, mix)| mix * kind.mean).sum::<f64>();
        self.games += 2 * (race.len() * finalists.len() + deals.len() * 2) as u64;
        // A gain lies between −1 and 1: it was taken in as a share.
        let share = Measured::of(&gain);
        let signed = |x: f64| 2.0 * x - 1.0;
        Ok(Outcome {
            weights: chosen.values().to_vec(),
            chosen: if best == 0 { "mean" } else { "candidate" }.into(),
            stopped: self.ended().unwrap_or("stopped").into(),
            held_out: Measured::of(&held),
            by_opponent: kinds.iter().map(Measured::of).collect(),
            fitness,
            baseline: Measured::of(&base),
            gain: Measured {
                share: signed(share.share),
                low: signed(share.low),
                high: signed(share.high),
                deals: share.deals,
            },
            games: self.games,
            history: self.history.clone(),
        })
    }
}

/// The square of how far a vector lies outside 0 to 1.
fn outside(x: &[f64]) -> f64 {
    x.iter().map(|u| (u - u.clamp(0.0, 1.0)).powi(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::built_in;
    use essence_wars_core::play::Stop;

    fn config() -> Config {
        Config {
            mode: Mode::Generalist,
            faction: None,
            deck: None,
            opponent: None,
            generations: 4,
            games: 12,
            population: 6,
            mcts_sims: 2,
            rollout: "leaf".into(),
            sigma: 0.15,
            min_sigma: 0.001,
            target_win_rate: None,
            initial: None,
            seed: 7,
        }
    }

    #[test]
    fn it_plays_the_games_that_it_says() {
        let content = built_in().expect("the content is sound");
        let workers = Workers::new(1, Stop::default()).expect("a thread");
        let mut tuner = Tuner::new(&content, config()).expect("the configuration is right");
        while tuner.ended().is_none() {
            tuner.step(&workers).expect("nobody stops it");
        }
        assert_eq!(workers.played(), 4 * 6 * 12);
        let outcome = tuner.finish(&workers).expect("nobody stops it");
        assert_eq!(outcome.games, workers.played());
        assert_eq!(outcome.games, config().total_games());
    }

    #[test]
    fn a_killed_search_goes_on_bit_by_bit_and_threads_change_nothing() {
        let content = built_in().expect("the content is sound");
        let one = Workers::new(1, Stop::default()).expect("a thread");
        let two = Workers::new(2, Stop::default()).expect("threads");
        let mut whole = Tuner::new(&content, config()).expect("right");
        for _ in 0..4 {
            whole.step(&one).expect("nobody stops it");
        }
        let mut parts = Tuner::new(&content, config()).expect("right");
        parts.step(&two).expect("nobody stops it");
        parts.step(&two).expect("nobody stops it");
        let saved = parts.checkpoint().expect("finite");
        drop(parts);
        let mut parts = Tuner::restored(&content, config(), &saved).expect("it is ours");
        parts.step(&two).expect("nobody stops it");
        parts.step(&two).expect("nobody stops it");
        assert_eq!(whole.checkpoint().expect("finite"), parts.checkpoint().expect("finite"));
        assert_eq!(whole.finish(&one).expect("goes"), parts.finish(&two).expect("goes"));
    }

    #[test]
    fn a_stopped_generation_has_not_happened() {
        let content = built_in().expect("the content is sound");
        let stop = Stop::default();
        let workers = Workers::new(1, stop.clone()).expect("a thread");
        let mut tuner = Tuner::new(&content, config()).expect("right");
        let before = tuner.checkpoint().expect("finite");
        stop.set();
        assert!(tuner.step(&workers).is_err());
        assert_eq!(tuner.checkpoint().expect("finite"), before);
    }

    #[test]
    fn wrong_configurations_are_named() {
        let content = built_in().expect("the content is sound");
        let says = |change: &dyn Fn(&mut Config)| {
            let mut wrong = config();
            change(&mut wrong);
            Tuner::new(&content, wrong).err().map(|e| e.to_string()).unwrap_or_default()
        };
        assert!(says(&|c| c.games = 13).contains("games: 13 is odd"));
        assert!(says(&|c| c.sigma = 0.0).contains("sigma: 0"));
        assert!(says(&|c| c.mode = Mode::Specialist).contains("deck: a specialist needs it"));
        assert!(says(&|c| c.mode = Mode::FactionSpecialist).contains("faction: "));
        assert!(says(&|c| c.rollout = "wild".into()).contains("rollout: \"wild\""));
        assert!(says(&|c| c.faction = Some("x".into())).contains("no faction"));
    }
}
