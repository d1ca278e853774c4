//! Balance: every deck against every deck of the other factions, each deal with both seats.

use std::collections::BTreeMap;

use essence_wars_core::bots::Bot;
use essence_wars_core::content::{Content, Faction};
use essence_wars_core::eval::Weights;
use essence_wars_core::mcts::Settings;
use essence_wars_core::play::{Deal, Pair};
use essence_wars_core::rating::{bradley_terry, Result as GameResult};
use essence_wars_core::rng::Purpose;
use essence_wars_core::state::Outcome;
use essence_wars_core::stats::{wilson, Mean, Verdict, Z40, Z95};
use serde::{Deserialize, Serialize};

use crate::error::Wrong;
use crate::parallel::{Stopped, Task, Workers};
use crate::tune::rollout;

/// Shares of the first seat within which a game is balanced.
pub const SEAT: (f64, f64) = (0.48, 0.54);
/// Shares of a faction.
pub const FACTION: (f64, f64) = (0.47, 0.53);
/// Shares of a matchup of two decks.
pub const MATCHUP: (f64, f64) = (0.40, 0.60);
/// Deals that are played in one go.
const CHUNK: usize = 64;

/// What is to be validated.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Games of a matchup in each direction.
    pub games: u32,
    /// Simulations of both players.
    pub mcts_sims: u32,
    /// How they value leaves.
    pub rollout: String,
    /// Everything random follows from it.
    pub seed: u64,
    /// Two factions, `a-b`, in either order, or one; all if empty.
    #[serde(default)]
    pub matchup: String,
    /// Weights by faction; built-in ones where there are none.
    #[serde(default)]
    pub weights: BTreeMap<String, Vec<f32>>,
}

/// Two decks and how they did.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Matchup {
    /// Faction of the first deck.
    pub faction1: String,
    /// Faction of the second deck.
    pub faction2: String,
    /// The first deck.
    pub deck1_id: String,
    /// The second deck.
    pub deck2_id: String,
    /// Games that the first deck won in the first seat.
    pub f1_as_p1_wins: u64,
    /// Games with the first deck in the first seat.
    pub f1_as_p1_games: u64,
    /// Games that the first deck won in the second seat.
    pub f1_as_p2_wins: u64,
    /// Games with the first deck in the second seat.
    pub f1_as_p2_games: u64,
    /// Games that the first deck won.
    pub faction1_total_wins: u64,
    /// Games that the second deck won.
    pub faction2_total_wins: u64,
    /// Games that nobody won.
    pub draws: u64,
    /// Of them with the first deck in the first seat.
    pub dir1_draws: u64,
    /// And in the second.
    pub dir2_draws: u64,
    /// Games.
    pub total_games: u64,
    /// Wins of the first deck among the decided games.
    pub faction1_win_rate: f64,
    /// Wins of the second deck among the decided games.
    pub faction2_win_rate: f64,
    /// Mean of turns.
    pub avg_turns: f64,
    /// Turns within which 10, 50 and 90 of 100 games were over.
    pub turns_percentiles: [u8; 3],
    /// Share of points of the first deck, draws as a half.
    pub share: f64,
    /// Its interval at z = 3.23, each deal as one value.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Wilson's interval at the same z, each game as one value.
    pub wilson_low: f64,
    /// Upper end.
    pub wilson_high: f64,
    /// Deals.
    pub deals: u64,
    /// Variance of a deal's share.
    pub variance: f64,
    /// *balanced*, *imbalanced* or *undecided*.
    pub verdict: String,
}

/// What all matchups together say.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Summary {
    /// Share of points of the first seat.
    pub p1_win_rate: f64,
    /// Its interval at 95 %.
    pub p1_interval: [f64; 2],
    /// Its verdict.
    pub p1_status: String,
    /// Shares of points by faction.
    pub faction_win_rates: BTreeMap<String, f64>,
    /// Their intervals at 95 %.
    pub faction_intervals: BTreeMap<String, [f64; 2]>,
    /// The greatest difference between two factions.
    pub max_faction_delta: f64,
    /// The worst verdict of a faction.
    pub faction_status: String,
    /// How many matchups are balanced, imbalanced, undecided.
    pub matchups: BTreeMap<String, u64>,
    /// The worst of all verdicts.
    pub overall_status: String,
    /// Elo points that the first seat is worth.
    pub seat_elo: f64,
    /// Decks: rating in Elo points (mean 0), and share of points.
    pub deck_stats: Vec<DeckStats>,
    /// What stands out, in words.
    pub warnings: Vec<String>,
}

