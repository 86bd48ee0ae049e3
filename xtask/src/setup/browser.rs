//! Chromium and its driver, for the worker's tests in a browser and for Playwright.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::apt;
use crate::program;
use crate::step::{nothing_to_do, step};

/// A browser and the driver that speaks WebDriver to it.
pub(crate) struct Browser {
    /// The browser's program.
    pub(crate) chromium: PathBuf,
    /// Its driver's program.
    pub(crate) driver: PathBuf,
}

/// Finds Chromium (`CHROMIUM`, `CHROMEDRIVER`, or on `PATH`), or installs Debian's.
pub(super) fn ensure() -> Result<Browser> {
    if let Some(browser) = find() {
        nothing_to_do(&format!("browser: {}", browser.chromium.display()));
        return Ok(browser);
    }
    step("browser: installing Debian's Chromium", || {
        apt::install(
            "The tests need Chromium and its driver",
            &["chromium", "chromium-driver"],
        )?;
        find().context(
            "Chromium was installed, but `chromium` and `chromedriver` are not on PATH: \
             name them in the variables CHROMIUM and CHROMEDRIVER and start again.",
        )
    })
}

fn find() -> Option<Browser> {
    let chromium = named("CHROMIUM").or_else(|| {
        program::find(&[
            "chromium",
            "chromium-browser",
            "google-chrome-stable",
            "google-chrome",
            "chrome",
        ])
    })?;
    let driver = named("CHROMEDRIVER").or_else(|| program::find(&["chromedriver"]))?;
    Some(Browser { chromium, driver })
}

fn named(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable)
        .map(PathBuf::from)
        .filter(|file| file.is_file())
}
