//! `wasm-opt` from npm's `binaryen`. Never the system's: Debian's version 108 succeeds and writes WASM that no browser runs.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::place::WASM_OPT;
use crate::program;

/// The oldest version whose output is trusted.
const OLDEST: u32 = 116;

/// What Rust's compiler uses by itself. `--all-features` would let the optimizer use what browsers do not have.
const FEATURES: [&str; 7] = [
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// Rewrites a WASM file in place.
pub(super) fn optimize(wasm: &Path) -> Result<()> {
    let version = program::ask(node().arg("--version"))
        .context("npm's wasm-opt does not start; run `cargo xtask setup`")?;
    let number =
        number(&version).with_context(|| format!("wasm-opt names no version: {version}"))?;
    ensure!(
        number >= OLDEST,
        "wasm-opt is version {number}, and below {OLDEST} it breaks WASM: raise `binaryen` in end2end/package.json"
    );
    let smaller = wasm.with_extension("opt");
    program::run(
        node()
            .arg("-Oz")
            .args(FEATURES)
            .arg(wasm)
            .arg("-o")
            .arg(&smaller),
    )?;
    fs::rename(&smaller, wasm).with_context(|| format!("cannot replace {}", wasm.display()))
}

fn node() -> Command {
    let mut node = Command::new("node");
    node.arg(WASM_OPT);
    node
}

/// The number in `wasm-opt version 132 (version_132)`.
fn number(version: &str) -> Option<u32> {
    version
        .split_whitespace()
        .find_map(|word| word.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn the_version_is_read_in_both_of_its_spellings() {
        assert_eq!(number("wasm-opt version 132 (version_132)"), Some(132));
        assert_eq!(number("wasm-opt version 108"), Some(108));
        assert_eq!(number("wasm-opt"), None);
    }
}