/// A deck among the others.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct DeckStats {
    /// The deck.
    pub deck_id: String,
    /// Its faction.
    pub faction: String,
    /// Rating of Bradley and Terry, in Elo points.
    pub rating: f64,
    /// Share of points.
    pub share: f64,
    /// Games.
    pub games: u64,
}

/// A validation, or a part of one.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Results {
    /// What was asked for.
    pub config: Config,
    /// Every matchup, in a fixed order.
    pub matchups: Vec<Matchup>,
}

/// Two factions, in a fixed order.
pub type FactionPair = (Faction, Faction);

/// The three pairs of factions.
pub const PAIRS: [FactionPair; 3] = [
    (Faction::Argentum, Faction::Symbiote),
    (Faction::Argentum, Faction::Obsidion),
    (Faction::Symbiote, Faction::Obsidion),
];

impl Config {
    /// The matchups that are meant, as pairs of decks, in a fixed order.
    ///
    /// # Errors
    /// If the filter names no faction, or the same twice.
    pub fn matchups(&self, content: &Content) -> Result<Vec<[usize; 2]>, Wrong> {
        let wrong = || {
            let known = Faction::FIGHTING.map(Faction::name).join(", ");
            let what = format!(
                "{:?} is neither a faction nor two of them, as in argentum-symbiote ({known})",
                self.matchup
            );
            Wrong::option("matchup", what)
        };
        let named: Vec<Faction> = match self.matchup.as_str() {
            "" => Vec::new(),
            text => text
                .split('-')
                .map(|name| Faction::by_name(name).filter(|&f| f != Faction::Neutral).ok_or_else(wrong))
                .collect::<Result<_, _>>()?,
        };
        if named.len() > 2 || (named.len() == 2 && named[0] == named[1]) {
            return Err(wrong());
        }
        let meant = |(one, two): &FactionPair| named.iter().all(|faction| faction == one || faction == two);
        Ok(PAIRS
            .iter()
            .filter(|pair| meant(pair))
            .flat_map(|&(one, two)| {
                let (ones, twos) = (content.decks_of(one), content.decks_of(two));
                ones.into_iter().flat_map(move |a| twos.clone().into_iter().map(move |b| [a, b]))
            })
            .collect())
    }

    /// Games in all.
    ///
    /// # Errors
    /// As [`Config::matchups`].
    pub fn total_games(&self, content: &Content) -> Result<u64, Wrong> {
        Ok(self.matchups(content)?.len() as u64 * 2 * u64::from(self.games))
    }

    fn bots(&self) -> Result<BTreeMap<Faction, Bot>, Wrong> {
        if self.games == 0 || self.mcts_sims == 0 {
            return Err(Wrong::option("games", "games and simulations have to be at least 1"));
        }
        let settings =
            Settings { simulations: self.mcts_sims, rollout: rollout(&self.rollout)?, ..Settings::default() };
        for name in self.weights.keys() {
            if Faction::by_name(name).is_none_or(|f| f == Faction::Neutral) {
                return Err(Wrong::option("weights", format!("there is no faction {name:?}")));
            }
        }
        Faction::FIGHTING
            .into_iter()
            .map(|faction| {
                let weights = match self.weights.get(faction.name()) {
                    None => Weights::default(),
                    Some(values) => Weights::new(values.as_slice().try_into().map_err(|_| {
                        Wrong::option("weights", format!("{} has not 28 of them", faction.name()))
                    })?),
                };
                Ok((faction, Bot::Mcts(weights, settings)))
            })
            .collect()
    }
}

