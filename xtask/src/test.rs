//! `cargo xtask test`: native tests, the data worker's tests in a browser, then journeys through the release build.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf, absolute};
use std::process::Command;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use serde_json::json;

use crate::build::{self, Mode};
use crate::place::{END2END, FRONT, NPM_BIN, SITE, TOOLS};
use crate::program;
use crate::setup::{self, Browser, Ready};
use crate::sim;
use crate::stages::Stages;
use crate::toolchain::{Toolchain, WASM};

/// The crates whose tests run natively. `server` switches on what `app` needs to run there.
const NATIVE: [&str; 8] = [
    "sync",
    "sync-derive",
    "sim",
    "domain",
    "app",
    "worker",
    "server",
    "xtask",
];

/// A stage that a person may ask for alone.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Stage {
    /// `cargo test`
    Native,
    /// Simulated histories: `cargo xtask sim --seed 1`
    Sim,
    /// The data worker's tests, in a browser
    Worker,
    /// Playwright, through the release build
    Journeys,
}

/// Which tests are run; by default, all.
#[derive(Clone, Default, Args)]
pub(crate) struct Choice {
    /// Only tests whose name contains this
    #[arg(long)]
    filter: Option<String>,
    /// Only this stage
    #[arg(long)]
    stage: Option<Stage>,
}

impl Choice {
    fn has(&self, stage: Stage) -> bool {
        self.stage.is_none_or(|only| only == stage)
    }
}

/// The chosen stages, and their table.
pub(crate) fn run(choice: &Choice) -> Result<()> {
    let mut stages = Stages::default();
    if let Some(ready) = stages.stage("setup", || setup::run(true)) {
        all(&mut stages, &ready, choice);
    }
    stages.conclude()
}

/// The stages of `test`, for `ci` as well.
pub(crate) fn all(stages: &mut Stages, ready: &Ready, choice: &Choice) {
    let Some(browser) = &ready.browser else {
        return;
    };
    let toolchain = &ready.toolchain;
    let filter = choice.filter.as_deref();
    if choice.has(Stage::Native) {
        stages.stage("native tests", || native(toolchain, filter));
        stages.stage("the server's tests on PostgreSQL", || {
            on_postgres(toolchain, filter)
        });
    }
    if choice.has(Stage::Sim) && filter.is_none() {
        stages.stage("simulated histories", || {
            sim::run(toolchain, &sim::Choice::before_a_change())
        });
    }
    if choice.has(Stage::Worker) {
        stages.stage("worker tests in a browser", || {
            in_browser(toolchain, browser, filter)
        });
    }
    if choice.has(Stage::Journeys) {
        let built = stages.stage("release build", || {
            build::everything(toolchain, Mode::Release)
        });
        stages.stage("journeys in a browser", || {
            let server = built.context("there is no release build to test")?;
            journeys(&server, browser, filter)
        });
    }
}

fn native(toolchain: &Toolchain, filter: Option<&str>) -> Result<()> {
    let packages = NATIVE.iter().flat_map(|package| ["--package", package]);
    tests(toolchain, &packages.collect::<Vec<_>>(), &[], filter)
}

/// All that the server keeps in SQLite holds in PostgreSQL too. The tests start a server of their own.
fn on_postgres(toolchain: &Toolchain, filter: Option<&str>) -> Result<()> {
    let options = ["--package", "server", "--test", "server"];
    let environment = [("DAYBOOK_TEST_DATABASE", OsStr::new("postgres"))];
    tests(toolchain, &options, &environment, filter)
}

/// Compiles in silence, then runs in words: `--quiet` would reach the tests, and the browser's runner knows no such flag.
fn tests(
    toolchain: &Toolchain,
    options: &[&str],
    environment: &[(&str, &OsStr)],
    filter: Option<&str>,
) -> Result<()> {
    program::run(toolchain.cargo("test").arg("--no-run").args(options))?;
    let mut cargo = toolchain.program("cargo");
    cargo.arg("test").args(options).args(filter);
    program::run(cargo.envs(environment.iter().copied()))
}

fn in_browser(toolchain: &Toolchain, browser: &Browser, filter: Option<&str>) -> Result<()> {
    let mut cargo = toolchain.cargo("build");
    program::run(cargo.args(["--package", "wasm-runner"]))?;
    let runner = Path::new("target/debug/wasm-bindgen-test-runner")
        .with_extension(std::env::consts::EXE_EXTENSION);
    let settings = Path::new(TOOLS).join("webdriver.json");
    fs::create_dir_all(TOOLS)?;
    fs::write(&settings, webdriver(browser).to_string())
        .context("cannot write the driver's settings")?;

    let options = [
        "--package",
        "worker",
        "--target",
        WASM,
        "--target-dir",
        FRONT,
    ];
    let (runner, settings) = (absolute(runner)?, absolute(settings)?);
    let environment = [
        (
            "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER",
            runner.as_os_str(),
        ),
        ("WASM_BINDGEN_TEST_WEBDRIVER_JSON", settings.as_os_str()),
        ("CHROMEDRIVER", browser.driver.as_os_str()),
        // In seconds, for all tests of one page together.
        ("WASM_BINDGEN_TEST_TIMEOUT", OsStr::new("120")),
        ("RUST_BACKTRACE", OsStr::new("0")),
    ];
    tests(toolchain, &options, &environment, filter)
}

/// The browser for the driver, with no window and nothing of its own to fetch.
fn webdriver(browser: &Browser) -> serde_json::Value {
    let flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ];
    json!({ "goog:chromeOptions": { "binary": browser.chromium, "args": flags } })
}

fn journeys(server: &Path, browser: &Browser, filter: Option<&str>) -> Result<()> {
    let mut playwright = Command::new(absolute(PathBuf::from(NPM_BIN).join("playwright"))?);
    // Beside a run that a person started by hand, which clears its own folder of results.
    let results = absolute("target/journeys")?;
    playwright
        .args(["test", "--output"])
        .arg(results)
        .current_dir(END2END);
    if let Some(filter) = filter {
        playwright.args(["--grep", filter, "--pass-with-no-tests"]);
    }
    playwright
        .env("DAYBOOK_BIN", absolute(server)?)
        .env("DAYBOOK_SITE", absolute(SITE)?);
    program::run(playwright.env("CHROMIUM", &browser.chromium))
}
