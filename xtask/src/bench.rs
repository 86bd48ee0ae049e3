//! `cargo xtask bench`: measures the server as it is released, and checks what it keeps when it is killed.

use std::ffi::OsString;

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::build::{self, Mode};
use crate::program;
use crate::setup;

/// What is measured.
#[derive(Args)]
pub(crate) struct Choice {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// The server: `cargo xtask bench server --help` has its figures
    #[command(disable_help_flag = true)]
    Server {
        /// What `server/bench` is told
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<OsString>,
    },
}

/// Builds the program with the site inside and whatever measures it, and measures.
pub(crate) fn run(choice: &Choice) -> Result<()> {
    let What::Server { rest } = &choice.what;
    let toolchain = setup::run(false)?.toolchain;
    let server = build::everything(&toolchain, Mode::Release)?;
    let mut cargo = toolchain.cargo("run");
    cargo.args(["--release", "--package", "server-bench", "--"]);
    program::run(cargo.arg("--program").arg(server).args(rest))
}
