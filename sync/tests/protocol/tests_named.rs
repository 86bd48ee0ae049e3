//! Every rule names the test that would fail without it; the test must be there.

use super::document::{quoted, root, source};
use std::fs;
use std::path::Path;
use sync::provider::conformance::CHECKS;

/// The simulator's checkers, which look at every history it plays.
const CHECKERS: [&str; 12] = [
    "converge",
    "durable",
    "once",
    "causal",
    "monotonic",
    "atomic",
    "visible",
    "live",
    "quiet",
    "bounded",
    "private",
    "same-seed",
];

#[test]
fn every_rule_names_a_test_that_is_there() {
    let mut code = String::new();
    for folder in ["sync", "domain/src", "server", "worker"] {
        read_all(&root().join(folder), &mut code);
    }
    let document = source("PROTOCOL.md");
    let has_number =
        |rule: &&str| rule.starts_with(['I', 'D', 'S']) && rule[1..].starts_with(char::is_numeric);
    let rules: Vec<_> = document
        .split("\n- **")
        .skip(1)
        .filter(has_number)
        .collect();
    assert!(rules.len() >= 50, "there are only {} rules", rules.len());
    let is_there = |name: &str| {
        let is_test = code.contains(&format!("fn {name}("));
        CHECKERS.contains(&name) || is_test || CHECKS.contains(&name)
    };
    let mut missing = Vec::new();
    for rule in rules {
        let rule = rule.split("\n\n").next().unwrap_or_default();
        let (_, tests) = rule.split_once("**Test:**").unwrap_or((rule, ""));
        assert!(!quoted(tests).is_empty(), "a rule names no test: {rule}");
        missing.extend(quoted(tests).into_iter().filter(|name| !is_there(name)));
    }
    assert_eq!(missing, [""; 0], "there are no such tests");
}

fn read_all(folder: &Path, code: &mut String) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("target") {
            read_all(&path, code);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            code.push_str(&fs::read_to_string(&path).unwrap_or_default());
        }
    }
}
