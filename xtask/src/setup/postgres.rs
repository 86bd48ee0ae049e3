//! PostgreSQL's server programs, with which the server's tests start a database of their own.

use std::fs;
use std::path::Path;

use anyhow::Result;

use super::apt;
use crate::program;
use crate::step::{nothing_to_do, step};

/// Where Debian keeps one folder a version; its server programs are not on `PATH`.
const DEBIAN: &str = "/usr/lib/postgresql";

/// Finds or installs them.
pub(super) fn ensure() -> Result<()> {
    if is_there() {
        nothing_to_do("PostgreSQL: found");
        return Ok(());
    }
    step("PostgreSQL: installing Debian's", || {
        apt::install("The server's tests need PostgreSQL", &["postgresql"])
    })
}

fn is_there() -> bool {
    if program::find(&["initdb"]).is_some() {
        return true;
    }
    let Ok(versions) = fs::read_dir(Path::new(DEBIAN)) else {
        return false;
    };
    versions
        .flatten()
        .any(|version| version.path().join("bin/initdb").is_file())
}
