//! What the two programs and the Python module share: content and weights from files, games on all cores, tuning,
//! validation, the gate before deployment, and what they write.

pub mod arguments;
pub mod error;
pub mod evaluate;
pub mod experiment;
pub mod gate;
pub mod load;
pub mod parallel;
pub mod raw;
pub mod record;
pub mod report;
pub mod tune;
pub mod validate;
pub mod weights;
