//! Debian's packages, where a step needs some: installed as root, else named for the person to install.

use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, bail};

use crate::program;

/// Whether this run has already fetched the newest lists of packages.
static UPDATED: AtomicBool = AtomicBool::new(false);

/// Whether the system is the one with this identifier in `/etc/os-release`.
pub(super) fn system_is(id: &str) -> bool {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    release.lines().any(|line| {
        line.strip_prefix("ID=")
            .is_some_and(|value| value.trim_matches('"') == id)
    })
}

/// Installs packages; `why` begins the sentence for a person who must do it by hand.
pub(super) fn install(why: &str, packages: &[&str]) -> Result<()> {
    let packages_in_words = packages.join(" ");
    if program::find(&["apt-get"]).is_none() {
        bail!(
            "{why}. Install it with this system's package manager (Debian calls it: {packages_in_words}) and start again."
        );
    }
    if program::ask(Command::new("id").arg("-u")).as_deref() != Some("0") {
        bail!(
            "{why}. Run this and start again:\n  sudo apt-get update && sudo apt-get install {packages_in_words}"
        );
    }
    if !UPDATED.swap(true, Ordering::Relaxed) {
        program::run(apt().args(["update", "-qq"]))?;
    }
    program::run(
        apt()
            .args(["install", "-y", "-qq", "--no-install-recommends"])
            .args(packages),
    )
}

fn apt() -> Command {
    let mut apt = Command::new("apt-get");
    // Another apt may be at work, as on a machine that has just started.
    apt.args(["-o", "DPkg::Lock::Timeout=120", "-o", "Dpkg::Use-Pty=0"])
        .env("DEBIAN_FRONTEND", "noninteractive");
    apt
}
