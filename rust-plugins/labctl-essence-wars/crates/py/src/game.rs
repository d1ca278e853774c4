//! One game, action by action, for tests and for who wants to play.

use essence_wars_cli::record;
use essence_wars_core::content::Content;
use essence_wars_core::legal::{distinct, is_legal, legal, Actions};
use essence_wars_core::play::Deal;
use essence_wars_core::queue::Queue;
use essence_wars_core::rules::{apply, deal, Action};
use essence_wars_core::state::{Game, State};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::{content_of, place, BadContent};

/// One game, action by action.
#[pyclass(name = "Game")]
pub(crate) struct PyGame {
    content: &'static Content,
    orders: [[u8; 30]; 2],
    commanders: [u8; 2],
    bonus: u8,
    state: State,
    queue: Queue,
}

impl PyGame {
    fn game(&self) -> Game<'static> {
        Game::with_orders(self.content, self.orders, self.commanders, self.bonus)
    }
}

#[pymethods]
impl PyGame {
    /// A game of two decks, shuffled by `seed`. `orders`: two lists of card ids in place of the shuffled decks.
    #[new]
    #[pyo3(signature = (deck1, deck2, seed=0, orders=None, bonus=2, content=None))]
    fn new(
        deck1: &str,
        deck2: &str,
        seed: u64,
        orders: Option<(Vec<u16>, Vec<u16>)>,
        bonus: u8,
        content: Option<&Loaded>,
    ) -> PyResult<Self> {
        let content = match content {
            Some(loaded) => loaded.content,
            None => Loaded::new(None)?.content,
        };
        let deal_of = Deal { decks: [place(content, deck1)?, place(content, deck2)?], seed };
        let shuffled = deal_of.game(content, 0);
        let orders = match orders {
            Some((one, two)) => [order(content, &one)?, order(content, &two)?],
            None => shuffled.orders,
        };
        let game = Game::with_orders(content, orders, shuffled.commanders, bonus.min(6));
        let mut queue = Queue::default();
        let state = deal(&game, &mut queue);
        Ok(Self {
            content,
            orders: game.orders,
            commanders: game.commanders,
            bonus: game.bonus,
            state,
            queue,
        })
    }

    /// Card ids of both decks in the order in which they are drawn.
    fn orders(&self) -> (Vec<u16>, Vec<u16>) {
        let ids = |order: &[u8; 30]| order.iter().map(|&card| self.content.cards[card as usize].id).collect();
        (ids(&self.orders[0]), ids(&self.orders[1]))
    }

    /// All legal actions, ascending; `merged` leaves out those that do the same with another copy of a card.
    #[pyo3(signature = (merged=false))]
    fn legal(&self, merged: bool) -> Vec<u16> {
        let mut actions = Actions::default();
        if merged {
            distinct(&self.game(), &self.state, &mut actions);
        } else {
            legal(&self.game(), &self.state, &mut actions);
        }
        actions.as_slice().iter().map(|&action| action.into()).collect()
    }

    /// Do an action. Raises ValueError if it is not legal, and changes nothing.
    fn apply(&mut self, action: i64) -> PyResult<()> {
        let game = self.game();
        let known = Action::try_from(action).ok().filter(|&a| is_legal(&game, &self.state, a));
        let Some(action) = known else {
            return Err(PyValueError::new_err(format!("{action} is not legal here")));
        };
        apply(&game, &mut self.state, action, &mut self.queue);
        Ok(())
    }

    /// The position as JSON.
    fn state(&self) -> String {
        record::position(&self.game(), &self.state).to_string()
    }

    /// A hash of the position, the same on every machine.
    fn hash(&self) -> u64 {
        self.state.hash()
    }

    /// Whether it has ended.
    #[getter]
    fn over(&self) -> bool {
        self.state.over()
    }

    /// Whether more was queued than may wait: the content is wrong then.
    #[getter]
    fn overflowed(&self) -> bool {
        self.queue.overflowed
    }

    /// An action in words.
    fn says(&self, action: u8) -> PyResult<String> {
        if !is_legal(&self.game(), &self.state, action) {
            return Err(PyValueError::new_err(format!("{action} is not legal here")));
        }
        Ok(record::says(&self.game(), &self.state, action))
    }

    /// Another game at the same position.
    fn copy(&self) -> Self {
        Self {
            content: self.content,
            orders: self.orders,
            commanders: self.commanders,
            bonus: self.bonus,
            state: self.state,
            queue: Queue::default(),
        }
    }
}

fn order(content: &Content, ids: &[u16]) -> PyResult<[u8; 30]> {
    let cards: Vec<u8> = ids
        .iter()
        .map(|&id| {
            content.card(id).ok_or_else(|| BadContent::new_err(format!("orders: there is no card {id}")))
        })
        .collect::<PyResult<_>>()?;
    cards.try_into().map_err(|_| BadContent::new_err(format!("orders: {} cards and not 30", ids.len())))
}

/// Content of a folder, loaded once for many games; built-in content without one.
#[pyclass]
pub(crate) struct Loaded {
    pub(crate) content: &'static Content,
}

#[pymethods]
impl Loaded {
    /// Raises BadContent with file, line and field.
    #[new]
    #[pyo3(signature = (folder=None))]
    pub(crate) fn new(folder: Option<&str>) -> PyResult<Self> {
        static BUILT_IN: std::sync::OnceLock<Content> = std::sync::OnceLock::new();
        if folder.is_none() {
            if let Some(content) = BUILT_IN.get() {
                return Ok(Self { content });
            }
            let content = content_of(None)?;
            return Ok(Self { content: BUILT_IN.get_or_init(|| content) });
        }
        Ok(Self { content: Box::leak(Box::new(content_of(folder)?)) })
    }
}
