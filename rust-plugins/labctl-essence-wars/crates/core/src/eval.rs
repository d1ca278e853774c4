//! The linear evaluation of a position by 28 weights.

use crate::keyword::{
    Keywords, CHARGE, EPHEMERAL, FORTIFY, FRENZY, GUARD, LETHAL, LIFESTEAL, PIERCING, QUICK, RANGED,
    REGENERATE, RUSH, SHIELD, STEALTH, VOLATILE, WARD,
};
use crate::state::{slots, Outcome, Side, State, LIFE};

/// How many weights there are.
pub const WEIGHTS: usize = 28;
/// The first of the sixteen that are for keywords.
const FIRST_KEYWORD: usize = 10;
/// What a won game is worth.
pub const WIN_BONUS: usize = 26;
/// What a lost game is worth.
pub const LOSE_PENALTY: usize = 27;

/// A weight: its name in files, its built-in value, and the range in which it is searched.
#[derive(Clone, Copy, Debug)]
pub struct Weight {
    /// Name in files.
    pub name: &'static str,
    /// Built-in value.
    pub value: f32,
    /// Least value.
    pub low: f32,
    /// Greatest value.
    pub high: f32,
}

const fn weight(name: &'static str, value: f32, low: f32, high: f32) -> Weight {
    Weight { name, value, low, high }
}

/// The weights, in the order of a vector of them.
pub const TABLE: [Weight; WEIGHTS] = [
    weight("own_life", 1.5, 0.0, 5.0),
    weight("enemy_life_damage", 2.0, 0.0, 5.0),
    weight("own_creature_attack", 1.2, 0.0, 3.0),
    weight("own_creature_health", 1.0, 0.0, 3.0),
    weight("enemy_creature_attack", -1.0, -3.0, 0.0),
    weight("enemy_creature_health", -0.8, -3.0, 0.0),
    weight("creature_count", 3.0, 0.0, 10.0),
    weight("board_advantage", 2.0, 0.0, 5.0),
    weight("cards_in_hand", 0.5, 0.0, 3.0),
    weight("action_points", 0.1, -1.0, 1.0),
    weight("keyword_guard", 3.0, 0.0, 5.0),
    weight("keyword_lethal", 4.0, 0.0, 5.0),
    weight("keyword_lifesteal", 3.0, 0.0, 5.0),
    weight("keyword_rush", 1.5, 0.0, 3.0),
    weight("keyword_ranged", 2.0, 0.0, 3.0),
    weight("keyword_piercing", 2.0, 0.0, 3.0),
    weight("keyword_shield", 4.0, 0.0, 5.0),
    weight("keyword_quick", 1.0, 0.0, 3.0),
    weight("keyword_ephemeral", -2.0, -5.0, 0.0),
    weight("keyword_regenerate", 3.0, 0.0, 5.0),
    weight("keyword_stealth", 3.0, 0.0, 5.0),
    weight("keyword_charge", 2.0, 0.0, 5.0),
    weight("keyword_frenzy", 2.5, 0.0, 5.0),
    weight("keyword_volatile", 3.0, 0.0, 5.0),
    weight("keyword_fortify", 3.0, 0.0, 5.0),
    weight("keyword_ward", 3.0, 0.0, 5.0),
    weight("win_bonus", 1000.0, 100.0, 10_000.0),
    weight("lose_penalty", -1000.0, -10_000.0, -100.0),
];

const KEYWORDS: [Keywords; 16] = [
    GUARD, LETHAL, LIFESTEAL, RUSH, RANGED, PIERCING, SHIELD, QUICK, EPHEMERAL, REGENERATE, STEALTH, CHARGE,
    FRENZY, VOLATILE, FORTIFY, WARD,
];

/// Weights of an evaluation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weights {
    /// The weights, as in [`TABLE`].
    values: [f32; WEIGHTS],
    /// Those of the keywords, by the keyword's bit.
    by_bit: [f32; 16],
}

impl Default for Weights {
    fn default() -> Self {
        Self::new(TABLE.map(|weight| weight.value))
    }
}

impl Weights {
    /// Weights out of a vector.
    #[must_use]
    pub fn new(values: [f32; WEIGHTS]) -> Self {
        let mut by_bit = [0.0; 16];
        for (place, keyword) in KEYWORDS.iter().enumerate() {
            by_bit[keyword.trailing_zeros() as usize] = values[FIRST_KEYWORD + place];
        }
        Self { values, by_bit }
    }

    /// The vector.
    #[must_use]
    pub const fn values(&self) -> &[f32; WEIGHTS] {
        &self.values
    }

    /// What a position is worth for a player. A game that has ended is worth the bonus, the penalty, or 0.
    #[inline]
    #[must_use]
    pub fn evaluate(&self, state: &State, player: u8) -> f32 {
        match state.outcome() {
            Outcome::Open => self.open(state, player),
            Outcome::Won(winner) if winner == player => self.values[WIN_BONUS],
            Outcome::Won(_) => self.values[LOSE_PENALTY],
            Outcome::Draw => 0.0,
        }
    }

    #[inline]
    fn open(&self, state: &State, player: u8) -> f32 {
        let own = &state.sides[player as usize];
        let enemy = &state.sides[1 - player as usize];
        let w = &self.values;
        let (attack, health) = stats(own);
        let (their_attack, their_health) = stats(enemy);
        let count = own.present.count_ones() as f32;
        let ahead = count - enemy.present.count_ones() as f32;
        w[0] * f32::from(own.life)
            + w[1] * f32::from(LIFE - enemy.life)
            + w[2] * f32::from(attack)
            + w[3] * f32::from(health)
            + w[4] * f32::from(their_attack)
            + w[5] * f32::from(their_health)
            + w[6] * count
            + w[7] * ahead
            + w[8] * f32::from(own.hand_len)
            + w[9] * f32::from(own.ap)
            + self.keywords(own)
    }
    /// Every keyword with its weight, as often as it is there.
    #[inline]
    fn keywords(&self, side: &Side) -> f32 {
        // The sets are added up bit by bit, as an adder does it: a keyword is there 0 to 5 times.
        let (mut ones, mut twos, mut fours): (u16, u16, u16) = (0, 0, 0);
        for slot in slots(side.present) {
            let set = side.creatures[slot].keywords();
            let carry = ones & set;
            ones ^= set;
            fours |= twos & carry;
            twos ^= carry;
        }
        let mut sum = 0.0;
        let mut left = ones | twos | fours;
        while left != 0 {
            let bit = left.trailing_zeros();
            let count = (ones >> bit & 1) + 2 * (twos >> bit & 1) + 4 * (fours >> bit & 1);
            sum += self.by_bit[bit as usize] * f32::from(count);
            left &= left - 1;
        }
        sum
    }
}

/// Sums of attack and health of a side's creatures, without a branch for each slot.
#[inline]
fn stats(side: &Side) -> (i16, i16) {
    let (mut attack, mut health) = (0, 0);
    for (slot, creature) in side.creatures.iter().enumerate() {
        let there = i16::from(side.present >> slot & 1);
        attack += there * i16::from(creature.attack);
        health += there * i16::from(creature.health);
    }
    (attack, health)
}
