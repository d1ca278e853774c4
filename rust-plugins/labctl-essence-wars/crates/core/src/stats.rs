//! Intervals. Every rate stands with its number and its interval.

use crate::num::exp;

/// Two-sided 95 %.
pub const Z95: f64 = 1.959_963_984_540_054;
/// Two-sided 95 % over 40 comparisons (Bonferroni).
pub const Z40: f64 = 3.23;

/// Wilson's interval (1927) of a share: `points` out of `n`, at `z` standard deviations; [0, 1] if `n` is 0.
#[must_use]
pub fn wilson(points: f64, n: f64, z: f64) -> (f64, f64) {
    if n <= 0.0 {
        return (0.0, 1.0);
    }
    let p = points / n;
    let square = z * z / n;
    let centre = (p + square / 2.0) / (1.0 + square);
    let half = z / (1.0 + square) * (p * (1.0 - p) / n + square / (4.0 * n)).max(0.0).sqrt();
    ((centre - half).max(0.0), (centre + half).min(1.0))
}

/// Mean and variance, one value after another (Welford 1962).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mean {
    /// How many.
    pub n: f64,
    /// Their mean.
    pub mean: f64,
    squares: f64,
}

impl Mean {
    /// Take a value in.
    pub fn add(&mut self, value: f64) {
        self.n += 1.0;
        let off = value - self.mean;
        self.mean += off / self.n;
        self.squares += off * (value - self.mean);
    }

    /// The variance of the values, with n − 1; 0 of fewer than 2.
    #[must_use]
    pub fn variance(&self) -> f64 {
        if self.n < 2.0 {
            0.0
        } else {
            self.squares / (self.n - 1.0)
        }
    }

    /// The interval of the mean at `z` standard errors, within [0, 1].
    ///
    /// Values that are all alike say nothing of their spread: Wilson's interval, with each value as one trial, is
    /// never narrower than what that would leave.
    #[must_use]
    pub fn interval(&self, z: f64) -> (f64, f64) {
        if self.n < 2.0 {
            return (0.0, 1.0);
        }
        let spread = self.variance().max(1.0 / (4.0 * self.n * self.n));
        let half = z * (spread / self.n).sqrt();
        let low = self.mean - half;
        let high = self.mean + half;
        if self.mean <= 0.0 || self.mean >= 1.0 {
            return wilson(self.mean * self.n, self.n, z);
        }
        (low.max(0.0), high.min(1.0))
    }
}

/// What a band says of an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The interval lies inside the band.
    Balanced,
    /// The interval lies outside the band.
    Imbalanced,
    /// It does neither: play more.
    Undecided,
}

impl Verdict {
    /// Its name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Balanced => "balanced",
            Self::Imbalanced => "imbalanced",
            Self::Undecided => "undecided",
        }
    }

    /// What the band `within` says of `interval`.
    #[must_use]
    pub fn of(interval: (f64, f64), within: (f64, f64)) -> Self {
        if interval.0 >= within.0 && interval.1 <= within.1 {
            Self::Balanced
        } else if interval.0 > within.1 || interval.1 < within.0 {
            Self::Imbalanced
        } else {
            Self::Undecided
        }
    }
}

/// The upper tail of the standard normal distribution at `z`, to 1e-7 (Abramowitz and Stegun 26.2.17).
#[must_use]
pub fn upper_tail(z: f64) -> f64 {
    if z < 0.0 {
        return 1.0 - upper_tail(-z);
    }
    let t = 1.0 / (1.0 + 0.231_641_9 * z);
    let series = ((((1.330_274_429 * t - 1.821_255_978) * t + 1.781_477_937) * t - 0.356_563_782) * t
        + 0.319_381_530)
        * t;
    exp(-z * z / 2.0) / (2.0 * std::f64::consts::PI).sqrt() * series
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilson_gives_the_known_values() {
        // 10 of 20: 0.2993 to 0.7007; 0 of 10: 0 to 0.2775 (Newcombe 1998 has the method's values).
        let (low, high) = wilson(10.0, 20.0, Z95);
        assert!((low - 0.2993).abs() < 1e-4 && (high - 0.7007).abs() < 1e-4);
        let (low, high) = wilson(0.0, 10.0, Z95);
        assert!(low == 0.0 && (high - 0.2775).abs() < 1e-4);
        assert_eq!(wilson(0.0, 0.0, Z95), (0.0, 1.0));
    }

    #[test]
    fn verdicts() {
        assert_eq!(Verdict::of((0.45, 0.55), (0.4, 0.6)), Verdict::Balanced);
        assert_eq!(Verdict::of((0.61, 0.65), (0.4, 0.6)), Verdict::Imbalanced);
        assert_eq!(Verdict::of((0.58, 0.65), (0.4, 0.6)), Verdict::Undecided);
    }

    #[test]
    fn mean_and_variance() {
        let mut mean = Mean::default();
        [0.0, 0.5, 1.0, 0.5].iter().for_each(|&v| mean.add(v));
        assert!((mean.mean - 0.5).abs() < 1e-15 && (mean.variance() - 1.0 / 6.0).abs() < 1e-15);
        assert!((upper_tail(Z95) - 0.025).abs() < 1e-6);
        assert!((upper_tail(Z40) * 2.0 * 40.0 - 0.05).abs() < 1e-3);
    }
}
