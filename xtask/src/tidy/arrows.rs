//! Which room may use which: the arrows of the house, read from `cargo metadata`.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result};
use serde_json::Value;

use super::source::Fault;
use crate::program;
use crate::toolchain::Toolchain;

/// Each room with the rooms it may use. Chores may use anything, and nothing uses them.
const ARROWS: [(&str, &[&str]); 11] = [
    ("app", &["domain", "sync"]),
    ("domain", &["sync", "sync-derive"]),
    ("frontend", &["app"]),
    ("server", &["app", "domain", "sync"]),
    ("server-bench", &["domain", "server", "sync"]),
    ("sync", &["sync-derive"]),
    ("sync-derive", &[]),
    ("sim", &["domain", "sync", "sync-derive"]),
    ("wasm-runner", &[]),
    ("worker", &["domain", "sync"]),
    ("xtask", &["domain", "sync"]),
];

/// The faults of the workspace as it is.
pub(super) fn check(toolchain: &Toolchain) -> Result<Vec<Fault>> {
    let mut cargo = toolchain.program("cargo");
    cargo.stderr(Stdio::inherit());
    let answer = program::ask(cargo.args(["metadata", "--no-deps", "--format-version", "1"]));
    let metadata = answer.context("`cargo metadata` failed; run it by hand to see why")?;
    Ok(faults(&serde_json::from_str(&metadata)?))
}

fn faults(metadata: &Value) -> Vec<Fault> {
    let packages = metadata["packages"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let rooms: Vec<_> = packages
        .iter()
        .filter_map(|package| package["name"].as_str())
        .collect();
    let mut faults = Vec::new();
    for package in packages {
        let room = package["name"].as_str().unwrap_or_default();
        let manifest = package["manifest_path"].as_str().unwrap_or_default();
        let used = package["dependencies"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let used = used
            .iter()
            .filter_map(|dependency| dependency["name"].as_str());
        for other in used.filter(|other| rooms.contains(other)) {
            let Some((_, may_use)) = ARROWS.iter().find(|(name, _)| *name == room) else {
                faults.push(fault(
                    manifest,
                    room,
                    format!("`{room}` has no arrows yet: give it some in xtask/src/tidy/arrows.rs"),
                ));
                break;
            };
            if !may_use.contains(&other) {
                faults.push(fault(
                    manifest,
                    other,
                    format!("`{room}` may not use `{other}`; ARCHITECTURE.md has the arrows"),
                ));
            }
        }
    }
    faults
}

/// A fault at the manifest's line that names the crate.
fn fault(manifest: &str, name: &str, message: String) -> Fault {
    let text = fs::read_to_string(manifest).unwrap_or_default();
    let line = text
        .lines()
        .position(|line| line.starts_with(name))
        .map_or(1, |index| index + 1);
    let root = std::env::current_dir().unwrap_or_default();
    let path = Path::new(manifest)
        .strip_prefix(root)
        .unwrap_or(Path::new(manifest));
    Fault {
        path: path.display().to_string(),
        line,
        message,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::faults;

    fn found(rooms: &[(&str, &[&str])]) -> Vec<String> {
        let package = |(name, used): &(&str, &[&str])| -> Value {
            let used: Vec<_> = used.iter().map(|used| json!({ "name": used })).collect();
            json!({ "name": name, "manifest_path": format!("{name}/Cargo.toml"), "dependencies": used })
        };
        let packages: Vec<_> = rooms.iter().map(package).collect();
        faults(&json!({ "packages": packages }))
            .into_iter()
            .map(|fault| fault.message)
            .collect()
    }

    #[test]
    fn an_arrow_the_wrong_way_is_found() {
        let good: [(&str, &[&str]); 3] = [
            ("sync", &["serde"]),
            ("domain", &["sync"]),
            ("worker", &["domain", "sync", "leptos"]),
        ];
        assert_eq!(found(&good), [""; 0]);
        assert!(
            found(&[("sync", &["domain"]), ("domain", &[])])[0]
                .starts_with("`sync` may not use `domain`")
        );
        assert!(
            found(&[("worker", &["app"]), ("app", &[])])[0]
                .starts_with("`worker` may not use `app`")
        );
    }

    #[test]
    fn a_room_that_nobody_has_placed_is_found() {
        assert!(
            found(&[("attic", &["sync"]), ("sync", &[])])[0]
                .starts_with("`attic` has no arrows yet")
        );
    }
}
