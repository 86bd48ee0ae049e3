//! The Rust toolchain that every cargo of a chore uses, once `setup` has found one that can compile for the browser.

use std::io::IsTerminal;
use std::process::Command;

use crate::program;

/// The browser's target.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";

/// A toolchain by its rustup name; without rustup there is only the one on `PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Toolchain(pub(crate) Option<String>);

impl Toolchain {
    /// The one that runs this chore: cargo passes it on, else rustup is asked, else there is no rustup.
    pub(crate) fn of_this_call() -> Toolchain {
        let passed_on = std::env::var("RUSTUP_TOOLCHAIN").ok();
        let asked = || program::ask(Command::new("rustup").args(["show", "active-toolchain"]));
        let name = passed_on
            .or_else(asked)
            .and_then(|line| line.split_whitespace().next().map(str::to_owned));
        Toolchain(name)
    }

    /// A program of this toolchain: `cargo`, `rustc`.
    pub(crate) fn program(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        if let Some(toolchain) = &self.0 {
            command.env("RUSTUP_TOOLCHAIN", toolchain);
        }
        command
    }

    /// A subcommand of this toolchain's cargo; its lines in sight only where they overwrite each other.
    pub(crate) fn cargo(&self, subcommand: &str) -> Command {
        let mut cargo = self.program("cargo");
        cargo.arg(subcommand);
        if !std::io::stderr().is_terminal() {
            cargo.arg("--quiet");
        }
        cargo
    }

    /// Its name for messages.
    pub(crate) fn name(&self) -> &str {
        self.0.as_deref().unwrap_or("the installed Rust")
    }
}
