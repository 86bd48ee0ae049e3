//! PostgreSQL's server programs, with which the tests start a database of their own.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::apt;
use crate::program;
use crate::step::{nothing_to_do, step};

/// Where Debian keeps one folder a version; its server programs are not on `PATH`.
const DEBIAN: &str = "/usr/lib/postgresql";

/// Finds or installs them, and tells their folder.
pub(super) fn ensure() -> Result<PathBuf> {
    if let Some(programs) = find() {
        nothing_to_do("PostgreSQL: found");
        return Ok(programs);
    }
    step("PostgreSQL: installing Debian's", || {
        apt::install("The server's tests need PostgreSQL", &["postgresql"])
    })?;
    find().context("PostgreSQL was installed, but its program `initdb` is nowhere to be found")
}

fn find() -> Option<PathBuf> {
    if let Some(initdb) = program::find(&["initdb"]) {
        // Where the link leads, beside the other programs.
        return Some(fs::canonicalize(initdb).ok()?.parent()?.to_owned());
    }
    let versions = fs::read_dir(Path::new(DEBIAN)).ok()?;
    let programs = versions.flatten().map(|version| {
        let number = version.file_name().to_string_lossy().parse::<u32>();
        (number.unwrap_or(0), version.path().join("bin"))
    });
    let complete = programs.filter(|(_, programs)| programs.join("initdb").is_file());
    complete.max().map(|(_, newest)| newest)
}
