//! Monte Carlo tree search for two players: UCB1, each node's value as its mover sees it.

use crate::bots;
use crate::eval::Weights;
use crate::legal::{distinct, Actions};
use crate::num::{ln, logistic};
use crate::play::Stop;
use crate::queue::Queue;
use crate::rng::Rng;
use crate::rules::{apply, Action, END};
use crate::state::{Game, State};

/// How a leaf is valued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rollout {
    /// Greedy play to the end of the game.
    Full,
    /// Random play to the end of the game.
    Random,
    /// Greedy play for some plies, then the evaluation.
    Truncated,
    /// The evaluation at once.
    Leaf,
}

impl Rollout {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Full, Self::Random, Self::Truncated, Self::Leaf];

    /// Its name in options.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Random => "random",
            Self::Truncated => "truncated",
            Self::Leaf => "leaf",
        }
    }
}

/// Settings of a search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Simulations for a choice; at least 1.
    pub simulations: u32,
    /// How leaves are valued.
    pub rollout: Rollout,
    /// Weight of exploration in UCB1.
    pub exploration: f32,
    /// Plies of a truncated rollout.
    pub plies: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { simulations: 100, rollout: Rollout::Truncated, exploration: 1.0, plies: 12 }
    }
}

/// Difference of two evaluations that makes the logistic go from 0.5 to 0.73.
const SCALE: f64 = 20.0;
/// Steps of the table of the logistic, for each unit of difference.
const STEPS: f32 = 2.0;
/// Differences beyond this are as good as won.
const REACH: f32 = 200.0;
/// Visits whose logarithm is in the table.
const TABLE: usize = 4096;

#[derive(Clone, Copy, Debug)]
struct Node {
    /// Sum of the values that simulations through it had for who moved into it.
    value: f32,
    visits: u32,
    /// The first of its children; they lie side by side.
    first: u32,
    count: u16,
    action: Action,
    /// Who moved into it.
    mover: u8,
    /// Its position, once it was visited.
    state: u32,
}

/// What a search thought of an action.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thought {
    /// The action.
    pub action: Action,
    /// Simulations that began with it.
    pub visits: u32,
    /// Their mean value for who moves, 0 to 1; 0.5 if there is none.
    pub value: f32,
}

/// The memory of a search; used again for the next.
pub struct Search {
    nodes: Vec<Node>,
    states: Vec<State>,
    path: Vec<u32>,
    actions: Actions,
    roots: Vec<f32>,
    curve: Vec<f32>,
    stop: Stop,
}

impl Search {
    /// The memory of searches that end early when `stop` is set.
    #[must_use]
    pub fn new(stop: Stop) -> Self {
        Self {
            nodes: Vec::new(),
            states: Vec::new(),
            path: Vec::new(),
            actions: Actions::default(),
            roots: Vec::new(),
            curve: Vec::new(),
            stop,
        }
    }

    /// The action that was visited most; of equals the one that was worth more.
    pub fn choose(
        &mut self,
        game: &Game<'_>,
        state: &State,
        weights: &Weights,
        settings: &Settings,
        queue: &mut Queue,
        rng: &mut Rng,
    ) -> Action {
        self.prepare();
        self.nodes.clear();
        self.states.clear();
        self.states.push(*state);
        let mover = 1 - state.active;
        self.nodes.push(Node { value: 0.0, visits: 0, first: 0, count: 0, action: END, mover, state: 0 });
        self.expand(game, 0, rng);
        if self.nodes[0].count == 1 {
            return self.nodes[1].action;
        }
        for _ in 0..settings.simulations {
            if self.stop.is_set() {
                break;
            }
            self.simulate(game, weights, settings, queue, rng);
        }
        let best = self.children().max_by(|a, b| {
            (a.visits, a.value).partial_cmp(&(b.visits, b.value)).unwrap_or(std::cmp::Ordering::Equal)
        });
        best.map_or(END, |node| node.action)
    }

    /// What the last search thought of each action at its root, in the order of the actions.
    #[must_use]
    pub fn thoughts(&self) -> Vec<Thought> {
        let mut found: Vec<Thought> = self
            .children()
            .map(|node| Thought {
                action: node.action,
                visits: node.visits,
                value: if node.visits == 0 { 0.5 } else { node.value / node.visits as f32 },
            })
            .collect();
        found.sort_by_key(|thought| thought.action);
        found
    }

