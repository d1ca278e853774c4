//! Ratings by Bradley and Terry (1952), with a term for the first seat.

use crate::num::{ln, logistic};

/// Points of one side in games of `one` in the first seat against `two`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Result {
    /// In the first seat.
    pub one: usize,
    /// In the second seat.
    pub two: usize,
    /// Points of `one`: draws count a half.
    pub points: f64,
    /// Games.
    pub games: f64,
}

/// Ratings of maximum likelihood, in Elo's units (400 for odds of ten), with mean 0, and what the first seat is worth.
///
/// Each has a little prior weight, a drawn game with an average player, so that who has won all has a finite one.
#[must_use]
pub fn bradley_terry(players: usize, results: &[Result]) -> (Vec<f64>, f64) {
    let mut rating = vec![0.0; players];
    let mut seat = 0.0;
    // Newton's steps in one variable after another: the likelihood is concave, so they climb.
    for _ in 0..500 {
        let mut moved: f64 = 0.0;
        for player in 0..=players {
            let (mut slope, mut curve) = (0.0, 0.0);
            for r in results {
                let sign = if player == players || r.one == player {
                    1.0
                } else if r.two == player {
                    -1.0
                } else {
                    continue;
                };
                if r.one == r.two && player < players {
                    continue;
                }
                let p = logistic(rating[r.one] - rating[r.two] + seat);
                slope += sign * (r.points - r.games * p);
                curve += r.games * p * (1.0 - p);
            }
            let value = if player == players { seat } else { rating[player] };
            let p = logistic(value);
            let step = (slope + 0.5 - p) / (curve + p * (1.0 - p));
            if player == players {
                seat += step;
            } else {
                rating[player] += step;
            }
            moved = moved.max(step.abs());
        }
        if moved < 1e-10 {
            break;
        }
    }
    let mean = rating.iter().sum::<f64>() / players.max(1) as f64;
    let unit = 400.0 / ln(10.0);
    (rating.iter().map(|r| (r - mean) * unit).collect(), seat * unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::num::exp;
    use crate::rng::Rng;

    /// The share of points that a difference of Elo's units stands for.
    fn expected(difference: f64) -> f64 {
        1.0 / (1.0 + exp(-difference * ln(10.0) / 400.0))
    }

    #[test]
    fn it_finds_the_ratings_that_made_the_games() {
        let truth = [-150.0, -20.0, 40.0, 130.0];
        let seat = 35.0;
        let mut rng = Rng::new(2);
        let mut results = Vec::new();
        for one in 0..4 {
            for two in 0..4 {
                if one != two {
                    let games = 20_000;
                    let p = expected(truth[one] - truth[two] + seat);
                    let points = (0..games).filter(|_| rng.unit() < p).count() as f64;
                    results.push(Result { one, two, points, games: f64::from(games) });
                }
            }
        }
        let (found, first) = bradley_terry(4, &results);
        for (rating, wanted) in found.iter().zip(truth) {
            assert!((rating - wanted).abs() < 5.0, "{found:?}");
        }
        assert!((first - seat).abs() < 4.0, "{first}");
    }

    #[test]
    fn who_has_won_all_has_a_finite_rating() {
        let results = [Result { one: 0, two: 1, points: 10.0, games: 10.0 }];
        let (found, _) = bradley_terry(2, &results);
        assert!(found[0].is_finite() && found[0] > found[1]);
    }
}