/// Play what is meant. `done` is told after each matchup.
///
/// # Errors
/// Wrong if the configuration is; Stopped inside if it was stopped.
pub fn validate(
    content: &Content,
    config: &Config,
    workers: &Workers,
    mut done: impl FnMut(&Matchup),
) -> Result<Result<Results, Stopped>, Wrong> {
    let bots = config.bots()?;
    let mut matchups = Vec::new();
    for decks in config.matchups(content)? {
        let [one, two] = decks.map(|deck| &content.decks[deck]);
        let mut pairs = Vec::new();
        let numbers: Vec<u64> = (0..u64::from(config.games)).collect();
        for chunk in numbers.chunks(CHUNK) {
            let tasks: Vec<Task> = chunk
                .iter()
                .map(|&number| Task {
                    deal: deal_of(decks, [&one.id, &two.id], config.seed, number),
                    a: bots[&one.faction],
                    b: bots[&two.faction],
                })
                .collect();
            match workers.play(content, &tasks) {
                Ok(found) => pairs.extend(found),
                Err(stopped) => return Ok(Err(stopped)),
            }
        }
        let made = matchup(content, decks, &pairs);
        done(&made);
        matchups.push(made);
    }
    Ok(Ok(Results { config: config.clone(), matchups }))
}

/// A deal of a matchup. It is numbered by the decks' names, so that a part has the same deals as the whole.
#[must_use]
pub fn deal_of(decks: [usize; 2], ids: [&str; 2], seed: u64, number: u64) -> Deal {
    let [one, two] = ids.map(|id| {
        let mut hash = essence_wars_core::state::Fnv(0xCBF2_9CE4_8422_2325);
        id.bytes().for_each(|byte| hash.add(byte));
        hash.0
    });
    Deal::numbered(decks, seed, Purpose::Validate, &[one, two, number])
}

fn matchup(content: &Content, decks: [usize; 2], pairs: &[Pair]) -> Matchup {
    let [one, two] = decks.map(|deck| &content.decks[deck]);
    let won = |seat: usize, by_first: bool| {
        let winner = if by_first { seat } else { 1 - seat } as u8;
        pairs.iter().filter(|pair| pair.games[seat].outcome == Outcome::Won(winner)).count() as u64
    };
    let n = pairs.len() as u64;
    let wins = [won(0, true), won(1, true)];
    let losses = [won(0, false), won(1, false)];
    let mut share = Mean::default();
    pairs.iter().for_each(|pair| share.add(pair.share()));
    let mut turns: Vec<u8> = pairs.iter().flat_map(|pair| pair.games.map(|game| game.turns)).collect();
    turns.sort_unstable();
    let at = |percent: usize| turns.get(turns.len() * percent / 100).copied().unwrap_or(0);
    let (first, second) = (wins[0] + wins[1], losses[0] + losses[1]);
    let decided = (first + second).max(1) as f64;
    let interval = share.interval(Z40);
    let (wilson_low, wilson_high) = wilson(share.mean * share.n * 2.0, share.n * 2.0, Z40);
    Matchup {
        faction1: one.faction.name().into(),
        faction2: two.faction.name().into(),
        deck1_id: one.id.clone(),
        deck2_id: two.id.clone(),
        f1_as_p1_wins: wins[0],
        f1_as_p1_games: n,
        f1_as_p2_wins: wins[1],
        f1_as_p2_games: n,
        faction1_total_wins: first,
        faction2_total_wins: second,
        draws: 2 * n - first - second,
        dir1_draws: n - wins[0] - losses[0],
        dir2_draws: n - wins[1] - losses[1],
        total_games: 2 * n,
        faction1_win_rate: first as f64 / decided,
        faction2_win_rate: second as f64 / decided,
        avg_turns: turns.iter().map(|&t| f64::from(t)).sum::<f64>() / turns.len().max(1) as f64,
        turns_percentiles: [at(10), at(50), at(90)],
        share: share.mean,
        low: interval.0,
        high: interval.1,
        wilson_low,
        wilson_high,
        deals: n,
        variance: share.variance(),
        verdict: Verdict::of(interval, MATCHUP).name().into(),
    }
}

