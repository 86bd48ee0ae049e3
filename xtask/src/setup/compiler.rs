//! The C compiler: SQLite and the cryptography are C inside, and Rust links with it.

use anyhow::{Result, bail};

use crate::program;
use crate::step::nothing_to_do;

/// Looks for a C compiler; it is not fetched, because how to do so differs from system to system.
pub(super) fn check() -> Result<()> {
    let named = std::env::var("CC").ok();
    let found = named.is_some() || program::find(&["cc", "gcc", "clang"]).is_some();
    if !found {
        bail!(
            "There is no C compiler here, and SQLite needs one. Install it and start again:\n  \
             Debian, Ubuntu: sudo apt-get install gcc libc6-dev\n  \
             Fedora:         sudo dnf install gcc\n  \
             macOS:          xcode-select --install"
        );
    }
    nothing_to_do("C compiler: found");
    Ok(())
}
