//! Where things lie. Every chore runs in the workspace's root, so all paths are relative to it.

use std::path::PathBuf;

use anyhow::{Context, Result};

/// The npm packages and the journeys in real browsers.
pub(crate) const END2END: &str = "end2end";
/// The programs that npm installed.
pub(crate) const NPM_BIN: &str = "end2end/node_modules/.bin";
/// Binaryen's optimizer, as npm installs it; a script for node.
pub(crate) const WASM_OPT: &str = "end2end/node_modules/binaryen/bin/wasm-opt";
/// The script that compresses files; for node as well.
pub(crate) const BROTLI: &str = "xtask/src/build/brotli.mjs";
/// Files that the site serves as they are.
pub(crate) const PUBLIC: &str = "public";
/// The stylesheet that imports all the others.
pub(crate) const STYLE: &str = "style/main.css";
/// The finished site, which the server serves.
pub(crate) const SITE: &str = "target/site";
/// The page's own files within the site.
pub(crate) const PKG: &str = "target/site/pkg";
/// The data worker's files; git-ignored, because they are built.
pub(crate) const WORKER: &str = "public/worker";
/// Cargo's folder for both WASM builds, shared with cargo-leptos.
pub(crate) const FRONT: &str = "target/front";
/// Programs and settings that chores build for themselves.
pub(crate) const TOOLS: &str = "target/tools";

/// Makes the workspace's root the current folder, wherever the chore was called from.
pub(crate) fn enter_the_workspace() -> Result<()> {
    let own =
        std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let own = PathBuf::from(own);
    let root = own
        .parent()
        .context("xtask lies in no workspace; call it as `cargo xtask`")?;
    std::env::set_current_dir(root).with_context(|| format!("cannot enter {}", root.display()))
}
