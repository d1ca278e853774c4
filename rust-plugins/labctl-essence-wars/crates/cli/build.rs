//! Writes the list of the content files that are compiled in.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

fn main() {
    let data = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../../data");
    let data = data.canonicalize().expect("data/ lies beside crates/");
    let mut list = String::from(
        "/// Content files by their names below `data/`.\npub const FILES: &[(&str, &str)] = &[\n",
    );
    for folder in ["cards", "decks"] {
        let mut names: Vec<_> = fs::read_dir(data.join(folder))
            .expect("data/ has this folder")
            .filter_map(|entry| entry.expect("a folder can be listed").file_name().into_string().ok())
            .filter(|name| name.ends_with(".toml"))
            .collect();
        names.sort();
        for name in names {
            add(&mut list, &data, &format!("{folder}/{name}"));
        }
        println!("cargo:rerun-if-changed={}", data.join(folder).display());
    }
    add(&mut list, &data, "commanders.toml");
    list.push_str("];\n");
    let out = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("files.rs");
    fs::write(out, list).expect("OUT_DIR can be written");
}

fn add(list: &mut String, data: &Path, name: &str) {
    let path = data.join(name);
    println!("cargo:rerun-if-changed={}", path.display());
    writeln!(list, "    ({name:?}, include_str!({path:?})),").expect("a String takes what is written");
}
