//! CMA-ES with active update: Hansen, *The CMA evolution strategy: a tutorial* (2016, arXiv 1604.00772).
//!
//! Constants and the order of the updates are those of pycma 4.5, against which a test pins it step by step:
//! the damping of the step size, the length of negative steps, and the stall of the rank-one path.

use crate::eigen::symmetric;
use crate::num::{exp, ln};
use crate::rng::Rng;

/// What follows from the dimension and the number of candidates.
#[derive(Clone, Debug, PartialEq)]
pub struct Constants {
    /// Weights of the candidates, the best first; the first `mu` are positive and sum to 1.
    pub weights: Vec<f64>,
    /// How many are positive.
    pub mu: usize,
    /// Variance-effective selection mass.
    pub mueff: f64,
    /// Rate of the rank-one path.
    pub cc: f64,
    /// Rate of the step-size path.
    pub cs: f64,
    /// Rate of the rank-one update.
    pub c1: f64,
    /// Rate of the rank-mu update.
    pub cmu: f64,
    /// Damping of the step size.
    pub damps: f64,
}

impl Constants {
    /// Constants for `n` variables and `lambda` candidates (at least 3).
    #[must_use]
    pub fn new(n: usize, lambda: usize) -> Self {
        let nf = n as f64;
        let mut weights: Vec<f64> =
            (1..=lambda).map(|i| ln((lambda as f64 + 1.0) / 2.0) - ln(i as f64)).collect();
        let mu = weights.iter().filter(|&&w| w > 0.0).count();
        let positive: f64 = weights[..mu].iter().sum();
        let negative: f64 = -weights[mu..].iter().sum::<f64>();
        for (i, weight) in weights.iter_mut().enumerate() {
            *weight /= if i < mu { positive } else { negative };
        }
        let mass = |part: &[f64]| part.iter().sum::<f64>().powi(2) / part.iter().map(|w| w * w).sum::<f64>();
        let (mueff, mueff_minus) = (mass(&weights[..mu]), mass(&weights[mu..]));
        let c1 = (lambda as f64 / 6.0).min(1.0) * 2.0 / ((nf + 1.3).powi(2) + mueff);
        let cmu = (1.0 - c1).min(2.0 * (0.25 + mueff + 1.0 / mueff - 2.0) / ((nf + 2.0).powi(2) + mueff));
        // Negative weights: no decay of the matrix, no more than their own mass allows, positive definite.
        let mut sum = 1.0 + c1 / cmu;
        sum = sum.min((1.0 - c1 - cmu) / cmu / nf).min(1.0 + 2.0 * mueff_minus / (mueff + 2.0));
        weights[mu..].iter_mut().for_each(|weight| *weight *= sum);
        let cs = (0.5_f64).min((mueff + 2.0) / (nf + mueff + 3.0));
        let inner = (3.0 * (1.0 - exp(-nf / 9.0 * std::f64::consts::LN_2))).max(1.0);
        let damps = 1.0 + 2.0 * (inner * ((mueff - 1.0) / (nf + 1.0)).sqrt() - 1.0).max(0.0) + cs;
        let cc = (4.0 + mueff / nf) / (nf + 4.0 + 2.0 * mueff / nf);
        Self { weights, mu, mueff, cc, cs, c1, cmu, damps }
    }
}

/// The search distribution and all that the next step needs. Lower objective values are better.
#[derive(Clone, Debug, PartialEq)]
pub struct Cma {
    /// Variables.
    pub n: usize,
    /// Candidates of a generation.
    pub lambda: usize,
    /// Mean of the distribution.
    pub mean: Vec<f64>,
    /// Step size.
    pub sigma: f64,
    /// Covariance, in rows.
    pub c: Vec<f64>,
    /// Path of the rank-one update.
    pub pc: Vec<f64>,
    /// Path of the step size.
    pub ps: Vec<f64>,
    /// Generations so far.
    pub generation: u64,
    /// The candidates' random numbers.
    pub rng: [u64; 4],
}

