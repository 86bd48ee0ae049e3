//! Makes `cargo build --target wasm32-unknown-unknown` work: rustup's target, else Debian's `rustc-web`.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::debian_rust;
use crate::program;
use crate::step::{nothing_to_do, step};
use crate::toolchain::{Toolchain, WASM};

/// How long rustup may try to fetch the target.
const PATIENCE: Duration = Duration::from_secs(300);

/// Finds a toolchain that can compile for the browser, or fetches one.
pub(super) fn ensure() -> Result<Toolchain> {
    let active = Toolchain::of_this_call();
    for toolchain in [active.clone(), debian_rust::toolchain()] {
        if has_std(&toolchain) {
            nothing_to_do(&format!("WASM target: {} has it", toolchain.name()));
            return Ok(toolchain);
        }
    }
    if active.0.is_some() && std::env::var_os("SKIP_RUSTUP_TARGET").is_none() {
        let added = step("WASM target: rustup target add", || {
            let mut rustup = Command::new("rustup");
            rustup.args(["target", "add", WASM, "--toolchain", active.name()]);
            program::run_within(&mut rustup, PATIENCE)?;
            ensure!(
                compiles(&active)?,
                "rustup added {WASM}, but rustc does not compile for it"
            );
            Ok(())
        });
        match added {
            Ok(()) => return Ok(active),
            Err(error) => eprintln!("  ! rustup could not add it: {error:#}"),
        }
    }
    let toolchain = debian_rust::install().context(
        "Rust cannot compile for the browser here. With rustup: `rustup target add wasm32-unknown-unknown`; \
         without: install this system's Rust standard library for that target. Then start again",
    )?;
    ensure!(
        compiles(&toolchain)?,
        "the toolchain {} was installed, but does not compile for {WASM}",
        toolchain.name()
    );
    Ok(toolchain)
}

/// A look into the toolchain's folder: far quicker than a compilation, for it is done at every start.
fn has_std(toolchain: &Toolchain) -> bool {
    let folder = program::ask(toolchain.program("rustc").args([
        "--print",
        "target-libdir",
        "--target",
        WASM,
    ]));
    let Some(Ok(files)) = folder.map(fs::read_dir) else {
        return false;
    };
    files.flatten().any(|file| {
        let name = file.file_name();
        name.to_string_lossy().starts_with("libstd-") && name.to_string_lossy().ends_with(".rlib")
    })
}

/// The proof after an installation: a small library that allocates and formats, compiled and linked.
fn compiles(toolchain: &Toolchain) -> Result<bool> {
    let folder = std::env::temp_dir().join(format!("daybook-wasm-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let source = folder.join("probe.rs");
    fs::write(&source, "pub fn f() -> String { format!(\"{}\", 1) }")?;
    let mut rustc = toolchain.program("rustc");
    rustc
        .args(["--target", WASM, "--crate-type", "cdylib", "-o"])
        .arg(folder.join("probe.wasm"))
        .arg(&source);
    let compiled = program::ask(&mut rustc).is_some();
    fs::remove_dir_all(&folder)?;
    Ok(compiled)
}
