//! The simulator itself: kept histories replay clean, a seed is a history, a failure shrinks, and
//! the list of planted faults is the list of their places.

use sim::generate::{Size, generate};
use sim::planted::{PLANTED, all, kept};
use sim::run::attempt;
use sim::tell::CHECKERS;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn every_history_that_once_found_something_plays_clean() {
    let kept = kept();
    assert!(!kept.is_empty());
    for (file, history) in kept {
        let violation = attempt(&history, true).violation;
        assert_eq!(violation, None, "{}", file.display());
    }
}

#[test]
fn the_same_seed_gives_the_same_run_to_the_last_event() {
    for seed in 1..20 {
        let [one, other] = [(); 2].map(|()| generate(seed, Size::default()));
        assert_eq!(one, other);
        let [one, other] = [one, other].map(|history| attempt(&history, false));
        assert_eq!(
            (one.hash, one.edits),
            (other.hash, other.edits),
            "seed {seed}"
        );
    }
}

#[test]
fn a_history_comes_back_from_its_file() {
    let history = generate(7, Size::default());
    let text = serde_json::to_string(&history).expect("JSON");
    assert_eq!(
        serde_json::from_str::<sim::history::History>(&text).ok(),
        Some(history)
    );
}

#[test]
fn the_list_of_planted_faults_is_the_list_of_their_places() {
    let mut places = BTreeSet::new();
    for room in ["src", "../src"] {
        collect(&here(room), &mut places);
    }
    let listed: BTreeSet<_> = all().map(|fault| fault.name.to_owned()).collect();
    assert_eq!(listed, places);
    assert_eq!(listed.len(), all().count(), "no name twice");
    assert!(listed.len() >= 40);
}

#[test]
fn every_checker_has_faults_to_catch() {
    let checkers: Vec<_> = PLANTED.iter().map(|(checker, _)| *checker).collect();
    assert_eq!(checkers, CHECKERS);
    for (checker, wrongs) in PLANTED {
        assert!(wrongs.len() >= 2, "{checker}");
    }
}

/// The names in `planted!(Name …)`, in all files below a folder.
fn collect(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, names);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).expect("a source");
            for after in text.split("planted!(").skip(1) {
                let word = after
                    .trim_start()
                    .split(|c: char| !c.is_alphanumeric())
                    .next();
                // What begins with a capital letter is a name; the macro itself has none.
                let word = word.filter(|word| word.starts_with(char::is_uppercase));
                names.extend(word.map(str::to_owned));
            }
        }
    }
}
