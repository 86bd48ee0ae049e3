//! `target/site` as a mirror of `public/`, beside the built `pkg/`; what neither of them has any more is removed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::place::{PUBLIC, SITE};

/// Copies what changed and removes what is gone.
pub(super) fn mirror() -> Result<()> {
    mirror_into(Path::new(PUBLIC), Path::new(SITE), "pkg")
}

fn mirror_into(from: &Path, to: &Path, built: &str) -> Result<()> {
    let wanted: BTreeSet<PathBuf> = files(from)?.into_iter().collect();
    for file in &wanted {
        let place = to.join(file);
        fs::create_dir_all(place.parent().unwrap_or(to))?;
        write_if_changed(&place, &fs::read(from.join(file))?)?;
    }
    for file in files(to)? {
        let stale = !file.starts_with(built) && !wanted.contains(&without_compression(&file));
        if stale {
            fs::remove_file(to.join(&file))
                .with_context(|| format!("cannot remove {}", file.display()))?;
        }
    }
    Ok(())
}

/// `daybook.js.br` belongs to `daybook.js`.
fn without_compression(file: &Path) -> PathBuf {
    if file.extension().is_some_and(|extension| extension == "br") {
        file.with_extension("")
    } else {
        file.to_owned()
    }
}

/// All files below a folder, relative to it, in order.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(within) = folders.pop() {
        let entries = fs::read_dir(folder.join(&within));
        for entry in
            entries.with_context(|| format!("cannot list {}", folder.join(&within).display()))?
        {
            let entry = entry?;
            let path = within.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Leaves an equal file alone, so that its compressed copy stays the younger one.
pub(super) fn write_if_changed(place: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(place).is_ok_and(|before| before == bytes) {
        return Ok(());
    }
    fs::write(place, bytes).with_context(|| format!("cannot write {}", place.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{files, mirror_into};

    #[test]
    fn the_mirror_has_what_is_public_and_keeps_what_was_built() {
        let folder = std::env::temp_dir().join(format!("daybook-mirror-{}", std::process::id()));
        let (from, to) = (folder.join("public"), folder.join("site"));
        for (file, text) in [
            ("public/sw.js", "new"),
            ("public/worker/w.js", "w"),
            ("site/pkg/page.js", "page"),
            ("site/sw.js", "old"),
            ("site/sw.js.br", "compressed"),
            ("site/gone.js", "gone"),
            ("site/gone.js.br", "gone"),
        ] {
            fs::create_dir_all(folder.join(file).parent().unwrap()).unwrap();
            fs::write(folder.join(file), text).unwrap();
        }
        mirror_into(&from, &to, "pkg").unwrap();
        let names = files(&to).unwrap();
        let wanted = ["pkg/page.js", "sw.js", "sw.js.br", "worker/w.js"];
        assert_eq!(names, wanted.map(Path::new));
        assert_eq!(fs::read_to_string(to.join("sw.js")).unwrap(), "new");
        fs::remove_dir_all(folder).unwrap();
    }
}
