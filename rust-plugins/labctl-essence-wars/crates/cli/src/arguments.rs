//! What both programs share: content, weights and seeds from options.

use std::fs;
use std::path::{Path, PathBuf};

use essence_wars_core::content::Content;

use crate::error::Wrong;
use crate::load;
use crate::weights::{self, WeightSet};

/// Where cards and decks are.
#[derive(clap::Args, Debug)]
pub struct ContentArgs {
    /// A folder laid out as data/, with cards/, decks/ and commanders.toml, in place of what is built in
    #[arg(long, value_name = "FOLDER", visible_alias = "cards", visible_alias = "decks")]
    pub data: Option<PathBuf>,
}

impl ContentArgs {
    /// The content.
    ///
    /// # Errors
    /// Its first mistake.
    pub fn load(&self) -> Result<Content, Wrong> {
        match &self.data {
            Some(folder) => load::from_folder(folder),
            None => load::built_in(),
        }
    }
}

/// Weights from a file.
///
/// # Errors
/// If it cannot be read, or is wrong.
pub fn read_weights(path: &Path, content: &Content) -> Result<WeightSet, Wrong> {
    let name = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|e| Wrong::new(&name, format!("cannot be read: {e}")))?;
    weights::read(&name, &text, content)
}

/// Print what is wrong, and the exit code 2.
#[must_use]
pub fn refuse(wrong: &Wrong) -> u8 {
    eprintln!("error: {wrong}");
    2
}
