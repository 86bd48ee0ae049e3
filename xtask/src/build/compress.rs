//! A brotli copy beside every file of the site that gains by it, so that the server compresses nothing while serving.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::site::files;
use crate::place::BROTLI;
use crate::program;

/// What browsers get as text or WASM; fonts and images are compressed already.
const COMPRESSIBLE: [&str; 10] = [
    "css",
    "html",
    "ico",
    "js",
    "json",
    "map",
    "svg",
    "txt",
    "wasm",
    "webmanifest",
];

/// Writes the copies that are missing or older than their file, and removes those whose file is gone.
pub(super) fn site(folder: &Path) -> Result<()> {
    let files = without_copy(folder)?;
    if files.is_empty() {
        return Ok(());
    }
    program::run(Command::new("node").arg(BROTLI).args(&files))
}

/// The files that need a copy made; copies of files that are gone are removed on the way.
fn without_copy(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for file in files(folder)? {
        let file = folder.join(file);
        if has_extension(&file, &["br"]) && !file.with_extension("").exists() {
            fs::remove_file(&file)?;
        }
        if has_extension(&file, &COMPRESSIBLE) && !is_younger(&copy_of(&file), &file) {
            found.push(file);
        }
    }
    Ok(found)
}

/// Removes all copies: a debug build changes its files too often for them, and a stale copy would be served.
pub(super) fn remove(folder: &Path) -> Result<()> {
    for file in files(folder)? {
        if has_extension(&file, &["br"]) {
            fs::remove_file(folder.join(file))?;
        }
    }
    Ok(())
}

/// Where the copy of a file lies.
pub(crate) fn copy_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".br");
    name.into()
}

fn has_extension(file: &Path, extensions: &[&str]) -> bool {
    file.extension()
        .is_some_and(|extension| extensions.iter().any(|wanted| extension == *wanted))
}

fn is_younger(copy: &Path, file: &Path) -> bool {
    let time = |path: &Path| path.metadata().and_then(|data| data.modified()).ok();
    time(copy)
        .zip(time(file))
        .is_some_and(|(copy, file)| copy >= file)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{remove, without_copy};

    #[test]
    fn text_needs_a_copy_fonts_do_not_and_orphans_go() {
        let folder = std::env::temp_dir().join(format!("daybook-compress-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let write = |file: &str| fs::write(folder.join(file), "words").unwrap();
        ["a.js", "a.woff2", "orphan.js.br"]
            .into_iter()
            .for_each(write);
        assert_eq!(without_copy(&folder).unwrap(), [folder.join("a.js")]);
        assert!(!folder.join("orphan.js.br").exists());

        write("a.js.br");
        assert!(without_copy(&folder).unwrap().is_empty());
        remove(&folder).unwrap();
        assert!(folder.join("a.js").exists() && !folder.join("a.js.br").exists());
        fs::remove_dir_all(folder).unwrap();
    }
}
