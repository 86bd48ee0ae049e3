//! The files that `tidy` reads, and the faults it reports.

use std::fmt;
use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::Finding;
use crate::program;

/// A text file of the project.
#[derive(Debug)]
pub(super) struct Source {
    /// Its path from the workspace's root, with slashes.
    pub(super) path: String,
    /// All of it; empty if it is no text.
    pub(super) text: String,
    /// Whether it is compiled for tests only.
    pub(super) is_test: bool,
}

impl Source {
    /// A file that a test makes up, or one that was read.
    pub(super) fn new(path: &str, text: impl Into<String>) -> Source {
        let parts: Vec<_> = path.split('/').collect();
        let is_test = parts
            .iter()
            .any(|part| ["tests", "tests.rs", "benches"].contains(part));
        Source {
            path: path.to_owned(),
            text: text.into(),
            is_test,
        }
    }

    /// Its lines with their numbers.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line))
    }

    /// Whether its name ends in one of these.
    pub(super) fn is(&self, extensions: &[&str]) -> bool {
        self.path
            .rsplit_once('.')
            .is_some_and(|(_, extension)| extensions.contains(&extension))
    }

    /// Whether a program wrote it.
    pub(super) fn is_generated(&self) -> bool {
        ["Cargo.lock", "package-lock.json"]
            .iter()
            .any(|name| self.path.ends_with(name))
    }
}

/// Every file that git has or would take, and that is on the disk.
pub(super) fn all() -> Result<Vec<Source>> {
    let mut git = Command::new("git");
    git.stderr(Stdio::inherit());
    git.args([
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        "-z",
    ]);
    let names =
        program::ask(&mut git).context("tidy asks git for the files, and git did not answer")?;
    let mut sources = Vec::new();
    for path in names.split('\0').filter(|path| !path.is_empty()) {
        if let Ok(bytes) = fs::read(path) {
            sources.push(Source::new(
                path,
                String::from_utf8(bytes).unwrap_or_default(),
            ));
        }
    }
    sources.sort_by(|one, other| one.path.cmp(&other.path));
    sources.dedup_by(|one, other| one.path == other.path);
    Ok(sources)
}

/// A broken rule, as an editor can jump to it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fault {
    /// The file.
    pub(super) path: String,
    /// The line, from one.
    pub(super) line: usize,
    /// What is wrong and what to do.
    pub(super) message: String,
}

impl Fault {
    /// A finding in its file.
    pub(super) fn at(source: &Source, finding: Finding) -> Fault {
        Fault {
            path: source.path.clone(),
            line: finding.line,
            message: finding.message,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}", self.path, self.line, self.message)
    }
}