impl Cma {
    /// A distribution around `mean` with standard deviation `sigma` in each variable.
    ///
    /// # Panics
    /// If `lambda` is below 3, `mean` is empty, or `sigma` is not positive.
    #[must_use]
    pub fn new(mean: Vec<f64>, sigma: f64, lambda: usize, rng: &Rng) -> Self {
        let n = mean.len();
        assert!(lambda >= 3 && n > 0 && sigma > 0.0, "CMA-ES needs 3 candidates, a variable, a step size");
        let mut c = vec![0.0; n * n];
        (0..n).for_each(|i| c[i * n + i] = 1.0);
        Self {
            n,
            lambda,
            mean,
            sigma,
            c,
            pc: vec![0.0; n],
            ps: vec![0.0; n],
            generation: 0,
            rng: rng.state(),
        }
    }

    /// The candidates of the next generation.
    pub fn ask(&mut self) -> Vec<Vec<f64>> {
        let (scales, vectors) = self.axes();
        let mut rng = Rng::from_state(self.rng);
        let made = (0..self.lambda)
            .map(|_| {
                let z: Vec<f64> = scales.iter().map(|scale| scale * rng.normal()).collect();
                (0..self.n)
                    .map(|i| {
                        let step: f64 = (0..self.n).map(|k| vectors[i * self.n + k] * z[k]).sum();
                        self.mean[i] + self.sigma * step
                    })
                    .collect()
            })
            .collect();
        self.rng = rng.state();
        made
    }

    /// Learn from candidates and their objective values. Equal values keep the candidates' order.
    ///
    /// # Panics
    /// If there are not `lambda` of each, or a value is not a number.
    pub fn tell(&mut self, candidates: &[Vec<f64>], values: &[f64]) {
        assert!(
            candidates.len() == self.lambda && values.len() == self.lambda,
            "not {} of each",
            self.lambda
        );
        assert!(values.iter().all(|value| !value.is_nan()), "an objective value is not a number");
        let k = Constants::new(self.n, self.lambda);
        let n = self.n;
        let mut order: Vec<usize> = (0..self.lambda).collect();
        order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
        let (scales, vectors) = self.axes();
        // C^(-1/2) of a vector.
        let whiten = |x: &[f64]| -> Vec<f64> {
            let along: Vec<f64> =
                (0..n).map(|j| (0..n).map(|i| vectors[i * n + j] * x[i]).sum::<f64>() / scales[j]).collect();
            (0..n).map(|i| (0..n).map(|j| vectors[i * n + j] * along[j]).sum()).collect()
        };
        let old = self.mean.clone();
        for (i, mean) in self.mean.iter_mut().enumerate() {
            *mean = (0..k.mu).map(|place| k.weights[place] * candidates[order[place]][i]).sum();
        }
        self.generation += 1;
        let shift: Vec<f64> = (0..n).map(|i| (self.mean[i] - old[i]) / self.sigma).collect();
        let white = whiten(&shift);
        for (ps, white) in self.ps.iter_mut().zip(&white) {
            *ps = (1.0 - k.cs) * *ps + (k.cs * (2.0 - k.cs) * k.mueff).sqrt() * white;
        }
        let length: f64 = self.ps.iter().map(|p| p * p).sum();
        let decayed = 1.0 - exp(2.0 * self.generation as f64 * ln(1.0 - k.cs));
        let goes_on = length / decayed / n as f64 - 1.0 < 1.0 + 4.0 / (n as f64 + 1.0);
        let on = f64::from(u8::from(goes_on));
        for (pc, shift) in self.pc.iter_mut().zip(&shift) {
            *pc = (1.0 - k.cc) * *pc + on * (k.cc * (2.0 - k.cc) * k.mueff).sqrt() * shift;
        }
        let steps: Vec<Vec<f64>> = order
            .iter()
            .map(|&place| (0..n).map(|i| (candidates[place][i] - old[i]) / self.sigma).collect())
            .collect();
        self.learn(&k, on, &steps, whiten);
        let expected = mean_length(n);
        let change = (length.sqrt() / expected - 1.0) * k.cs / k.damps;
        self.sigma *= exp(change.clamp(-1.0, 1.0));
    }

