//! A crate of ours as WASM with its JavaScript glue: cargo, then wasm-bindgen, then (in release) `wasm-opt`.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use wasm_bindgen_cli_support::Bindgen;

use super::Mode;
use super::optimize;
use crate::place::FRONT;
use crate::program;
use crate::step::step;
use crate::toolchain::{Toolchain, WASM};

/// Raised when the steps after cargo change, so that files made the old way are made anew.
const RECIPE: u32 = 2;

/// One crate that becomes WASM, and where it goes.
pub(super) struct Bundle {
    /// The crate.
    pub(super) package: &'static str,
    /// What its files are called: `NAME.js`, `NAME.wasm`.
    pub(super) name: &'static str,
    /// Where they go.
    pub(super) folder: &'static str,
    /// Cargo's profile for release.
    pub(super) release_profile: &'static str,
}

impl Bundle {
    /// Compiles it, and makes the files anew if the compiled crate is another than last time.
    pub(super) fn build(&self, toolchain: &Toolchain, mode: Mode) -> Result<()> {
        let what = format!("{}: compiling ({})", self.package, mode.name());
        let compiled = step(&what, || self.compile(toolchain, mode))?;
        let input =
            fs::read(&compiled).with_context(|| format!("cargo left no {}", compiled.display()))?;
        let recipe = Self::recipe(&input, mode);
        if self.is_made_by(&recipe) {
            return Ok(());
        }
        let bound = Path::new(FRONT).join("bound").join(self.name);
        step(&format!("{}: wasm-bindgen", self.package), || {
            self.bind(input, &bound)
        })?;
        if mode == Mode::Release {
            let wasm = bound.join(format!("{}.wasm", self.name));
            step(&format!("{}: wasm-opt", self.package), || {
                optimize::optimize(&wasm)
            })?;
        }
        self.hand_over(&bound)?;
        let stamp = self.stamp();
        fs::create_dir_all(stamp.parent().unwrap_or(Path::new(FRONT)))?;
        fs::write(&stamp, format!("{recipe}\n{}", self.outputs()?))
            .context("cannot write the build's stamp")
    }

    fn compile(&self, toolchain: &Toolchain, mode: Mode) -> Result<PathBuf> {
        let mut cargo = toolchain.cargo("build");
        // Alone and by name: built with the whole workspace, the page would get the server's features too.
        cargo.args([
            "--package",
            self.package,
            "--lib",
            "--target",
            WASM,
            "--target-dir",
            FRONT,
        ]);
        let folder = match mode {
            Mode::Debug => "debug",
            Mode::Release => {
                cargo.args(["--profile", self.release_profile]);
                self.release_profile
            }
        };
        program::run(&mut cargo)?;
        Ok(Path::new(FRONT)
            .join(WASM)
            .join(folder)
            .join(format!("{}.wasm", self.package)))
    }

    /// Writes glue and WASM into a folder of their own.
    fn bind(&self, input: Vec<u8>, folder: &Path) -> Result<()> {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        let mut bindgen = Bindgen::new();
        bindgen
            .input_bytes(self.name, input)
            .typescript(false)
            .remove_producers_section(true);
        bindgen.web(true).and_then(|bindgen| bindgen.generate(folder)).map_err(|error| {
            anyhow!("wasm-bindgen refused the crate {}: {error:#}. If it speaks of versions: the workspace pins wasm-bindgen \
                     in Cargo.toml, and xtask/Cargo.toml must name the same one", self.package)
        })?;
        // cargo-leptos calls the file so, and so do the server and the precache list.
        let (long, short) = (
            format!("{}_bg.wasm", self.name),
            format!("{}.wasm", self.name),
        );
        fs::rename(folder.join(&long), folder.join(&short))?;
        let glue = folder.join(format!("{}.js", self.name));
        fs::write(&glue, fs::read_to_string(&glue)?.replace(&long, &short))?;
        Ok(())
    }

    /// Moves the finished files to where they are served from.
    fn hand_over(&self, bound: &Path) -> Result<()> {
        fs::create_dir_all(self.folder)?;
        let snippets = Path::new(self.folder).join("snippets");
        if snippets.exists() {
            fs::remove_dir_all(&snippets)?;
        }
        for file in fs::read_dir(bound)? {
            let file = file?;
            let place = Path::new(self.folder).join(file.file_name());
            fs::rename(file.path(), &place)
                .with_context(|| format!("cannot write {}", place.display()))?;
        }
        Ok(())
    }

    /// Everything the files depend on, in one line.
    fn recipe(input: &[u8], mode: Mode) -> String {
        format!("{:016x} {} {RECIPE}", digest(input), mode.name())
    }

    /// Whether the files are there, untouched, and made by this recipe.
    fn is_made_by(&self, recipe: &str) -> bool {
        let (Ok(stamp), Ok(outputs)) = (fs::read_to_string(self.stamp()), self.outputs()) else {
            return false;
        };
        stamp == format!("{recipe}\n{outputs}")
    }

    fn outputs(&self) -> Result<String> {
        let folder = Path::new(self.folder);
        let glue = fs::read(folder.join(format!("{}.js", self.name)))?;
        let wasm = fs::read(folder.join(format!("{}.wasm", self.name)))?;
        Ok(format!("{:016x} {:016x}", digest(&glue), digest(&wasm)))
    }

    fn stamp(&self) -> PathBuf {
        Path::new(FRONT).join("stamps").join(self.name)
    }
}

fn digest(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}