    fn children(&self) -> impl Iterator<Item = &Node> {
        let root = self.nodes.first();
        let (first, count) = root.map_or((0, 0), |node| (node.first as usize, node.count as usize));
        self.nodes[first..first + count].iter()
    }

    /// Tables of sqrt(ln n), and of the logistic.
    fn prepare(&mut self) {
        if self.roots.is_empty() {
            self.roots = (0..TABLE).map(|n| ln(n.max(1) as f64).sqrt() as f32).collect();
            let last = (2.0 * REACH * STEPS) as usize;
            self.curve = (0..=last)
                .map(|i| logistic((i as f64 / f64::from(STEPS) - f64::from(REACH)) / SCALE) as f32)
                .collect();
        }
    }

    fn root_of_ln(&self, n: u32) -> f32 {
        match self.roots.get(n as usize) {
            Some(&known) => known,
            None => ln(f64::from(n)).sqrt() as f32,
        }
    }

    fn expand(&mut self, game: &Game<'_>, node: usize, rng: &mut Rng) {
        let state = &self.states[self.nodes[node].state as usize];
        distinct(game, state, &mut self.actions);
        let mover = state.active;
        // Which of the unvisited comes first is left to chance: the last ones may never be.
        rng.shuffle(self.actions.as_mut_slice());
        let first = self.nodes.len() as u32;
        self.nodes.extend(self.actions.as_slice().iter().map(|&action| Node {
            value: 0.0,
            visits: 0,
            first: 0,
            count: 0,
            action,
            mover,
            state: u32::MAX,
        }));
        let made = &mut self.nodes[node];
        made.first = first;
        made.count = self.actions.as_slice().len() as u16;
    }

    fn simulate(
        &mut self,
        game: &Game<'_>,
        weights: &Weights,
        settings: &Settings,
        queue: &mut Queue,
        rng: &mut Rng,
    ) {
        self.path.clear();
        let mut at = 0_usize;
        loop {
            self.path.push(at as u32);
            let node = self.nodes[at];
            if node.state == u32::MAX {
                // Its parent is the last but one of the path, and has a position.
                let parent = self.nodes[self.path[self.path.len() - 2] as usize];
                let mut next = self.states[parent.state as usize];
                apply(game, &mut next, node.action, queue);
                self.nodes[at].state = self.states.len() as u32;
                self.states.push(next);
                break;
            }
            if self.states[node.state as usize].over() {
                break;
            }
            if node.count == 0 {
                self.expand(game, at, rng);
            }
            at = self.select(at, settings.exploration);
        }
        let leaf = self.states[self.nodes[at].state as usize];
        let value = self.value_of(game, leaf, weights, settings, queue, rng);
        for &place in &self.path {
            let node = &mut self.nodes[place as usize];
            node.visits += 1;
            node.value += if node.mover == 0 { value } else { 1.0 - value };
        }
    }

    fn select(&self, parent: usize, exploration: f32) -> usize {
        let node = &self.nodes[parent];
        let first = node.first as usize;
        let weight = exploration * self.root_of_ln(node.visits);
        let mut best = f32::NEG_INFINITY;
        let mut chosen = first;
        for (place, child) in self.nodes[first..first + node.count as usize].iter().enumerate() {
            if child.visits == 0 {
                return first + place;
            }
            let n = child.visits as f32;
            let bound = child.value / n + weight / n.sqrt();
            if bound > best {
                best = bound;
                chosen = first + place;
            }
        }
        chosen
    }

    /// What a position is worth for player 0, between 0 and 1.
    fn value_of(
        &mut self,
        game: &Game<'_>,
        mut state: State,
        weights: &Weights,
        settings: &Settings,
        queue: &mut Queue,
        rng: &mut Rng,
    ) -> f32 {
        let plies = match settings.rollout {
            Rollout::Leaf => 0,
            Rollout::Truncated => settings.plies,
            Rollout::Full | Rollout::Random => u32::MAX,
        };
        for _ in 0..plies {
            if state.over() {
                break;
            }
            let action = if settings.rollout == Rollout::Random {
                bots::random(game, &state, &mut self.actions, rng)
            } else {
                bots::greedy(game, &state, weights, &mut self.actions, queue, rng)
            };
            apply(game, &mut state, action, queue);
        }
        if state.over() {
            return state.value(0);
        }
        let ahead = weights.evaluate(&state, 0) - weights.evaluate(&state, 1);
        let place = (ahead.clamp(-REACH, REACH) + REACH) * STEPS;
        self.curve[place as usize]
    }
}
