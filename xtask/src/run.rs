//! `cargo xtask run`: from a fresh clone to the program in the browser, with one command.

use anyhow::Result;

use crate::build::{self, Mode};
use crate::serve::{self, Server};
use crate::setup;
use crate::step::step;

/// Sets up, builds the release, and serves it until Ctrl-C.
pub(crate) fn run(port: u16) -> Result<()> {
    let address = serve::address(port)?;
    serve::ensure_free(address)?;
    let ready = setup::run(false)?;
    let program = build::everything(&ready.toolchain, Mode::Release)?;
    let server = Server::default();
    server.ends_with_the_chore()?;
    eprintln!("run");
    step("server: starting", || server.restart(&program, address))?;
    println!("{}", greeting(address.port()));
    server.watch()
}

/// The last line; by name, because passkeys refuse an address in figures.
pub(crate) fn greeting(port: u16) -> String {
    format!("\nOpen http://localhost:{port} in a browser. Ctrl-C ends it.")
}
