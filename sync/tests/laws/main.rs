//! Laws that hold whatever happens, looked for with chance.
//!
//! - [`clocks`]: a clock never goes back
//! - [`joining`]: the order of edits does not matter
//! - [`frames`]: what is sent is what arrives, and no bytes are too strange
//! - [`steps`]: the engine is never stuck and never confused

#[path = "../../src/fixture/changes.rs"]
mod changes;
mod clocks;
mod frames;
mod joining;
mod steps;
#[path = "../../src/fixture/tables.rs"]
mod tables;

use proptest::test_runner::Config;

/// So many cases, and no files beside the tests.
fn cases(cases: u32) -> Config {
    Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    }
}
