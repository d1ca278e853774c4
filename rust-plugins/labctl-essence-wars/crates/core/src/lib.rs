//! Essence Wars: a card game for two, the players that play it, and what tunes and compares them.
//!
//! The rules are EW-1 (`docs/essence-wars-rules.md`). This crate has no dependencies, reads no file, starts no
//! thread, and asks no clock: the same arguments give the same result, bit for bit, on every machine. Floating-point
//! work is done in a fixed order, with [`num`] instead of the platform's `libm`.

pub mod bots;
pub mod check;
pub mod cma;
pub mod content;
pub mod effects;
pub mod eigen;
pub mod eval;
pub mod fight;
pub mod keyword;
pub mod legal;
pub mod mcts;
pub mod num;
pub mod play;
pub mod queue;
pub mod rating;
pub mod rng;
pub mod rules;
pub mod state;
pub mod stats;
pub mod text;