/// Put parts together, in the fixed order of the whole.
///
/// # Errors
/// If a matchup is there twice, is missing, or the parts were not asked for the same.
pub fn merge(content: &Content, parts: &[Results]) -> Result<Results, Wrong> {
    let says = |what: String| Wrong::new("results", what);
    let Some(first) = parts.first() else { return Err(says("there are no parts".into())) };
    let whole = Config { matchup: String::new(), ..first.config.clone() };
    if parts.iter().any(|part| Config { matchup: String::new(), ..part.config.clone() } != whole) {
        return Err(says("the parts were not asked for the same".into()));
    }
    let mut found: BTreeMap<(&str, &str), &Matchup> = BTreeMap::new();
    for made in parts.iter().flat_map(|part| &part.matchups) {
        if found.insert((&made.deck1_id, &made.deck2_id), made).is_some() {
            return Err(says(format!("{} against {} is there twice", made.deck1_id, made.deck2_id)));
        }
    }
    let mut matchups = Vec::new();
    for [a, b] in whole.matchups(content)? {
        let (a, b) = (&content.decks[a].id, &content.decks[b].id);
        let Some(made) = found.remove(&(a.as_str(), b.as_str())) else {
            return Err(says(format!("{a} against {b} is missing")));
        };
        matchups.push(made.clone());
    }
    if let Some(((a, b), _)) = found.first_key_value() {
        return Err(says(format!("{a} against {b} is no matchup of this content")));
    }
    Ok(Results { config: whole, matchups })
}

/// What the matchups say together.
#[must_use]
pub fn summarise(results: &Results) -> Summary {
    let matchups = &results.matchups;
    let (mut seat, mut seat_games) = (0.0, 0.0);
    let mut factions: BTreeMap<String, Pooled> = BTreeMap::new();
    for m in matchups {
        let first = m.f1_as_p1_wins as f64 + m.dir1_draws as f64 / 2.0;
        let second = m.f1_as_p2_games as f64 - m.f1_as_p2_wins as f64 - m.dir2_draws as f64 / 2.0;
        seat += first + second;
        seat_games += m.total_games as f64;
        factions.entry(m.faction1.clone()).or_default().add(m.share, m.variance, m.deals as f64);
        factions.entry(m.faction2.clone()).or_default().add(1.0 - m.share, m.variance, m.deals as f64);
    }
    let p1 = seat / seat_games.max(1.0);
    let p1_interval = wilson(seat, seat_games, Z95);
    let p1_status = Verdict::of(p1_interval, SEAT);
    let rates: BTreeMap<String, f64> =
        factions.iter().map(|(name, pooled)| (name.clone(), pooled.mean())).collect();
    let intervals: BTreeMap<String, [f64; 2]> =
        factions.iter().map(|(name, pooled)| (name.clone(), pooled.interval(Z95))).collect();
    let status = intervals.values().map(|i| Verdict::of((i[0], i[1]), FACTION));
    let faction_status = worst(status);
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for verdict in [Verdict::Balanced, Verdict::Imbalanced, Verdict::Undecided] {
        let n = matchups.iter().filter(|m| m.verdict == verdict.name()).count();
        counts.insert(verdict.name().into(), n as u64);
    }
    let of_matchups = worst(matchups.iter().map(|m| by_name(&m.verdict)));
    let (deck_stats, seat_elo) = ratings(matchups);
    let high = rates.values().copied().fold(f64::MIN, f64::max);
    let low = rates.values().copied().fold(f64::MAX, f64::min);
    Summary {
        p1_win_rate: p1,
        p1_interval: [p1_interval.0, p1_interval.1],
        p1_status: p1_status.name().into(),
        max_faction_delta: if rates.is_empty() { 0.0 } else { high - low },
        faction_status: faction_status.name().into(),
        overall_status: worst([p1_status, faction_status, of_matchups].into_iter()).name().into(),
        warnings: warnings(matchups, p1, p1_status, &intervals),
        faction_win_rates: rates,
        faction_intervals: intervals,
        matchups: counts,
        seat_elo,
        deck_stats,
    }
}

