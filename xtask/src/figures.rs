//! `cargo xtask figures`: what a first visit weighs, against the budget.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::build::{copy_of, files};
use crate::place::SITE;

/// What a first visit may weigh in brotli: page, worker, glue, style and font together.
const BUDGET: usize = 350 * 1024;

struct Weight {
    file: String,
    raw: usize,
    carried: usize,
}

/// Prints the table; an error if the budget is broken.
pub(crate) fn run() -> Result<()> {
    let weights = weigh(Path::new(SITE))?;
    println!("{}", table(&weights));
    let carried: usize = weights.iter().map(|weight| weight.carried).sum();
    ensure!(
        carried <= BUDGET,
        "a first visit weighs {carried} bytes and may weigh {BUDGET}; see docs/decisions/build.md"
    );
    Ok(())
}

/// Both WASM files with their glue, the style, and the fonts: what a page needs before it can be used offline.
fn weigh(site: &Path) -> Result<Vec<Weight>> {
    let all = files(site).context("there is no build yet; run `cargo xtask build`")?;
    let mut weights = Vec::new();
    for file in all.iter().filter(|file| belongs_to_a_first_visit(file)) {
        let bytes = fs::read(site.join(file))?;
        // A font is compressed inside; the server sends it as it is.
        let is_font = file
            .extension()
            .is_some_and(|extension| extension == "woff2");
        let carried = if is_font {
            bytes.len()
        } else {
            size_of_copy(&site.join(file))?
        };
        weights.push(Weight {
            file: file.display().to_string(),
            raw: bytes.len(),
            carried,
        });
    }
    ensure!(
        !weights.is_empty(),
        "the site is empty; run `cargo xtask build`"
    );
    Ok(weights)
}

/// The size of the compressed copy, which only a release build leaves.
fn size_of_copy(file: &Path) -> Result<usize> {
    let copy = fs::metadata(copy_of(file)).with_context(|| {
        format!(
            "{} has no compressed copy; run `cargo xtask build` without --debug",
            file.display()
        )
    })?;
    usize::try_from(copy.len()).context("a file of an impossible size")
}

fn belongs_to_a_first_visit(file: &Path) -> bool {
    let is = |wanted: &str| {
        file.extension()
            .is_some_and(|extension| extension == wanted)
    };
    is("wasm") || is("js") || is("css") || is("woff2")
}

fn table(weights: &[Weight]) -> String {
    let width = weights
        .iter()
        .map(|weight| weight.file.len())
        .max()
        .unwrap_or(0)
        .max("first visit".len());
    let line =
        |file: &str, raw: usize, carried: usize| format!("{file:width$}  {raw:>9}  {carried:>9}\n");
    let mut table = format!("{:width$}  {:>9}  {:>9}\n", "bytes", "raw", "brotli");
    for weight in weights {
        table += &line(&weight.file, weight.raw, weight.carried);
    }
    let sum = |of: fn(&Weight) -> usize| weights.iter().map(of).sum();
    table += &line(
        "first visit",
        sum(|weight| weight.raw),
        sum(|weight| weight.carried),
    );
    table + &format!("{:width$}  {:>9}  {BUDGET:>9}", "budget", "")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{table, weigh};

    #[test]
    fn fonts_count_as_they_are_and_copies_are_not_counted_twice() {
        let site = std::env::temp_dir().join(format!("daybook-figures-{}", std::process::id()));
        fs::create_dir_all(&site).unwrap();
        fs::write(site.join("a.js"), "word ".repeat(200)).unwrap();
        fs::write(site.join("a.js.br"), "1234567").unwrap();
        fs::write(site.join("f.woff2"), "12345").unwrap();
        fs::write(site.join("icon.png"), "12345").unwrap();
        let weights = weigh(&site).unwrap();
        let seen: Vec<_> = weights
            .iter()
            .map(|w| (w.file.as_str(), w.raw, w.carried))
            .collect();
        assert_eq!(seen, [("a.js", 1000, 7), ("f.woff2", 5, 5)]);
        assert!(table(&weights).contains("first visit       1005         12"));
        fs::remove_dir_all(site).unwrap();
    }
}
