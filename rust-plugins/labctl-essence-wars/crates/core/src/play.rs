//! Whole games, and deals that are played twice with the seats swapped.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use crate::bots::{Bot, Player};
use crate::content::Content;
use crate::queue::Queue;
use crate::rng::{derive, Purpose, Rng};
use crate::rules::{apply, deal};
use crate::state::{Game, Outcome, State};

/// How a game went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Played {
    /// Who won.
    pub outcome: Outcome,
    /// Turns, both players' together.
    pub turns: u8,
    /// Actions.
    pub actions: u16,
    /// Life of player 0 less that of player 1.
    pub margin: i16,
}

/// A word that ends games, and the search for a choice, before their time. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Say it.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was said.
    #[inline]
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Memory that games use again, one after another.
pub struct Table {
    queue: Queue,
    players: [Player; 2],
    stop: Stop,
}

impl Default for Table {
    fn default() -> Self {
        Self::new(Stop::default())
    }
}

impl Table {
    /// A table at which games end when `stop` is set.
    #[must_use]
    pub fn new(stop: Stop) -> Self {
        let player = || Player::new(Bot::Random, Rng::new(0), stop.clone());
        Self { queue: Queue::default(), players: [player(), player()], stop }
    }

    /// Play a game to its end, or until the table is stopped: its outcome is open then. `seed` is for the players' choices.
    pub fn play(&mut self, game: &Game<'_>, bots: [Bot; 2], seed: u64) -> Played {
        self.play_seen(game, bots, seed, |_, _, _| {})
    }

    /// The same, and show each position with the action that is about to be done, and who does it.
    pub fn play_seen(
        &mut self,
        game: &Game<'_>,
        bots: [Bot; 2],
        seed: u64,
        mut seen: impl FnMut(&State, u8, &Player),
    ) -> Played {
        for (seat, bot) in bots.into_iter().enumerate() {
            self.players[seat].reset(bot, Rng::stream(seed, Purpose::Player, &[seat as u64]));
        }
        let mut state = deal(game, &mut self.queue);
        let mut actions = 0;
        while !state.over() && !self.stop.is_set() {
            let player = &mut self.players[state.active as usize];
            let action = player.choose(game, &state, &mut self.queue);
            seen(&state, action, player);
            apply(game, &mut state, action, &mut self.queue);
            actions += 1;
        }
        let margin = state.sides[0].life - state.sides[1].life;
        Played { outcome: state.outcome(), turns: state.turn.min(crate::state::TURNS), actions, margin }
    }
}

/// A deal: two decks with their orders, played twice, with the sides of the table swapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deal {
    /// Decks of A and of B, by their places.
    pub decks: [usize; 2],
    /// Everything random follows from it.
    pub seed: u64,
}

/// Both games of a deal, as A sees them: first with A in seat 0, then in seat 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The games.
    pub games: [Played; 2],
}

impl Pair {
    /// The points of A in a game: 1, 0.5 or 0.
    #[must_use]
    pub fn points(&self, game: usize) -> f64 {
        match self.games[game].outcome {
            Outcome::Won(seat) if seat as usize == game => 1.0,
            Outcome::Won(_) => 0.0,
            _ => 0.5,
        }
    }

    /// The share of points of A in both.
    #[must_use]
    pub fn share(&self) -> f64 {
        (self.points(0) + self.points(1)) / 2.0
    }

    /// The life that A was ahead, the mean of both.
    #[must_use]
    pub fn margin(&self) -> f64 {
        f64::from(self.games[0].margin - self.games[1].margin) / 2.0
    }
}

impl Deal {
    /// The deal of a number, for a purpose, under a seed.
    #[must_use]
    pub fn numbered(decks: [usize; 2], seed: u64, purpose: Purpose, indices: &[u64]) -> Self {
        Self { decks, seed: derive(seed, purpose, indices) }
    }

    /// The game with A in a seat: each deck keeps the order of its cards.
    #[must_use]
    pub fn game<'c>(&self, content: &'c Content, seat_of_a: usize) -> Game<'c> {
        let seeds = [self.seed, crate::rng::mix(self.seed)];
        if seat_of_a == 0 {
            Game::new(content, self.decks, seeds)
        } else {
            Game::new(content, [self.decks[1], self.decks[0]], [seeds[1], seeds[0]])
        }
    }

    /// The seed of the players' choices in the game with A in a seat.
    #[must_use]
    pub const fn player_seed(&self, seat_of_a: usize) -> u64 {
        crate::rng::mix(self.seed ^ (seat_of_a as u64 + 1))
    }

    /// Play both games.
    pub fn play(&self, content: &Content, a: Bot, b: Bot, table: &mut Table) -> Pair {
        let games = [0, 1].map(|seat| {
            let bots = if seat == 0 { [a, b] } else { [b, a] };
            table.play(&self.game(content, seat), bots, self.player_seed(seat))
        });
        Pair { games }
    }
}
