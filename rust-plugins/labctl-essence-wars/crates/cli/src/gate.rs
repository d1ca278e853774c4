//! The test before weights are deployed: new against current ones on fresh deals, each with both seats.
//!
//! It looks several times, each time with twice the deals. Every look has its share of the error (Bonferroni), so
//! that looking early costs width and never honesty.

use essence_wars_core::bots::Bot;
use essence_wars_core::content::{Content, Faction};
use essence_wars_core::eval::Weights;
use essence_wars_core::play::Deal;
use essence_wars_core::rng::Purpose;
use essence_wars_core::stats::Mean;
use serde::{Deserialize, Serialize};

use crate::error::Wrong;
use crate::parallel::{Stopped, Task, Workers};

/// Deals of the first look.
const FIRST: usize = 250;
/// Looks at most; each doubles the deals.
const LOOKS: u32 = 7;
/// Two-sided 5 % over seven looks.
const Z: f64 = 2.690_110;
/// How much less than half of the points is still no worse.
pub const MARGIN: f64 = 0.01;

/// What is compared.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The new weights.
    pub new: Vec<f32>,
    /// Those in place.
    pub current: Vec<f32>,
    /// With which decks: a faction's, or all.
    #[serde(default)]
    pub faction: Option<String>,
    /// Everything random follows from it.
    pub seed: u64,
}

/// What was found.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Gate {
    /// *better*, *not worse*, *worse* or *cannot tell*.
    pub verdict: String,
    /// Share of points of the new weights against the current ones. With a faction's decks, which both play
    /// against the same others: a half, and how much more of the points the new ones get.
    pub share: f64,
    /// Lower end of its interval, which all looks together keep at 95 %.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Deals.
    pub deals: u64,
    /// Whether they go in place: *better* and *not worse* do.
    pub passes: bool,
}

/// Compare. Both use the weights as a greedy player does; on every matchup both have each deck.
///
/// # Errors
/// Wrong if the configuration is; Stopped inside if it was stopped.
pub fn gate(content: &Content, config: &Config, workers: &Workers) -> Result<Result<Gate, Stopped>, Wrong> {
    let weights = |name: &str, values: &[f32]| -> Result<Weights, Wrong> {
        let values: [f32; 28] = values
            .try_into()
            .map_err(|_| Wrong::option(name, format!("there are {} weights and not 28", values.len())))?;
        Ok(Weights::new(values))
    };
    let (new, current) = (weights("new", &config.new)?, weights("current", &config.current)?);
    let own: Vec<usize> = match &config.faction {
        None => (0..content.decks.len()).collect(),
        Some(name) => {
            let faction = Faction::by_name(name)
                .ok_or_else(|| Wrong::option("faction", format!("there is no faction {name:?}")))?;
            content.decks_of(faction)
        }
    };
    let others: Vec<usize> = match &config.faction {
        None => own.clone(),
        Some(_) => (0..content.decks.len()).filter(|deck| !own.contains(deck)).collect(),
    };
    let matchups: Vec<[usize; 2]> = own.iter().flat_map(|&a| others.iter().map(move |&b| [a, b])).collect();
    let mut share = Mean::default();
    let mut found =
        Gate { verdict: "cannot tell".into(), share: 0.5, low: 0.0, high: 1.0, deals: 0, passes: false };
    for look in 0..LOOKS {
        let until = FIRST << look;
        let tasks: Vec<Task> = (share.n as usize..until)
            .flat_map(|number| {
                let decks = matchups[number % matchups.len()];
                let deal = Deal::numbered(decks, config.seed, Purpose::Gate, &[number as u64]);
                // The faction's decks are played by the new weights, then by the current ones, against the same
                // opponent: what is compared is what each makes of them.
                pairings(config.faction.is_some(), deal, new, current)
            })
            .collect();
        let pairs = match workers.play(content, &tasks) {
            Ok(pairs) => pairs,
            Err(stopped) => return Ok(Err(stopped)),
        };
        if config.faction.is_some() {
            pairs.chunks(2).for_each(|two| share.add(0.5 + (two[0].share() - two[1].share()) / 2.0));
        } else {
            pairs.iter().for_each(|pair| share.add(pair.share()));
        }
        found = judged(&share, config.faction.is_some());
        if found.verdict != "cannot tell" {
            break;
        }
    }
    Ok(Ok(found))
}

fn pairings(specialist: bool, deal: Deal, new: Weights, current: Weights) -> Vec<Task> {
    if specialist {
        let b = Bot::Greedy(Weights::default());
        vec![Task { deal, a: Bot::Greedy(new), b }, Task { deal, a: Bot::Greedy(current), b }]
    } else {
        vec![Task { deal, a: Bot::Greedy(new), b: Bot::Greedy(current) }]
    }
}

/// `apart`: what was taken in is half a difference, which is told as a share that is that much above a half.
fn judged(share: &Mean, apart: bool) -> Gate {
    let told = |x: f64| if apart { 2.0 * x - 0.5 } else { x };
    let interval = share.interval(Z);
    let (low, high) = (told(interval.0), told(interval.1));
    let verdict = if low > 0.5 {
        "better"
    } else if low > 0.5 - MARGIN {
        "not worse"
    } else if high < 0.5 {
        "worse"
    } else {
        "cannot tell"
    };
    let passes = matches!(verdict, "better" | "not worse");
    Gate { verdict: verdict.into(), share: told(share.mean), low, high, deals: share.n as u64, passes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::built_in;
    use essence_wars_core::eval::TABLE;
    use essence_wars_core::play::Stop;

    fn built_in_weights() -> Vec<f32> {
        TABLE.iter().map(|weight| weight.value).collect()
    }

    fn ask(new: Vec<f32>, current: Vec<f32>, faction: Option<&str>) -> Gate {
        let content = built_in().expect("the content is sound");
        let workers = Workers::new(2, Stop::default()).expect("threads");
        let config = Config { new, current, faction: faction.map(Into::into), seed: 3 };
        gate(&content, &config, &workers).expect("right").expect("nobody stops it")
    }

    #[test]
    fn bad_weights_are_found_to_be_worse_and_good_ones_better() {
        let mut bad = built_in_weights();
        (bad[1], bad[4], bad[5]) = (0.0, 0.0, 0.0); // it looks at nothing of the enemy's
        for faction in [None, Some("argentum")] {
            assert_eq!(ask(bad.clone(), built_in_weights(), faction).verdict, "worse", "{faction:?}");
            let good = ask(built_in_weights(), bad.clone(), faction);
            assert_eq!(good.verdict, "better", "{faction:?}");
            assert!(good.passes && good.low > 0.5);
        }
    }

    #[test]
    fn the_same_weights_are_never_called_better_or_worse() {
        let found = ask(built_in_weights(), built_in_weights(), None);
        assert!(!["better", "worse"].contains(&found.verdict.as_str()), "{found:?}");
        assert!((found.share - 0.5).abs() < 0.03, "{found:?}");
    }

    #[test]
    fn rubbish_is_named() {
        let content = built_in().expect("the content is sound");
        let workers = Workers::new(1, Stop::default()).expect("a thread");
        let config = Config { new: vec![1.0], current: built_in_weights(), faction: None, seed: 1 };
        let wrong = gate(&content, &config, &workers).expect_err("one weight").to_string();
        assert!(wrong.contains("new: there are 1 weights"), "{wrong}");
    }
}
