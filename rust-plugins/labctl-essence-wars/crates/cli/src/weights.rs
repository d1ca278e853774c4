//! Weights in TOML: `name`, `version`, and the table `default.greedy`.
//!
//! Weights for single decks (`deck_specific.<deck>.greedy`) are refused: nothing here would use them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use essence_wars_core::content::Content;
use essence_wars_core::eval::{Weights, TABLE, WEIGHTS};
use serde::Deserialize;
use toml::Spanned;

use crate::error::{Source, Wrong};

/// The version of the format.
pub const VERSION: i64 = 1;
/// How far outside its range a weight may lie and still be read.
const SLACK: f64 = 1e-4;

/// Weights with their name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WeightSet {
    /// What the file calls them.
    pub name: String,
    /// The weights, for every deck.
    pub default: Weights,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: Spanned<String>,
    version: Spanned<toml::Value>,
    default: Spanned<Bots>,
    #[serde(default)]
    deck_specific: BTreeMap<Spanned<String>, toml::Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bots {
    greedy: Spanned<BTreeMap<Spanned<String>, Spanned<toml::Value>>>,
}

/// Read weights.
///
/// # Errors
/// The first mistake: an unknown or missing weight, one outside its range, a newer version, an unknown deck.
pub fn read(name: &str, text: &str, content: &Content) -> Result<WeightSet, Wrong> {
    let source = Source { name, text };
    let file: File = toml::from_str(text).map_err(|error| source.unreadable(&error))?;
    let version = match file.version.get_ref() {
        toml::Value::Integer(version) => Some(*version),
        toml::Value::String(version) => version.split('.').next().and_then(|v| v.parse().ok()),
        _ => None,
    };
    if version.is_none_or(|version| version > VERSION) {
        let what = format!("is not {VERSION} or older: a newer labctl-essence-wars wrote it");
        return Err(source.wrong(file.version.span(), "version", what));
    }
    if let Some(deck) = file.deck_specific.keys().next() {
        let id = deck.get_ref();
        let what = if content.deck(id).is_none() {
            format!("there is no deck {id:?}")
        } else {
            format!("weights for {id:?} alone are not used here: leave them out, or tune --mode specialist")
        };
        return Err(source.wrong(deck.span(), "deck_specific", what));
    }
    let default = table(&source, &file.default.get_ref().greedy)?;
    Ok(WeightSet { name: file.name.into_inner(), default })
}

fn table(
    source: &Source<'_>,
    table: &Spanned<BTreeMap<Spanned<String>, Spanned<toml::Value>>>,
) -> Result<Weights, Wrong> {
    let mut values = [f32::NAN; WEIGHTS];
    for (name, value) in table.get_ref() {
        let Some(place) = TABLE.iter().position(|weight| weight.name == name.get_ref()) else {
            return Err(source.wrong(name.span(), name.get_ref(), "there is no such weight"));
        };
        let found = match value.get_ref() {
            toml::Value::Float(found) => *found,
            toml::Value::Integer(found) => *found as f64,
            _ => return Err(source.wrong(value.span(), name.get_ref(), "is not a number")),
        };
        let (low, high) = (f64::from(TABLE[place].low), f64::from(TABLE[place].high));
        if !(low - SLACK..=high + SLACK).contains(&found) {
            let what = format!("{found} is not between {low} and {high}");
            return Err(source.wrong(value.span(), name.get_ref(), what));
        }
        values[place] = found as f32;
    }
    if let Some(place) = values.iter().position(|value| value.is_nan()) {
        return Err(source.wrong(table.span(), TABLE[place].name, "is missing"));
    }
    Ok(Weights::new(values))
}

/// Weights as a file; `notes` become comments at its head. It is read back to the same weights.
#[must_use]
pub fn write(name: &str, weights: &Weights, notes: &[String]) -> String {
    let mut text = String::new();
    for note in notes {
        let line: String = note.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let _ = writeln!(text, "# {line}");
    }
    let _ = writeln!(text, "name = {:?}\nversion = {VERSION}\n\n[default.greedy]", plain(name));
    for (weight, value) in TABLE.iter().zip(weights.values()) {
        let _ = writeln!(text, "{} = {value:?}", weight.name);
    }
    text
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_alphanumeric() || "-_ .".contains(*c)).collect()
}

/// A vector of variables, each 0 to 1 over its range, as weights. The first weight and the two of the end of a game
/// stand at their built-in values: a common factor of all changes no choice.
#[must_use]
pub fn from_unit(x: &[f64]) -> Weights {
    let mut values = TABLE.map(|weight| weight.value);
    for (place, &u) in x.iter().enumerate() {
        let weight = &TABLE[place + 1];
        let (low, high) = (f64::from(weight.low), f64::from(weight.high));
        values[place + 1] = (low + u.clamp(0.0, 1.0) * (high - low)) as f32;
    }
    Weights::new(values)
}

/// How many variables there are.
pub const VARIABLES: usize = 25;

/// Weights as a vector of variables.
#[must_use]
pub fn to_unit(weights: &Weights) -> Vec<f64> {
    (1..=VARIABLES)
        .map(|place| {
            let (low, high) = (f64::from(TABLE[place].low), f64::from(TABLE[place].high));
            ((f64::from(weights.values()[place]) - low) / (high - low)).clamp(0.0, 1.0)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::built_in;

    #[test]
    fn what_is_written_is_read_back() {
        let content = built_in().expect("the content is sound");
        let weights = from_unit(&[0.37; VARIABLES]);
        let text = write("generalist", &weights, &["made by a test\nwith a line".into()]);
        let set = read("w.toml", &text, &content).expect("it was written by us");
        assert_eq!(set.default, weights);
        assert_eq!(set.name, "generalist");
        assert_eq!(to_unit(&weights).len(), VARIABLES);
    }

    #[test]
    fn mistakes_have_a_line_and_a_field() {
        let content = built_in().expect("the content is sound");
        let good = write("x", &Weights::default(), &[]);
        let cases = [
            (good.replace("own_life = 1.5", "own_lief = 1.5"), "w.toml:5: own_lief: there is no such weight"),
            (
                good.replace("own_life = 1.5", "own_life = 9.5"),
                "w.toml:5: own_life: 9.5 is not between 0 and 5",
            ),
            (good.replace("own_life = 1.5", "own_life = \"a\""), "w.toml:5: own_life: is not a number"),
            (good.replace("own_life = 1.5\n", ""), "w.toml:4: own_life: is missing"),
            (good.replace("version = 1", "version = 2"), "w.toml:2: version: is not 1 or older"),
            (good.replace("own_life = 1.5", "own_life = nan"), "w.toml:5: own_life: NaN is not between"),
            (good.clone() + "[deck_specific.argentum-wall.greedy]\n", "alone are not used here"),
            (good.clone() + "[deck_specific.nope]\ngreedy = {}\n", "there is no deck \"nope\""),
            (good.replace("name = \"x\"", "name = "), "w.toml:1: "),
            (good.clone() + "[more]\n", "unknown field `more`"),
        ];
        for (text, says) in cases {
            let wrong = read("w.toml", &text, &content).expect_err(says).to_string();
            assert!(wrong.contains(says), "{wrong} does not say {says}");
        }
    }
}
