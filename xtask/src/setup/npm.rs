//! The npm packages of `end2end/`: Playwright, axe, and Binaryen's `wasm-opt`, which the release build uses too.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::place::END2END;
use crate::program;
use crate::step::{nothing_to_do, step};

/// Installs the packages unless those of this very lock file are already there.
pub(super) fn ensure() -> Result<()> {
    let lock = Path::new(END2END).join("package-lock.json");
    let lock = fs::read(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
    // A copy of the lock file, written last, says that the packages are all there and of these versions.
    let installed = Path::new(END2END).join("node_modules/.installed-lock.json");
    if fs::read(&installed).is_ok_and(|before| before == lock) {
        nothing_to_do("npm packages: installed");
        return Ok(());
    }
    ensure!(
        program::find(&["npm"]).is_some(),
        "There is no npm here: install Node.js 20 or newer (Debian, Ubuntu: sudo apt-get install nodejs npm) and start again."
    );
    step("npm packages: npm ci", || {
        let mut npm = Command::new("npm");
        npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"])
            .current_dir(END2END);
        // The browsers come from the system: the download is large and not every network allows it.
        program::run(npm.env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1"))?;
        fs::write(&installed, &lock)
            .with_context(|| format!("cannot write {}", installed.display()))
    })
}
