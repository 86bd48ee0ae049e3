//! Chores in Rust: `cargo xtask <chore>`. One file or folder a chore; this one is the list of them.

mod bench;
mod build;
mod ci;
mod dev;
mod figures;
mod place;
mod program;
mod run;
mod serve;
mod setup;
mod sim;
mod stages;
mod step;
mod test;
mod tidy;
mod toolchain;

use std::process::ExitCode;

use build::Mode;
use clap::{Parser, Subcommand};
use toolchain::Toolchain;

/// Builds, runs, tests and checks Daybook.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Fetches what the build needs: the WASM target and the npm packages
    Setup {
        /// Also what the tests need: Chromium with its driver, and PostgreSQL
        #[arg(long)]
        tests: bool,
    },
    /// Builds the site and the server
    Build {
        /// Quicker to build, larger and slower in use
        #[arg(long)]
        debug: bool,
    },
    /// Builds the data worker alone, for people who use `cargo leptos watch`
    Worker {
        /// Small and quick instead of soon
        #[arg(long)]
        release: bool,
    },
    /// Builds everything and opens Daybook on this machine
    Run {
        /// Where it listens
        #[arg(long, default_value_t = 3000)]
        port: u16,
    },
    /// Like `run`, with quick builds, and anew whenever a file is saved
    Dev {
        /// Where it listens
        #[arg(long, default_value_t = 3000)]
        port: u16,
    },
    /// Runs all tests: native, in a browser, and journeys through the release build
    Test(test::Choice),
    /// Plays histories of many devices that write, fail and heal, and checks what they promise
    Sim(sim::Choice),
    /// Measures the server, killed and under load
    Bench(bench::Choice),
    /// Checks the house rules
    Tidy,
    /// Tells what a first visit weighs
    Figures,
    /// Everything that must hold before a change is taken
    Ci,
}

fn main() -> ExitCode {
    match do_chore(Cli::parse().chore) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Words without a backtrace: the reader is to mend the machine or the change, not the chore.
            eprintln!("\n{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn do_chore(chore: Chore) -> anyhow::Result<()> {
    place::enter_the_workspace()?;
    match chore {
        Chore::Setup { tests } => setup::run(tests).map(drop),
        Chore::Build { debug } => {
            let mode = if debug { Mode::Debug } else { Mode::Release };
            build::everything(&setup::run(false)?.toolchain, mode).map(drop)
        }
        Chore::Worker { release } => {
            let mode = if release { Mode::Release } else { Mode::Debug };
            build::worker_by_itself(&setup::run(false)?.toolchain, mode)
        }
        Chore::Run { port } => run::run(port),
        Chore::Dev { port } => dev::run(port),
        Chore::Test(choice) => test::run(&choice),
        Chore::Sim(choice) => sim::run(&Toolchain::of_this_call(), &choice),
        Chore::Bench(choice) => bench::run(&choice),
        Chore::Tidy => tidy::run(&Toolchain::of_this_call()),
        Chore::Figures => figures::run(),
        Chore::Ci => ci::run(),
    }
}