    fn learn(&mut self, k: &Constants, on: f64, steps: &[Vec<f64>], whiten: impl Fn(&[f64]) -> Vec<f64>) {
        let n = self.n;
        // What a stalled path does not add is not taken away either.
        let c1a = k.c1 * (1.0 - (1.0 - on) * k.cc * (2.0 - k.cc));
        let total = c1a + k.cmu * k.weights.iter().sum::<f64>();
        self.c.iter_mut().for_each(|entry| *entry *= 1.0 - total);
        let mut add = |x: &[f64], weight: f64| {
            for i in 0..n {
                for j in 0..n {
                    self.c[i * n + j] += weight * x[i] * x[j];
                }
            }
        };
        add(&self.pc, k.c1);
        for (step, &weight) in steps.iter().zip(&k.weights) {
            let mut rate = k.cmu * weight;
            if weight < 0.0 {
                // All bad steps count as of one length, so that the matrix stays positive definite.
                let norm = whiten(step).iter().map(|x| x * x).sum::<f64>().sqrt();
                rate *= n as f64 / (norm + 1e-9).powi(2);
            }
            add(step, rate);
        }
    }

    /// Standard deviations along the principal axes, and the axes as columns.
    fn axes(&self) -> (Vec<f64>, Vec<f64>) {
        let n = self.n;
        let even: Vec<f64> = (0..n * n).map(|e| (self.c[e] + self.c[e % n * n + e / n]) / 2.0).collect();
        let (values, vectors) = symmetric(&even, n);
        (values.iter().map(|value| value.max(1e-300).sqrt()).collect(), vectors)
    }
}

/// The mean length of a vector of `n` standard normal numbers: those of n and n + 1 multiply to n.
fn mean_length(n: usize) -> f64 {
    (1..n).fold((2.0 / std::f64::consts::PI).sqrt(), |length, k| k as f64 / length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minimise(f: impl Fn(&[f64]) -> f64, n: usize, sigma: f64, most: usize) -> (f64, usize) {
        let lambda = 4 + (3.0 * (n as f64).ln()) as usize;
        let mut cma = Cma::new(vec![0.5; n], sigma, lambda, &Rng::new(11));
        for used in 1..=most / lambda {
            let asked = cma.ask();
            let values: Vec<f64> = asked.iter().map(|x| f(x)).collect();
            cma.tell(&asked, &values);
            let best = values.iter().copied().fold(f64::INFINITY, f64::min);
            if best < 1e-8 {
                return (best, used * lambda);
            }
        }
        (f64::INFINITY, most)
    }

    #[test]
    fn it_finds_the_minimum_of_the_sphere_the_ellipsoid_and_rosenbrock() {
        let sphere = |x: &[f64]| x.iter().map(|v| v * v).sum::<f64>();
        let n = 10;
        let ellipsoid = move |x: &[f64]| {
            x.iter()
                .enumerate()
                .map(|(i, v)| 10f64.powf(6.0 * i as f64 / (n - 1) as f64) * v * v)
                .sum::<f64>()
        };
        let rosenbrock = |x: &[f64]| {
            x.windows(2).map(|w| 100.0 * (w[1] - w[0] * w[0]).powi(2) + (1.0 - w[0]).powi(2)).sum::<f64>()
        };
        let (best, used) = minimise(sphere, n, 0.5, 4000);
        assert!(best < 1e-8 && used < 2500, "{best} {used}");
        let (best, used) = minimise(ellipsoid, n, 0.5, 12_000);
        assert!(best < 1e-8 && used < 9000, "{best} {used}");
        let (best, _) = minimise(rosenbrock, 6, 0.2, 30_000);
        assert!(best < 1e-8, "{best}");
    }

    #[test]
    fn it_goes_on_as_if_it_had_not_been_stopped() {
        let f = |x: &[f64]| x.iter().enumerate().map(|(i, v)| (i + 1) as f64 * v * v).sum::<f64>();
        let mut one = Cma::new(vec![1.0; 5], 0.3, 8, &Rng::new(1));
        for _ in 0..10 {
            let asked = one.ask();
            one.tell(&asked, &asked.iter().map(|x| f(x)).collect::<Vec<_>>());
        }
        let mut two = one.clone();
        assert_eq!(one.ask(), two.ask());
    }
}
