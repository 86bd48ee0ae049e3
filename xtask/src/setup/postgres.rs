//! PostgreSQL's server programs, with which the store's tests start a database of their own.

use std::fs;
use std::path::Path;

use super::apt;
use crate::program;
use crate::step::{nothing_to_do, step};

/// Where Debian keeps one folder a version; its server programs are not on `PATH`.
const DEBIAN: &str = "/usr/lib/postgresql";

/// Finds or installs them. Without them the tests still run, on SQLite only: hence words, not an error.
pub(super) fn ensure() {
    if is_there() {
        nothing_to_do("PostgreSQL: found");
        return;
    }
    let installed = step("PostgreSQL: installing Debian's", || {
        apt::install("Half of the store's tests need PostgreSQL", &["postgresql"])
    });
    if let Err(error) = installed {
        eprintln!("  ! {error:#}\n    Until then the store is tested with SQLite alone.");
    }
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
