//! Random numbers whose values never change: xoshiro256** (Blackman and Vigna 2018), seeded by SplitMix64.

/// A stream of random numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rng([u64; 4]);

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// One step of SplitMix64 (Steele, Lea and Flood 2014): a bijection of 64 bits that mixes them well.
#[must_use]
pub const fn mix(value: u64) -> u64 {
    let z = value.wrapping_add(GOLDEN);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// What a stream is for. Streams of different purposes share nothing, whatever their seed and index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// The order of a deck.
    Deck = 1,
    /// The choices of a player.
    Player = 2,
    /// The samples of an optimiser.
    Search = 3,
    /// The deals on which candidates are compared.
    Train = 4,
    /// The deals on which what was found is measured.
    HeldOut = 5,
    /// The deals of a round robin.
    Validate = 6,
    /// The deals of the test before weights are deployed.
    Gate = 7,
}

impl Rng {
    /// The stream of a seed, as SplitMix64 fills the state.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        let one = seed.wrapping_add(GOLDEN);
        let two = one.wrapping_add(GOLDEN);
        let three = two.wrapping_add(GOLDEN);
        Self([mix(seed), mix(one), mix(two), mix(three)])
    }

    /// The stream of a seed for a purpose, numbered by any number of indices.
    #[must_use]
    pub fn stream(seed: u64, purpose: Purpose, indices: &[u64]) -> Self {
        Self::new(derive(seed, purpose, indices))
    }

    /// The next 64 bits.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        let s = &mut self.0;
        let result = s[1].wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// A whole number from 0 to `n - 1`, each equally likely (Lemire 2019). `n` is at least 1.
    #[inline]
    pub fn below(&mut self, n: u32) -> u32 {
        let n = u64::from(n.max(1));
        let mut product = (self.next_u64() >> 32) * n;
        if (product & 0xFFFF_FFFF) < n {
            let least = (1u64 << 32) % n;
            while (product & 0xFFFF_FFFF) < least {
                product = (self.next_u64() >> 32) * n;
            }
        }
        (product >> 32) as u32
    }

    /// A number in [0, 1), of 53 random bits.
    #[inline]
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// A number of the standard normal distribution, by Marsaglia's polar method.
    pub fn normal(&mut self) -> f64 {
        loop {
            let (u, v) = (2.0 * self.unit() - 1.0, 2.0 * self.unit() - 1.0);
            let s = u * u + v * v;
            if s > 0.0 && s < 1.0 {
                return u * (-2.0 * crate::num::ln(s) / s).sqrt();
            }
        }
    }

    /// Put `items` into a random order, each equally likely (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i as u32 + 1) as usize);
        }
    }

    /// The state, to go on from.
    #[must_use]
    pub const fn state(&self) -> [u64; 4] {
        self.0
    }

    /// A stream that goes on from a state.
    #[must_use]
    pub const fn from_state(state: [u64; 4]) -> Self {
        Self(state)
    }
}

/// A seed for a purpose out of another seed and any number of indices.
#[must_use]
pub fn derive(seed: u64, purpose: Purpose, indices: &[u64]) -> u64 {
    let mut key = mix(seed ^ mix(purpose as u64));
    for &index in indices {
        key = mix(key ^ mix(index.wrapping_add(GOLDEN)));
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitmix_gives_the_published_values() {
        // The first outputs of SplitMix64 seeded by 1234567, as printed by its authors' program.
        let mut seed = 1_234_567_u64;
        let mut found = Vec::new();
        for _ in 0..3 {
            found.push(mix(seed));
            seed = seed.wrapping_add(GOLDEN);
        }
        assert_eq!(found, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn xoshiro_gives_the_published_values() {
        // xoshiro256** with the state 1, 2, 3, 4.
        let mut rng = Rng::from_state([1, 2, 3, 4]);
        let found: Vec<u64> = (0..5).map(|_| rng.next_u64()).collect();
        assert_eq!(found, [11520, 0, 1_509_978_240, 1_215_971_899_390_074_240, 1_216_172_134_540_287_360]);
    }

    #[test]
    fn bounded_numbers_are_in_their_bounds_and_equally_likely() {
        let mut rng = Rng::new(7);
        let mut counts = [0_u32; 7];
        for _ in 0..70_000 {
            counts[rng.below(7) as usize] += 1;
        }
        let chi: f64 = counts.iter().map(|&c| (f64::from(c) - 1e4).powi(2) / 1e4).sum();
        assert!(chi < 22.5, "chi-squared {chi} of 6 degrees of freedom has p < 0.001");
        assert_eq!(rng.below(1), 0);
    }

    #[test]
    fn normal_numbers_have_mean_0_and_variance_1() {
        let mut rng = Rng::new(3);
        let (mut sum, mut squares) = (0.0, 0.0);
        for _ in 0..100_000 {
            let x = rng.normal();
            sum += x;
            squares += x * x;
        }
        assert!((sum / 1e5).abs() < 0.013, "{sum}");
        assert!((squares / 1e5 - 1.0).abs() < 0.018, "{squares}");
    }

    #[test]
    fn a_shuffle_puts_every_card_everywhere_equally_often() {
        const N: usize = 30;
        const DEALS: u64 = 100_000;
        let mut counts = vec![[0_u32; N]; N];
        for deal in 0..DEALS {
            let mut cards: Vec<usize> = (0..N).collect();
            Rng::stream(deal, Purpose::Deck, &[0]).shuffle(&mut cards);
            for (place, &card) in cards.iter().enumerate() {
                counts[card][place] += 1;
            }
        }
        let expected = DEALS as f64 / N as f64;
        let chi: f64 = counts.iter().flatten().map(|&c| (f64::from(c) - expected).powi(2) / expected).sum();
        let degrees = ((N - 1) * (N - 1)) as f64;
        let sigmas = (chi - degrees) / (2.0 * degrees).sqrt();
        assert!(sigmas.abs() < 3.0, "chi-squared is {sigmas} standard deviations off");
    }

    #[test]
    fn orders_of_neighbouring_seeds_are_unrelated() {
        for lag in [1, 256] {
            let mut equal = 0_u32;
            for seed in 0..20_000_u64 {
                let order = |s| {
                    let mut cards: Vec<u8> = (0..30).collect();
                    Rng::stream(s, Purpose::Deck, &[0]).shuffle(&mut cards);
                    cards
                };
                equal += order(seed).iter().zip(order(seed + lag)).filter(|(a, b)| *a == b).count() as u32;
            }
            let share = f64::from(equal) / 600_000.0;
            assert!((share - 1.0 / 30.0).abs() < 0.001, "{share} at lag {lag}");
        }
    }
}
