//! The site's files, read once at the start: what is served is always of one build, whatever
//! happens to the folder meanwhile.
//!
//! Every file is at `/b/<build>/<path>` for ever, and the few that browsers ask for by fixed
//! names are at the root, to be asked after each time.

mod file;
mod source;

use crate::error::{Error, StartError};
use crate::shared::Shared;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::HeaderName;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
pub(crate) use file::File;
use file::{NAME_CHARS, extension, hex};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::path::Path as FilePath;
use std::sync::Arc;

/// How many bytes the whole site may have; it is kept in memory.
pub const SITE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The service worker's script, which is never precached and never under a build.
const SERVICE_WORKER: &str = "sw.js";

/// What `/favicon.ico` is.
const FAVICON: &str = "icons/icon-192.png";

const FOR_EVER: &str = "public, max-age=31536000, immutable";
const ASK_EACH_TIME: &str = "no-cache";

/// The site's files and the name of their build.
#[derive(Debug)]
pub struct Assets {
    build: String,
    files: BTreeMap<String, File>,
    service_worker: Option<File>,
}

impl Assets {
    /// Reads the folder, or without one the files inside the program. `shell` is the page that
    /// belongs to the files: a change of it is another build too.
    ///
    /// # Errors
    /// The folder is not there, cannot be read, or is larger than a site may be.
    pub fn load(folder: Option<&FilePath>, shell: &str) -> Result<Self, StartError> {
        let Some(folder) = folder else {
            return Ok(Self::of(source::embedded(), shell));
        };
        let wrong = |reason: String| StartError::Site {
            folder: folder.to_owned(),
            reason,
        };
        let read = source::folder(folder).map_err(|error| wrong(error.to_string()))?;
        let bytes: usize = read.values().map(Bytes::len).sum();
        if bytes > SITE_BYTES_MAX {
            return Err(wrong(format!(
                "{bytes} bytes are more than the {SITE_BYTES_MAX} of a site"
            )));
        }
        Ok(Self::of(read, shell))
    }

    fn of(mut read: BTreeMap<String, Bytes>, shell: &str) -> Self {
        let mut files = BTreeMap::new();
        let names: Vec<_> = read
            .keys()
            .filter(|name| !name.ends_with(".br"))
            .cloned()
            .collect();
        for name in names {
            let brotli = read.remove(&format!("{name}.br"));
            if let Some(bytes) = read.remove(&name) {
                files.insert(name.clone(), File::new(&name, bytes, brotli));
            }
        }
        let build = build_of(&files, shell);
        let script = files.remove(SERVICE_WORKER);
        let service_worker = script.map(|script| service_worker(&build, &files, &script));
        Self {
            build,
            files,
            service_worker,
        }
    }

    /// The name of the build: another one as soon as one byte of a file is.
    #[must_use]
    pub fn build(&self) -> &str {
        &self.build
    }
}

/// `GET /b/{build}/{*path}`: a file of this build, for ever.
pub(crate) async fn built(
    State(shared): State<Arc<Shared>>,
    Path((build, path)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let assets = &shared.assets;
    let file = assets.files.get(&path).filter(|_| build == assets.build);
    Ok(file.ok_or(Error::NotFound)?.answer(&headers, FOR_EVER))
}

/// `GET /manifest.webmanifest`, `GET /icons/{*path}`: files that are known by a fixed name.
pub(crate) async fn fixed(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let path = uri.path().trim_start_matches('/');
    let name = if path == "favicon.ico" { FAVICON } else { path };
    let file = shared.assets.files.get(name).ok_or(Error::NotFound)?;
    Ok(file.answer(&headers, ASK_EACH_TIME))
}

/// `GET /sw.js`: the service worker, which may look after the whole site.
pub(crate) async fn worker(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    const ALLOWED: HeaderName = HeaderName::from_static("service-worker-allowed");
    let script = shared
        .assets
        .service_worker
        .as_ref()
        .ok_or(Error::NotFound)?;
    Ok(([(ALLOWED, "/")], script.answer(&headers, ASK_EACH_TIME)).into_response())
}

/// The script, after the two constants that only the server knows.
fn service_worker(build: &str, files: &BTreeMap<String, File>, script: &File) -> File {
    let needed = files.keys().filter(|name| is_needed_offline(name));
    let list: Vec<_> = needed
        .map(|name| format!("  \"/b/{build}/{name}\",\n"))
        .collect();
    let mut text = format!(
        "const BUILD = \"{build}\";\nconst PRECACHE = [\n{}];\n",
        list.concat()
    );
    text.push_str(&String::from_utf8_lossy(&script.bytes));
    File::new(SERVICE_WORKER, text.into(), None)
}

/// Whether the shell needs this file: programs, looks, fonts, icons and the manifest.
fn is_needed_offline(name: &str) -> bool {
    let folder = name.split_once('/').map(|(folder, _)| folder);
    let placed = matches!(folder, None | Some("pkg" | "worker" | "fonts" | "icons"));
    let kinds = ["js", "wasm", "css", "woff2", "png", "svg", "webmanifest"];
    placed && kinds.iter().any(|kind| extension(name) == *kind)
}

fn build_of(files: &BTreeMap<String, File>, shell: &str) -> String {
    let mut all = Sha256::new_with_prefix(shell);
    for (name, file) in files {
        all.update(name);
        all.update([0]);
        all.update(Sha256::digest(&file.bytes));
    }
    hex(&all.finalize(), NAME_CHARS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(names: &[(&str, &str)]) -> BTreeMap<String, File> {
        let file = |(name, text): &(&str, &str)| {
            (
                String::from(*name),
                File::new(name, Bytes::from(text.to_string()), None),
            )
        };
        names.iter().map(file).collect()
    }

    #[test]
    fn one_changed_byte_anywhere_is_another_build() {
        let build = |names: &[(&str, &str)], shell| build_of(&files(names), shell);
        let first = build(&[("a.js", "1"), ("b.js", "2")], "shell");
        assert_eq!(first.len(), NAME_CHARS);
        assert_eq!(first, build(&[("b.js", "2"), ("a.js", "1")], "shell"));
        assert_ne!(first, build(&[("a.js", "1"), ("b.js", "3")], "shell"));
        assert_ne!(first, build(&[("a.js", "1"), ("c.js", "2")], "shell"));
        assert_ne!(first, build(&[("a.js", "1"), ("b.js", "2")], "other"));
    }

    #[test]
    fn the_precache_list_has_what_the_shell_needs_and_nothing_else() {
        let needed = [
            "boot.js",
            "worker.js",
            "pkg/daybook.wasm",
            "worker/w.wasm",
            "icons/icon.svg",
        ];
        let not = [
            "fonts/OFL.txt",
            "screenshots/wide.png",
            "pkg/types.d.ts",
            "pkg/a.map",
        ];
        for name in needed {
            assert!(is_needed_offline(name), "{name}");
        }
        for name in not {
            assert!(!is_needed_offline(name), "{name}");
        }
        let script = File::new("sw.js", Bytes::from_static(b"start();"), None);
        let whole = service_worker("abc", &files(&[("boot.js", "")]), &script);
        let text =
            "const BUILD = \"abc\";\nconst PRECACHE = [\n  \"/b/abc/boot.js\",\n];\nstart();";
        assert_eq!(whole.bytes, text);
    }
}
