//! Reads PROTOCOL.md and the sources that it is held to.

use std::fs;
use std::path::{Path, PathBuf};

/// A table: the headings of its columns, and its rows, cell by cell.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Table {
    /// The headings.
    pub(crate) columns: Vec<String>,
    /// The rows.
    pub(crate) rows: Vec<Vec<String>>,
}

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A file's text, by its path from the root.
pub(crate) fn source(path: &str) -> String {
    let read = fs::read_to_string(root().join(path));
    assert!(read.is_ok(), "{path} cannot be read: {read:?}");
    read.unwrap_or_default()
}

/// What stands under a heading of the document, down to the next one of any level.
pub(crate) fn section(heading: &str) -> String {
    let document = source("PROTOCOL.md");
    let mut lines = document.lines();
    let found =
        lines.any(|line| line.starts_with('#') && line.trim_start_matches('#').trim() == heading);
    assert!(found, "PROTOCOL.md has no heading {heading:?}");
    let section: Vec<_> = lines.take_while(|line| !line.starts_with('#')).collect();
    section.join("\n")
}

/// The first table under a heading.
pub(crate) fn table(heading: &str) -> Table {
    let section = section(heading);
    let lines = section.lines().skip_while(|line| !line.starts_with('|'));
    let mut rows = lines.take_while(|line| line.starts_with('|')).map(cells);
    let columns = rows.next().unwrap_or_default();
    // The line of dashes.
    rows.next();
    Table {
        columns,
        rows: rows.collect(),
    }
}

fn cells(line: &str) -> Vec<String> {
    let inside = line.trim().trim_matches('|');
    inside
        .split('|')
        .map(|cell| cell.trim().to_string())
        .collect()
}

impl Table {
    /// The table as the document has it.
    pub(crate) fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let dashes = "|---".repeat(self.columns.len());
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        format!("{}{dashes}|\n{rows}", line(&self.columns))
    }

    /// The texts between back quotes in one column.
    pub(crate) fn names(&self, column: usize) -> Vec<String> {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        cells.flat_map(|cell| quoted(cell)).collect()
    }
}

/// The texts between back quotes.
pub(crate) fn quoted(text: &str) -> Vec<String> {
    text.split('`')
        .skip(1)
        .step_by(2)
        .map(ToString::to_string)
        .collect()
}

/// The variants of a public enum in a source, in order.
pub(crate) fn variants(path: &str, name: &str) -> Vec<String> {
    let text = source(path);
    let start = format!("pub enum {name} {{");
    let body = text.lines().skip_while(|line| *line != start).skip(1);
    let body = body.take_while(|line| *line != "}");
    let variants = body.filter_map(|line| line.strip_prefix("    "));
    variants
        .filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()))
        .map(|line| {
            line.split(|c: char| !c.is_alphanumeric())
                .next()
                .unwrap_or_default()
                .to_string()
        })
        .collect()
}

/// The texts that a function of a source answers with: what stands quoted after an arrow.
pub(crate) fn answers(path: &str, function: &str) -> Vec<String> {
    let text = source(path);
    let body = text
        .lines()
        .skip_while(|line| !line.contains(&format!("fn {function}(")))
        .skip(1);
    let body = body.take_while(|line| !line.starts_with("    }"));
    let quoted = |line: &str| Some(line.split_once("=> \"")?.1.split('"').next()?.to_string());
    body.filter_map(quoted).collect()
}

/// Compares tables, and prints the ones that the document should have instead.
pub(crate) fn hold(expected: &[(&str, Table)]) {
    let mut different = String::new();
    for (heading, expected) in expected {
        let written = table(heading);
        for (row, wanted) in written.rows.iter().zip(&expected.rows) {
            let cells = row
                .iter()
                .zip(wanted)
                .filter(|(cell, wanted)| cell != wanted);
            for (cell, wanted) in cells {
                println!("{}: {cell:?} should be {wanted:?}", row[0]);
            }
        }
        if written != *expected {
            different = format!("{different}\n## {heading}\n\n{}", expected.markdown());
        }
    }
    assert!(
        different.is_empty(),
        "PROTOCOL.md does not say what the code does; it should have\n{different}"
    );
}
