//! `cargo xtask sim`: plays histories of many devices that write, fail and heal, with the real engine.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::program;
use crate::toolchain::Toolchain;

/// How many histories are played before a change is taken.
const HISTORIES: u64 = 10_000;

/// What is played.
#[derive(Args)]
pub(crate) struct Choice {
    /// How many histories
    #[arg(long, default_value_t = HISTORIES)]
    histories: u64,
    /// The first seed; by default from the clock
    #[arg(long)]
    seed: Option<u64>,
    /// Measures the checkers instead, with faults planted in the engine on purpose
    #[arg(long)]
    planted: bool,
    /// Only the planted faults whose name contains this
    #[arg(long, requires = "planted")]
    fault: Option<String>,
    /// Plays a kept history instead, and tells its story
    #[arg(long, conflicts_with = "planted")]
    replay: Option<PathBuf>,
}

impl Choice {
    /// What must play clean before a change is taken: the same histories each time, so that who
    /// changes nothing is not told of what others left.
    pub(crate) const fn before_a_change() -> Self {
        Self {
            histories: HISTORIES,
            seed: Some(1),
            planted: false,
            fault: None,
            replay: None,
        }
    }
}

/// Builds the simulator and runs it.
pub(crate) fn run(toolchain: &Toolchain, choice: &Choice) -> Result<()> {
    // In a folder of its own, or each build would throw the other away.
    let with_faults = ["--features", "planted", "--target-dir", "target/planted"];
    let of_sim = ["--package", "sim", "--profile", "sim"];
    let mut cargo = toolchain.cargo("run");
    cargo.args(of_sim);
    if choice.planted {
        let mut tests = toolchain.cargo("test");
        tests.args(of_sim).args(with_faults);
        program::run(tests.args(["--test", "shrinking"]))?;
        cargo.args(with_faults);
    }
    cargo
        .arg("--")
        .args(["--histories", &choice.histories.to_string()]);
    if let Some(seed) = choice.seed {
        cargo.args(["--seed", &seed.to_string()]);
    }
    if choice.planted {
        cargo.arg("--planted");
    }
    if let Some(fault) = &choice.fault {
        cargo.args(["--fault", fault]);
    }
    if let Some(file) = &choice.replay {
        cargo.arg("--replay").arg(file);
    }
    program::run(&mut cargo)
}
