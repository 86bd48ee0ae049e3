//! `cargo xtask ci`: all that must hold before a change is taken, on a machine that has nothing but Rust and Node.

use anyhow::Result;

use crate::place::FRONT;
use crate::program;
use crate::setup;
use crate::stages::Stages;
use crate::test;
use crate::tidy;
use crate::toolchain::{Toolchain, WASM};

const NATIVE: [&str; 9] = [
    "sync",
    "sync-derive",
    "sim",
    "domain",
    "server",
    "server-bench",
    "app",
    "xtask",
    "wasm-runner",
];
const IN_BROWSER: [&str; 2] = ["frontend", "worker"];

/// All stages, and their table.
pub(crate) fn run() -> Result<()> {
    let mut stages = Stages::default();
    if let Some(ready) = stages.stage("setup", || setup::run(true)) {
        stages.stage("format", || format(&ready.toolchain));
        stages.stage("tidy", || tidy::run(&ready.toolchain));
        stages.stage("clippy", || {
            clippy(&ready.toolchain, &NATIVE, &["--all-targets"])
        });
        let in_browser = ["--all-targets", "--target", WASM, "--target-dir", FRONT];
        stages.stage("clippy for the browser", || {
            clippy(&ready.toolchain, &IN_BROWSER, &in_browser)
        });
        test::all(&mut stages, &ready, &test::Choice::default());
    }
    stages.conclude()
}

fn format(toolchain: &Toolchain) -> Result<()> {
    program::run(toolchain.program("cargo").args(["fmt", "--all", "--check"]))
}

fn clippy(toolchain: &Toolchain, packages: &[&str], options: &[&str]) -> Result<()> {
    let mut cargo = toolchain.cargo("clippy");
    cargo
        .args(packages.iter().flat_map(|package| ["--package", package]))
        .args(options);
    program::run(cargo.args(["--", "-D", "warnings"]))
}
