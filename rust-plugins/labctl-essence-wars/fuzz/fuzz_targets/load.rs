//! Whatever stands in a content or weights file: an error with its place, and never a panic.

#![no_main]

use essence_wars_cli::load::{built_in, from_texts, FILES};
use essence_wars_cli::weights;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&choice, rest)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let place = choice as usize % (FILES.len() + 1);
    if place == FILES.len() {
        let content = built_in().expect("the content is sound");
        if let Ok(set) = weights::read("w.toml", text, &content) {
            let again = weights::write("again", &set.default, &[]);
            assert_eq!(weights::read("w.toml", &again, &content).expect("ours").default, set.default);
        }
        return;
    }
    // One of the shipped files is replaced, so that what it refers to is there.
    let files: Vec<(&str, &str)> =
        FILES.iter().enumerate().map(|(i, &(name, known))| (name, if i == place { text } else { known })).collect();
    let _ = from_texts(&files);
});