fn by_name(name: &str) -> Verdict {
    [Verdict::Balanced, Verdict::Imbalanced]
        .into_iter()
        .find(|v| v.name() == name)
        .unwrap_or(Verdict::Undecided)
}

fn worst(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    verdicts.fold(Verdict::Balanced, |worst, one| match (worst, one) {
        (Verdict::Imbalanced, _) | (_, Verdict::Imbalanced) => Verdict::Imbalanced,
        (Verdict::Undecided, _) | (_, Verdict::Undecided) => Verdict::Undecided,
        _ => Verdict::Balanced,
    })
}

/// Matchups are strata of equal right: the mean of their shares, and the variance of that mean.
#[derive(Default)]
struct Pooled {
    sum: f64,
    variance: f64,
    strata: f64,
}

impl Pooled {
    fn add(&mut self, share: f64, variance: f64, n: f64) {
        self.sum += share;
        self.variance += variance.max(1.0 / (4.0 * n.max(1.0) * n.max(1.0))) / n.max(1.0);
        self.strata += 1.0;
    }

    fn mean(&self) -> f64 {
        self.sum / self.strata.max(1.0)
    }

    fn interval(&self, z: f64) -> [f64; 2] {
        let half = z * self.variance.sqrt() / self.strata.max(1.0);
        [(self.mean() - half).max(0.0), (self.mean() + half).min(1.0)]
    }
}

fn ratings(matchups: &[Matchup]) -> (Vec<DeckStats>, f64) {
    let mut ids: Vec<(&str, &str)> = Vec::new();
    for m in matchups {
        ids.push((&m.deck1_id, &m.faction1));
        ids.push((&m.deck2_id, &m.faction2));
    }
    ids.sort_unstable();
    ids.dedup();
    let place = |id: &str| ids.iter().position(|(known, _)| *known == id).unwrap_or(0);
    let mut results = Vec::new();
    for m in matchups {
        let (one, two) = (place(&m.deck1_id), place(&m.deck2_id));
        let first = m.f1_as_p1_wins as f64 + m.dir1_draws as f64 / 2.0;
        let second = m.f1_as_p2_games as f64 - m.f1_as_p2_wins as f64 - m.dir2_draws as f64 / 2.0;
        results.push(GameResult { one, two, points: first, games: m.f1_as_p1_games as f64 });
        results.push(GameResult { one: two, two: one, points: second, games: m.f1_as_p2_games as f64 });
    }
    let (ratings, seat) = bradley_terry(ids.len(), &results);
    let stats = ids
        .iter()
        .enumerate()
        .map(|(place, (id, faction))| {
            let (mut points, mut games) = (0.0, 0.0);
            for r in &results {
                if r.one == place {
                    points += r.points;
                    games += r.games;
                } else if r.two == place {
                    points += r.games - r.points;
                    games += r.games;
                }
            }
            DeckStats {
                deck_id: (*id).into(),
                faction: (*faction).into(),
                rating: ratings[place],
                share: points / games.max(1.0),
                games: games as u64,
            }
        })
        .collect();
    (stats, seat)
}

fn warnings(
    matchups: &[Matchup],
    p1: f64,
    seat: Verdict,
    factions: &BTreeMap<String, [f64; 2]>,
) -> Vec<String> {
    let mut said = Vec::new();
    if seat == Verdict::Imbalanced {
        said.push(format!("the first seat has {:.1} % of the points", p1 * 100.0));
    }
    for (name, i) in factions {
        if Verdict::of((i[0], i[1]), FACTION) == Verdict::Imbalanced {
            said.push(format!("{name} has {:.1} to {:.1} % of the points", i[0] * 100.0, i[1] * 100.0));
        }
    }
    for m in matchups.iter().filter(|m| m.verdict == Verdict::Imbalanced.name()) {
        let range = format!("{:.1} to {:.1} %", m.low * 100.0, m.high * 100.0);
        said.push(format!("{} has {range} of the points against {}", m.deck1_id, m.deck2_id));
    }
    said
}
