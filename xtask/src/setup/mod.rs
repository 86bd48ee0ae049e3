//! `cargo xtask setup`: what the build and the tests need and a bare machine has not. Done twice, it does nothing.

mod apt;
mod browser;
mod compiler;
mod debian_rust;
mod npm;
mod postgres;
mod wasm_target;

pub(crate) use browser::Browser;

use anyhow::Result;

use crate::toolchain::Toolchain;

/// What setup found or fetched.
pub(crate) struct Ready {
    /// The toolchain that can compile for the browser.
    pub(crate) toolchain: Toolchain,
    /// The browser, if the tests were asked for.
    pub(crate) browser: Option<Browser>,
}

/// Makes the machine ready for `build` and `run`, and with `tests` for `test`.
pub(crate) fn run(tests: bool) -> Result<Ready> {
    eprintln!("setup");
    compiler::check()?;
    let toolchain = wasm_target::ensure()?;
    npm::ensure()?;
    if !tests {
        return Ok(Ready {
            toolchain,
            browser: None,
        });
    }
    let browser = Some(browser::ensure()?);
    postgres::ensure()?;
    Ok(Ready { toolchain, browser })
}
