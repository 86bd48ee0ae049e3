//! The way round a network that has no rustup downloads: Debian's own `rustc-web`, with a standard library for WASM
//! built once from Debian's sources and linked into rustup as the toolchain `debian-web`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::apt;
use crate::program;
use crate::step::step;
use crate::toolchain::{Toolchain, WASM};

const NAME: &str = "debian-web";
const RUSTC: &str = "/usr/bin/rustc";
const CARGO: &str = "/usr/bin/cargo";
const PACKAGES: [&str; 7] = [
    "rustc-web",
    "cargo-web",
    "rust-web-src",
    "rust-web-clippy",
    "rustfmt-web",
    "gcc",
    "libc6-dev",
];

/// The toolchain's name, whether or not it is installed.
pub(super) fn toolchain() -> Toolchain {
    Toolchain(Some(NAME.to_owned()))
}

/// Installs it: packages, linker, standard library, link.
pub(super) fn install() -> Result<Toolchain> {
    if !apt::system_is("debian") {
        bail!("rustup has no {WASM} for this toolchain, and this is not Debian");
    }
    step("WASM target: installing Debian's rustc-web", || {
        apt::install("rustup cannot fetch the WASM target", &PACKAGES)
    })?;
    let version = program::ask(Command::new(RUSTC).args(["--version", "--verbose"]))
        .context("Debian's rustc is missing")?;
    let sysroot = program::ask(Command::new(RUSTC).args(["--print", "sysroot"]))
        .context("Debian's rustc has no sysroot")?;
    step("WASM target: its linker", || {
        link_linker(Path::new(&sysroot), &version)
    })?;
    let library = Path::new(&sysroot)
        .join("lib/rustlib")
        .join(WASM)
        .join("lib");
    let stamp = library.join(".built-for");
    if fs::read_to_string(&stamp).ok().as_ref() != Some(&version) {
        step("WASM target: building its standard library", || {
            build_std(&library, &version)
        })?;
    }
    program::run(Command::new("rustup").args(["toolchain", "link", NAME, &sysroot]))?;
    Ok(toolchain())
}

/// rustc asks its own folder of tools for `rust-lld`; Debian has it under another name, in the LLVM rustc was built with.
fn link_linker(sysroot: &Path, version: &str) -> Result<()> {
    let word = |start: &str| version.lines().find_map(|line| line.strip_prefix(start));
    let llvm = word("LLVM version: ").and_then(|version| version.split('.').next());
    let llvm = llvm.context("Debian's rustc names no LLVM version")?;
    let host = word("host: ").context("Debian's rustc names no host")?;
    apt::install(
        "Rust needs LLVM's linker for WASM",
        &[&format!("lld-{llvm}")],
    )?;
    let tools = sysroot.join("lib/rustlib").join(host).join("bin");
    fs::create_dir_all(&tools)?;
    let lld = format!("/usr/lib/llvm-{llvm}/bin/lld");
    let mut link = Command::new("ln");
    program::run(link.args(["-sfn", &lld]).arg(tools.join("rust-lld")))
}

/// Compiles std from Debian's sources and puts it where rustc looks for it.
fn build_std(library: &Path, version: &str) -> Result<()> {
    let folder = std::env::temp_dir().join(format!("daybook-std-{}", std::process::id()));
    fs::create_dir_all(folder.join("src"))?;
    fs::write(folder.join("src/lib.rs"), "")?;
    fs::write(
        folder.join("Cargo.toml"),
        "[package]\nname = \"sysroot\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\
         [workspace]\n[profile.release]\npanic = \"unwind\"\n",
    )?;
    let target = folder.join("target");
    let mut cargo = Command::new(CARGO);
    cargo.args([
        "build",
        "--quiet",
        "-Zbuild-std=std,panic_abort,test",
        "--release",
        "--target",
        WASM,
        "--target-dir",
    ]);
    cargo
        .arg(&target)
        .current_dir(&folder)
        .env_remove("RUSTUP_TOOLCHAIN");
    // The bootstrap switch is for this one build only. The bitcode is what lets the project link with `lto = "fat"`.
    cargo
        .env("RUSTC", RUSTC)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "-Cembed-bitcode=yes");
    program::run(&mut cargo)?;
    let fresh = library.with_extension("new");
    if fresh.exists() {
        fs::remove_dir_all(&fresh)?;
    }
    fs::create_dir_all(&fresh)?;
    for file in libraries(&target.join(WASM).join("release/deps"))? {
        fs::copy(
            &file,
            fresh.join(file.file_name().context("a library without a name")?),
        )?;
    }
    fs::write(fresh.join(".built-for"), version)?;
    if library.exists() {
        fs::remove_dir_all(library)?;
    }
    fs::rename(&fresh, library)?;
    fs::remove_dir_all(&folder)?;
    Ok(())
}

/// The compiled libraries in a folder, but for that of the empty crate which only started the build.
fn libraries(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if name.starts_with("lib") && name.ends_with(".rlib") && !name.starts_with("libsysroot-") {
            found.push(path);
        }
    }
    Ok(found)
}
