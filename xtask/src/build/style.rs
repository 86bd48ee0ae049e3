//! The stylesheet: `style/main.css` with all that it imports, in one file without white space.

use std::fs;
use std::path::Path;

use anyhow::{Result, anyhow};
use lightningcss::bundler::{Bundler, FileProvider};
use lightningcss::error::Error;
use lightningcss::stylesheet::{MinifyOptions, ParserOptions, PrinterOptions};

use super::site::write_if_changed;
use crate::place::{PKG, STYLE};

/// Bundles the style into the site.
pub(super) fn build() -> Result<()> {
    let css = bundle(Path::new(STYLE))?;
    fs::create_dir_all(PKG)?;
    write_if_changed(&Path::new(PKG).join("daybook.css"), css.as_bytes())
}

fn bundle(entry: &Path) -> Result<String> {
    let files = FileProvider::new();
    let mut bundler = Bundler::new(&files, None, ParserOptions::default());
    let mut sheet = bundler.bundle(entry).map_err(|error| in_words(&error))?;
    // No targets: the browsers that have what WASM needs also have nesting, layers and colour functions.
    sheet
        .minify(MinifyOptions::default())
        .map_err(|error| in_words(&error))?;
    let printed = sheet.to_css(PrinterOptions {
        minify: true,
        ..PrinterOptions::default()
    });
    printed
        .map(|css| css.code)
        .map_err(|error| in_words(&error))
}

/// The error with a place that an editor can jump to; the library counts lines from zero.
fn in_words<K: std::fmt::Display>(error: &Error<K>) -> anyhow::Error {
    match &error.loc {
        Some(at) => anyhow!(
            "{}:{}:{}: {}",
            at.filename,
            at.line + 1,
            at.column,
            error.kind
        ),
        None => anyhow!("{STYLE}: {}", error.kind),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::bundle;

    fn written(name: &str, files: &[(&str, &str)]) -> std::path::PathBuf {
        let folder =
            std::env::temp_dir().join(format!("daybook-style-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        for (file, text) in files {
            fs::write(folder.join(file), text).unwrap();
        }
        folder
    }

    #[test]
    fn imported_files_come_in_their_order_and_without_white_space() {
        let main = "@import './tokens.css';\n.a { color: var(--ink) }\n";
        let folder = written(
            "order",
            &[
                ("tokens.css", ":root { --ink: #123456 }\n"),
                ("main.css", main),
            ],
        );
        assert_eq!(
            bundle(&folder.join("main.css")).unwrap(),
            ":root{--ink:#123456}.a{color:var(--ink)}"
        );
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_fault_names_its_file_and_line() {
        let folder = written(
            "fault",
            &[
                ("part.css", "\n\n..a { color: red }\n"),
                ("main.css", "@import 'part.css';"),
            ],
        );
        let error = bundle(&folder.join("main.css")).unwrap_err().to_string();
        assert!(error.contains("part.css:3:"), "{error}");
        fs::remove_dir_all(folder).unwrap();
    }
}
