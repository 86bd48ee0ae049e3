//! Where the site's files come from: a folder, or the program itself.

use axum::body::Bytes;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// All files below the folder, by their path with `/`. Hidden ones are nobody's business.
pub(super) fn folder(folder: &Path) -> std::io::Result<BTreeMap<String, Bytes>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![(folder.to_owned(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            if name.starts_with('.') {
                continue;
            }
            let path: PathBuf = entry.path();
            if path.is_dir() {
                folders.push((path, format!("{prefix}{name}/")));
            } else {
                files.insert(format!("{prefix}{name}"), std::fs::read(path)?.into());
            }
        }
    }
    Ok(files)
}

/// The files that were built before the program and are a part of it.
#[cfg(feature = "embedded-site")]
pub(super) fn embedded() -> BTreeMap<String, Bytes> {
    #[derive(rust_embed::RustEmbed)]
    #[folder = "../target/site"]
    struct Site;

    let names = Site::iter().filter(|name| !name.split('/').any(|part| part.starts_with('.')));
    let file = |name: std::borrow::Cow<'static, str>| {
        let bytes = match Site::get(&name)?.data {
            std::borrow::Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            std::borrow::Cow::Owned(bytes) => Bytes::from(bytes),
        };
        Some((name.into_owned(), bytes))
    };
    names.filter_map(file).collect()
}

/// A program that was built without them has none.
#[cfg(not(feature = "embedded-site"))]
pub(super) const fn embedded() -> BTreeMap<String, Bytes> {
    BTreeMap::new()
}
