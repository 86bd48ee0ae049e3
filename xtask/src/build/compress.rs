//! A brotli copy beside every file of the site that gains by it, so that the server compresses nothing while serving.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::site::files;

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

/// The best level: it is paid once here and saves at every visit.
const LEVEL: i32 = 11;
/// 4 MB, the widest window that every browser takes.
const WINDOW: i32 = 22;

/// Writes the copies that are missing or older than their file, and removes those whose file is gone.
pub(super) fn site(folder: &Path) -> Result<()> {
    let files = files(folder)?;
    for file in &files {
        let file = folder.join(file);
        if has_extension(&file, &["br"]) && !file.with_extension("").exists() {
            fs::remove_file(&file)?;
        }
        if has_extension(&file, &COMPRESSIBLE) && !is_younger(&copy_of(&file), &file) {
            let copy = brotli(&fs::read(&file)?)?;
            fs::write(copy_of(&file), copy)
                .with_context(|| format!("cannot write {}.br", file.display()))?;
        }
    }
    Ok(())
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

/// The bytes as brotli at the best level.
pub(crate) fn brotli(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut copy = Vec::new();
    let settings = brotli::enc::BrotliEncoderParams {
        quality: LEVEL,
        lgwin: WINDOW,
        ..Default::default()
    };
    brotli::BrotliCompress(&mut &bytes[..], &mut copy, &settings).context("brotli failed")?;
    Ok(copy)
}

fn copy_of(file: &Path) -> PathBuf {
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

    use super::{brotli, remove, site};

    #[test]
    fn text_gets_a_copy_fonts_do_not_and_orphans_go() {
        let folder = std::env::temp_dir().join(format!("daybook-compress-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        for file in ["a.js", "a.woff2", "orphan.js.br"] {
            fs::write(folder.join(file), "word ".repeat(100)).unwrap();
        }
        site(&folder).unwrap();
        let there = |file: &str| folder.join(file).exists();
        assert!(there("a.js.br") && !there("a.woff2.br") && !there("orphan.js.br"));
        remove(&folder).unwrap();
        assert!(there("a.js") && !there("a.js.br"));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_copy_is_smaller_and_reads_back() {
        let text = "one way in, one way out; ".repeat(40);
        let copy = brotli(text.as_bytes()).unwrap();
        let mut back = Vec::new();
        brotli::BrotliDecompress(&mut copy.as_slice(), &mut back).unwrap();
        assert!(copy.len() < 100 && back == text.as_bytes());
    }
}
