//! The two programs, as a user starts them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn folder(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("essence-wars-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).expect("a folder");
    path
}

fn run(program: &str, folder: &Path, words: &str) -> Output {
    let path = match program {
        "tune" => env!("CARGO_BIN_EXE_tune"),
        _ => env!("CARGO_BIN_EXE_validate"),
    };
    Command::new(path).current_dir(folder).args(words.split_whitespace()).output().expect("it starts")
}

fn said(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

#[test]
fn tune_writes_its_experiment() {
    let here = folder("tune");
    let words = "--tag=stone --mode=faction-specialist --faction argentum -g 2 --games 6 -p 4 --mcts-sims 1 \
                 --rollout leaf -s 7 -v";
    let (code, out, err) = said(&run("tune", &here, words));
    assert_eq!(code, 0, "{err}");
    for line in ["Best win rate: ", "Best fitness: ", "Generations: 2", "Gen 1: best_fit="] {
        assert!(out.contains(line), "{out}");
    }
    let made: Vec<_> = fs::read_dir(here.join("experiments/mcts")).expect("there").flatten().collect();
    assert_eq!(made.len(), 1);
    assert!(made[0].file_name().to_string_lossy().ends_with("_stone"));
    for name in ["train.log", "stats.csv", "weights.toml", "summary.txt", "version.toml"] {
        assert!(made[0].path().join(name).exists(), "{name}");
    }
    let (code, _, err) = said(&run("tune", &here, words));
    assert_eq!(code, 0, "{err}");
    let again: Vec<_> = fs::read_dir(here.join("experiments/mcts")).expect("there").flatten().collect();
    assert_eq!(again.len(), 2, "a second one in the same minute has a folder of its own");
    let texts: Vec<String> =
        again.iter().map(|e| fs::read_to_string(e.path().join("weights.toml")).expect("there")).collect();
    assert_eq!(texts[0], texts[1], "the same search finds the same weights");
}

#[test]
fn validate_writes_results_that_do_not_depend_on_threads() {
    let here = folder("validate");
    let words = "--games 2 --matchup symbiote-argentum --mcts-sims 1 --rollout leaf --seed 9";
    let mut whole = Vec::new();
    for threads in ["1", "2", "3"] {
        let output = format!("{words} -j {threads} --output r{threads}.json");
        let (code, out, err) = said(&run("validate", &here, &output));
        assert!(code == 0 || code == 1, "{err}");
        assert!(out.starts_with("Overall: "));
        assert_eq!(code == 1, out.starts_with("Overall: imbalanced"), "exit code 1 says imbalanced");
        let text = fs::read_to_string(here.join(format!("r{threads}.json"))).expect("there");
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(value["config"]["games_per_matchup"], 2);
        assert_eq!(value["matchups"].as_array().map(Vec::len), Some(12));
        whole.push(value["matchups"].clone());
    }
    assert!(whole.windows(2).all(|two| two[0] == two[1]));
    let folders = fs::read_dir(here.join("experiments/validation")).expect("there").count();
    assert_eq!(folders, 3);
}

#[test]
fn weights_of_a_folder_are_taken() {
    let here = folder("weights");
    let (code, _, err) = said(&run("tune", &here, "-g 1 --games 6 -p 4 --mcts-sims 1 --rollout leaf"));
    assert_eq!(code, 0, "{err}");
    let made =
        fs::read_dir(here.join("experiments/mcts")).expect("there").flatten().next().expect("one").path();
    let weights = made.join("weights.toml");
    let common = "--games 1 --matchup argentum-symbiote --mcts-sims 1 --rollout leaf --weights";
    let (code, _, err) = said(&run("validate", &here, &format!("{common} {}", weights.display())));
    assert!(code < 2, "{err}");
    let (code, _, err) = said(&run("validate", &here, &format!("{common} {}", here.display())));
    assert_eq!(code, 2);
    assert!(err.contains("has no weights for argentum"), "{err}");
}

#[test]
fn mistakes_are_said_and_nothing_is_written() {
    let here = folder("wrong");
    let cases = [
        ("tune", "--games 13", "error: games: 13 is odd"),
        ("tune", "--mode specialist", "error: deck: a specialist needs it"),
        ("tune", "--mode faction-specialist --faction legion", "there is no faction \"legion\""),
        ("tune", "--tag ../x", "tag: \"../x\" has to be letters"),
        ("tune", "--initial-weights no.toml", "no.toml: cannot be read"),
        ("tune", "--data nowhere", "nowhere"),
        ("validate", "--matchup argentum-argentum", "matchup: \"argentum-argentum\" is neither"),
        ("validate", "--matchup legion", "matchup: \"legion\" is neither"),
        ("validate", "--games 0", "games: games and simulations have to be at least 1"),
        ("validate", "--rollout wild", "rollout: \"wild\" is neither"),
    ];
    for (program, words, says) in cases {
        let (code, _, err) = said(&run(program, &here, words));
        assert_eq!(code, 2, "{program} {words}: {err}");
        assert!(err.contains(says), "{program} {words}: {err}");
    }
    assert_eq!(fs::read_dir(&here).expect("there").count(), 0, "nothing was written");
    let (code, _, err) = said(&run("tune", &here, "--colour red"));
    assert_eq!(code, 2);
    assert!(err.contains("unexpected argument '--colour'"), "{err}");
}
