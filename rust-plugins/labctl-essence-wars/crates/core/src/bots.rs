//! The players: random, greedy, and tree search.

use crate::eval::Weights;
use crate::legal::{distinct, Actions};
use crate::mcts::{Search, Settings};
use crate::play::Stop;
use crate::queue::Queue;
use crate::rng::Rng;
use crate::rules::{apply, Action};
use crate::state::{Game, State};

/// Evaluations that differ by less are equal.
const TIE: f32 = 0.001;

/// What a player is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bot {
    /// Any legal action, each equally likely.
    Random,
    /// The action after which the position is worth most.
    Greedy(Weights),
    /// Monte Carlo tree search.
    Mcts(Weights, Settings),
}

/// A player at work: what it is, its random numbers, and the memory that it uses again.
pub struct Player {
    bot: Bot,
    rng: Rng,
    actions: Actions,
    search: Search,
}

impl Player {
    /// A player whose choices follow from its stream.
    #[must_use]
    pub fn new(bot: Bot, rng: Rng, stop: Stop) -> Self {
        Self { bot, rng, actions: Actions::default(), search: Search::new(stop) }
    }

    /// Begin another game with another player in the same memory.
    pub fn reset(&mut self, bot: Bot, rng: Rng) {
        self.bot = bot;
        self.rng = rng;
    }

    /// What it does in a position that is not over.
    pub fn choose(&mut self, game: &Game<'_>, state: &State, queue: &mut Queue) -> Action {
        match &self.bot {
            Bot::Random => random(game, state, &mut self.actions, &mut self.rng),
            Bot::Greedy(weights) => greedy(game, state, weights, &mut self.actions, queue, &mut self.rng),
            Bot::Mcts(weights, settings) => {
                self.search.choose(game, state, weights, settings, queue, &mut self.rng)
            }
        }
    }

    /// The last search, for who wants to know why.
    #[must_use]
    pub const fn search(&self) -> &Search {
        &self.search
    }
}

/// A random action.
#[inline]
pub(crate) fn random(game: &Game<'_>, state: &State, actions: &mut Actions, rng: &mut Rng) -> Action {
    distinct(game, state, actions);
    let list = actions.as_slice();
    list[rng.below(list.len() as u32) as usize]
}

/// The action after which the position is worth most to whose turn it is; one of equals at random.
pub(crate) fn greedy(
    game: &Game<'_>,
    state: &State,
    weights: &Weights,
    actions: &mut Actions,
    queue: &mut Queue,
    rng: &mut Rng,
) -> Action {
    distinct(game, state, actions);
    let list = actions.as_slice();
    if list.len() == 1 {
        return list[0];
    }
    let mut best = f32::NEG_INFINITY;
    let mut chosen = list[0];
    let mut equals = 0;
    for &action in list {
        let mut next = *state;
        apply(game, &mut next, action, queue);
        let worth = weights.evaluate(&next, state.active);
        if worth > best + TIE {
            (best, chosen, equals) = (worth, action, 1);
        } else if worth > best - TIE {
            equals += 1;
            best = best.max(worth);
            if rng.below(equals) == 0 {
                chosen = action;
            }
        }
    }
    chosen
}
