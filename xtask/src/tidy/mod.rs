//! `cargo xtask tidy`: the house rules that a machine can watch, each a small function with a test that breaks it.

mod arrows;
mod links;
mod rust;
mod shape;
mod sight;
mod source;
mod words;

use anyhow::{Result, bail};

use crate::toolchain::Toolchain;
use source::{Fault, Source};

/// What a rule finds in one file.
type Findings = Vec<Finding>;
/// A rule that needs no more than the file itself.
type Rule = fn(&Source) -> Findings;

/// A broken rule at a line.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    line: usize,
    message: String,
}

impl Finding {
    fn new(line: usize, message: impl Into<String>) -> Finding {
        Finding {
            line,
            message: message.into(),
        }
    }
}

const RULES: [Rule; 10] = [
    shape::files_are_short,
    shape::files_say_what_they_are_for,
    shape::names_say_something,
    shape::lines_end_in_no_white_space,
    words::nothing_is_left_to_do,
    words::no_test_is_switched_off,
    words::no_machine_is_named,
    words::sql_stays_in_the_store,
    words::server_functions_are_posts,
    rust::code_keeps_the_rules,
];

/// Checks every file that git has or would take.
pub(crate) fn run(toolchain: &Toolchain) -> Result<()> {
    let mut sources = source::all()?;
    rust::mark_tests(&mut sources);
    let mut faults = arrows::check(toolchain)?;
    faults.extend(links::check(&sources));
    for source in &sources {
        let findings = RULES.iter().flat_map(|rule| rule(source));
        faults.extend(findings.map(|finding| Fault::at(source, finding)));
    }
    faults.sort();
    for fault in &faults {
        println!("{fault}");
    }
    if !faults.is_empty() {
        bail!(
            "{} house rules are broken; docs/ and CONTRIBUTING.md say why they are there",
            faults.len()
        );
    }
    println!("tidy: {} files, nothing to say", sources.len());
    Ok(())
}
