//! The part of a game that changes, and the part that does not.

use crate::content::{CardIndex, Content, Kind, DECK};
use crate::keyword::Keywords;
use crate::rng::{Purpose, Rng};

/// Places for creatures on a side.
pub const SLOTS: usize = 5;
/// Places for supports on a side.
pub const SUPPORTS: usize = 2;
/// Cards that a hand holds.
pub const HAND: usize = 10;
/// Life at the start, and at most.
pub const LIFE: i16 = 30;
/// Essence at most.
pub const ESSENCE: u8 = 10;
/// Action points of a turn.
pub const ACTION_POINTS: u8 = 3;
/// Turns of a game, both players' together.
pub const TURNS: u8 = 30;
/// Stats lie between minus this and this.
pub const STAT: i16 = 99;

/// A creature on the board. What it is when its slot is empty means nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Creature {
    /// Printed and granted keywords.
    pub own: Keywords,
    /// Keywords from auras.
    pub aura: Keywords,
    /// Its card.
    pub card: CardIndex,
    /// Attack, with auras.
    pub attack: i8,
    /// Health.
    pub health: i8,
    /// Health at most, with auras.
    pub max: i8,
}

impl Creature {
    /// All of its keywords.
    #[inline]
    #[must_use]
    pub const fn keywords(&self) -> Keywords {
        self.own | self.aura
    }
}

/// A support on the board; with a durability of 0 the slot is free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Support {
    /// Its card.
    pub card: CardIndex,
    /// Turns that are left to it.
    pub durability: u8,
}

/// What belongs to one player. Sets of slots are bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// Creatures by slot.
    pub creatures: [Creature; SLOTS],
    /// Cards in hand, the first `hand_len` of them.
    pub hand: [CardIndex; HAND],
    /// Supports by slot.
    pub supports: [Support; SUPPORTS],
    /// What Frenzy has added, by slot.
    pub frenzy: [u8; SLOTS],
    /// Life.
    pub life: i16,
    /// Essence that the next turn begins with, less 1.
    pub max_essence: u8,
    /// Essence that is left.
    pub essence: u8,
    /// Action points that are left.
    pub ap: u8,
    /// Cards that have left the deck.
    pub drawn: u8,
    /// Cards in hand.
    pub hand_len: u8,
    /// Slots with a creature.
    pub present: u8,
    /// Those that have attacked.
    pub exhausted: u8,
    /// Those that came this turn.
    pub sick: u8,
    /// Those whose triggers are off.
    pub silenced: u8,
    /// Those that were refreshed this turn.
    pub refreshed: u8,
    /// Whether insight was used this turn.
    pub insight: bool,
}

/// How a game stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It goes on.
    Open,
    /// A player has won.
    Won(u8),
    /// Nobody has.
    Draw,
}

/// A position. It is copied in a few nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// Both players.
    pub sides: [Side; 2],
    /// Turns begun so far.
    pub turn: u8,
    /// Whose turn it is.
    pub active: u8,
    /// 0 open, 1 and 2 won by player 0 and 1, 3 draw.
    outcome: u8,
}

const _: () = assert!(std::mem::size_of::<State>() <= 152, "three cache lines, with room to spare");

impl State {
    /// Before the deal.
    #[must_use]
    pub fn empty() -> Self {
        let side = Side { life: LIFE, ..Side::default() };
        Self { sides: [side; 2], turn: 0, active: 0, outcome: 0 }
    }

