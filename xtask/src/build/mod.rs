//! `cargo xtask build`: worker, page, style and public files into `target/site`, then the server beside them.

mod compress;
mod optimize;
mod site;
mod style;
mod wasm;

pub(crate) use compress::copy_of;
pub(crate) use site::files;

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::place::{FRONT, PKG, SITE, WORKER};
use crate::program;
use crate::step::step;
use crate::toolchain::Toolchain;
use wasm::Bundle;

/// Which of the two shapes of everything is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Quick to build.
    Debug,
    /// Small to load and quick to run.
    Release,
}

/// The page: everything a person sees.
const PAGE: Bundle = Bundle {
    package: "frontend",
    name: "daybook",
    folder: PKG,
    release_profile: "wasm-release",
};

/// The data worker.
const DATA_WORKER: Bundle = Bundle {
    package: "worker",
    name: "daybook_worker",
    folder: WORKER,
    release_profile: "worker-release",
};

/// Builds everything and tells where the server's program is.
pub(crate) fn everything(toolchain: &Toolchain, mode: Mode) -> Result<PathBuf> {
    let _alone = alone()?;
    eprintln!("build ({})", mode.name());
    worker(toolchain, mode)?;
    page(toolchain, mode)?;
    style()?;
    assemble(mode)?;
    server(toolchain, mode)
}

/// The data worker by itself, for cargo-leptos, which makes no compressed copies: those from before would be served.
pub(crate) fn worker_by_itself(toolchain: &Toolchain, mode: Mode) -> Result<()> {
    let _alone = alone()?;
    if Path::new(SITE).exists() {
        compress::remove(SITE.as_ref())?;
    }
    worker(toolchain, mode)
}

/// Waits until no other chore builds, so that halves of two builds never meet; holds until the file is dropped.
pub(crate) fn alone() -> Result<File> {
    fs::create_dir_all(FRONT)?;
    let file = File::create(Path::new(FRONT).join(".xtask-lock"))?;
    if file.try_lock().is_err() {
        eprintln!("  · waiting for another chore that builds …");
        file.lock()?;
    }
    Ok(file)
}

/// The data worker into `public/worker`, where cargo-leptos too finds it.
pub(crate) fn worker(toolchain: &Toolchain, mode: Mode) -> Result<()> {
    DATA_WORKER.build(toolchain, mode)
}

/// The page's WASM into the site.
pub(crate) fn page(toolchain: &Toolchain, mode: Mode) -> Result<()> {
    PAGE.build(toolchain, mode)
}

/// The stylesheet into the site.
pub(crate) fn style() -> Result<()> {
    step("style: bundling", style::build)
}

/// The public files into the site; in release with a compressed copy beside each file that gains by it.
pub(crate) fn assemble(mode: Mode) -> Result<()> {
    step("site: public files", site::mirror)?;
    match mode {
        Mode::Release => step("site: brotli", || compress::site(SITE.as_ref())),
        Mode::Debug => compress::remove(SITE.as_ref()),
    }
}

/// The server's program.
pub(crate) fn server(toolchain: &Toolchain, mode: Mode) -> Result<PathBuf> {
    step(&format!("server: compiling ({})", mode.name()), || {
        let mut cargo = toolchain.cargo("build");
        cargo.args(["--package", "server", "--bin", "daybook"]);
        if mode == Mode::Release {
            // With the site inside, it is a program that runs by itself, wherever it is put.
            cargo.args(["--release", "--features", "embedded-site"]);
        }
        program::run(&mut cargo)
    })?;
    Ok(server_program(mode))
}

/// Where cargo leaves the server's program.
pub(crate) fn server_program(mode: Mode) -> PathBuf {
    PathBuf::from("target")
        .join(mode.name())
        .join("daybook")
        .with_extension(std::env::consts::EXE_EXTENSION)
}

impl Mode {
    /// Its name, which is also cargo's folder for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Mode::Debug => "debug",
            Mode::Release => "release",
        }
    }
}