    /// How it stands.
    #[inline]
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        match self.outcome {
            0 => Outcome::Open,
            3 => Outcome::Draw,
            n => Outcome::Won(n - 1),
        }
    }

    /// Whether it has ended.
    #[inline]
    #[must_use]
    pub const fn over(&self) -> bool {
        self.outcome != 0
    }

    /// End it.
    pub(crate) fn end(&mut self, outcome: Outcome) {
        self.outcome = match outcome {
            Outcome::Open => 0,
            Outcome::Won(player) => player + 1,
            Outcome::Draw => 3,
        };
    }

    /// End it if a life is gone.
    #[inline]
    pub(crate) fn test_life(&mut self) {
        match (self.sides[0].life <= 0, self.sides[1].life <= 0) {
            (false, false) => {}
            (true, true) => self.end(Outcome::Draw),
            (true, false) => self.end(Outcome::Won(1)),
            (false, true) => self.end(Outcome::Won(0)),
        }
    }

    /// What the game is worth for a player once it has ended: 1, 0.5 or 0.
    #[must_use]
    pub fn value(&self, player: u8) -> f32 {
        match self.outcome() {
            Outcome::Won(winner) if winner == player => 1.0,
            Outcome::Won(_) => 0.0,
            _ => 0.5,
        }
    }

    /// A hash of all of it (FNV-1a over its fields in order), the same on every machine.
    #[must_use]
    pub fn hash(&self) -> u64 {
        let mut hash = Fnv(0xCBF2_9CE4_8422_2325);
        for side in &self.sides {
            for (slot, creature) in side.creatures.iter().enumerate() {
                if side.present & (1 << slot) == 0 {
                    hash.add(0);
                    continue;
                }
                let c = creature;
                let [o0, o1] = c.own.to_le_bytes();
                let [a0, a1] = c.aura.to_le_bytes();
                let stats = [c.attack as u8, c.health as u8, c.max as u8, side.frenzy[slot]];
                for byte in [1, o0, o1, a0, a1, c.card].into_iter().chain(stats) {
                    hash.add(byte);
                }
            }
            hash.add(side.hand_len);
            side.hand[..side.hand_len as usize].iter().for_each(|&card| hash.add(card));
            for support in &side.supports {
                hash.add(support.durability);
                hash.add(if support.durability > 0 { support.card } else { 0 });
            }
            let [l0, l1] = side.life.to_le_bytes();
            for byte in [l0, l1, side.max_essence, side.essence, side.ap, side.drawn] {
                hash.add(byte);
            }
            let mask = side.present;
            for byte in [side.exhausted & mask, side.sick & mask, side.silenced & mask] {
                hash.add(byte);
            }
            hash.add(side.refreshed & mask);
            hash.add(side.insight.into());
        }
        hash.add(self.turn);
        hash.add(self.active);
        hash.add(self.outcome);
        hash.0
    }
}

/// FNV-1a of 64 bits.
pub struct Fnv(pub u64);

impl Fnv {
    /// Take a byte in.
    pub fn add(&mut self, byte: u8) {
        self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
    }
}

/// The slots of a set, from 0.
#[inline]
pub fn slots(mut set: u8) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        if set == 0 {
            return None;
        }
        let slot = set.trailing_zeros() as usize;
        set &= set - 1;
        Some(slot)
    })
}

/// What is looked at of a card in every position, close together.
#[derive(Clone, Copy, Debug)]
pub struct Glance {
    /// What it costs.
    pub cost: u8,
    /// What it is.
    pub kind: Kind,
    /// Its triggers, as bits.
    pub triggers: u16,
}

/// The part of a game that does not change: content, the order of the decks, commanders, the bonus.
#[derive(Clone, Debug)]
pub struct Game<'c> {
    /// What is played with.
    pub content: &'c Content,
    /// The decks in the order in which their cards are drawn.
    pub orders: [[CardIndex; DECK]; 2],
    /// Commanders by their place in the content.
    pub commanders: [u8; 2],
    /// Cards that player 1 has more at the start.
    pub bonus: u8,
    /// By card.
    pub(crate) glances: [Glance; 256],
    /// The triggers that any creature of this game may have, as bits: nobody is asked about others.
    pub(crate) heard: u16,
}

/// Cards that player 1 has more at the start, unless something else is said.
pub const BONUS: u8 = 2;

impl<'c> Game<'c> {
    /// A game of two decks (by their places), each shuffled by the stream of its seed.
    #[must_use]
    pub fn new(content: &'c Content, decks: [usize; 2], seeds: [u64; 2]) -> Self {
        let order = |player: usize| {
            let mut cards = content.decks[decks[player]].cards;
            Rng::stream(seeds[player], Purpose::Deck, &[]).shuffle(&mut cards);
            cards
        };
        let commanders = decks.map(|deck| content.decks[deck].commander);
        Self::with_orders(content, [order(0), order(1)], commanders, BONUS)
    }

    /// A game of two decks in a given order.
    #[must_use]
    pub fn with_orders(
        content: &'c Content,
        orders: [[CardIndex; DECK]; 2],
        commanders: [u8; 2],
        bonus: u8,
    ) -> Self {
        let mut glances = [Glance { cost: 0, kind: Kind::Spell, triggers: 0 }; 256];
        let mut heard = 0;
        for (glance, card) in glances.iter_mut().zip(&content.cards) {
            *glance = Glance { cost: card.cost, kind: card.kind, triggers: card.triggers };
        }
        for card in orders.iter().flatten() {
            heard |= glances[*card as usize].triggers;
        }
        // What is summoned, or transformed into, need not be in a deck.
        heard |= content.made_by_effects();
        Self { content, orders, commanders, bonus, glances, heard }
    }
}
