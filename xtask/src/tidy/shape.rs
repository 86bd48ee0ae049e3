//! Rules on how a file looks from outside: its length, its first line, its name, the ends of its lines.

use super::source::Source;
use super::{Finding, Findings};

/// The longest file that a person reads in one go.
const LONGEST: usize = 500;
/// Names that say where a thing was put instead of what it is.
pub(super) const EMPTY_NAMES: [&str; 5] = ["common", "helper", "helpers", "util", "utils"];

const CODE: [&str; 4] = ["rs", "ts", "js", "css"];

pub(super) fn files_are_short(source: &Source) -> Findings {
    let lines = source.text.lines().count();
    if !source.is(&CODE) || lines <= LONGEST {
        return Vec::new();
    }
    vec![Finding::new(
        LONGEST + 1,
        format!(
            "the file has {lines} lines, and {LONGEST} are the most: split it by what its parts do"
        ),
    )]
}

pub(super) fn files_say_what_they_are_for(source: &Source) -> Findings {
    let first = source.text.lines().next().unwrap_or_default();
    let wanted: &[&str] = match source.path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("rs") => &["//! "],
        Some("ts" | "js" | "css") => &["// ", "/* ", "/** ", "/**"],
        Some("sql") => &["-- "],
        _ => return Vec::new(),
    };
    if wanted.iter().any(|start| first.starts_with(start)) {
        return Vec::new();
    }
    vec![Finding::new(
        1,
        format!(
            "the first line must say what the file is for, beginning with `{}`",
            wanted[0].trim()
        ),
    )]
}

pub(super) fn names_say_something(source: &Source) -> Findings {
    let parts = source
        .path
        .split('/')
        .map(|part| part.split('.').next().unwrap_or_default());
    let empty = parts.filter(|part| EMPTY_NAMES.contains(part));
    empty
        .map(|part| {
            Finding::new(
                1,
                format!("`{part}` says nothing: name the file after what it does"),
            )
        })
        .collect()
}

pub(super) fn lines_end_in_no_white_space(source: &Source) -> Findings {
    let faulty = source
        .lines()
        .filter(|(_, line)| line.ends_with([' ', '\t', '\r']));
    faulty
        .map(|(line, _)| Finding::new(line, "white space at the end of the line"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: [usize; 0] = [];

    fn lines(rule: fn(&Source) -> Findings, path: &str, text: &str) -> Vec<usize> {
        rule(&Source::new(path, text))
            .iter()
            .map(|finding| finding.line)
            .collect()
    }

    #[test]
    fn a_file_of_501_lines_is_too_long() {
        assert_eq!(lines(files_are_short, "a.rs", &"\n".repeat(500)), NONE);
        assert_eq!(lines(files_are_short, "a.rs", &"\n".repeat(501)), [501]);
        assert_eq!(lines(files_are_short, "a.md", &"\n".repeat(501)), NONE);
    }

    #[test]
    fn a_file_must_open_with_what_it_is_for() {
        for (path, good, bad) in [
            ("a.rs", "//! The thing.", "// The thing."),
            ("a.ts", "// The thing.", "import x"),
            ("a.css", "/* The thing. */", ":root {}"),
            ("a.sql", "-- The thing.", "create table"),
        ] {
            assert_eq!(
                lines(files_say_what_they_are_for, path, good),
                NONE,
                "{good}"
            );
            assert_eq!(lines(files_say_what_they_are_for, path, bad), [1], "{bad}");
        }
        assert_eq!(
            lines(files_say_what_they_are_for, "a.toml", "[package]"),
            NONE
        );
    }

    #[test]
    fn empty_names_are_refused_for_files_and_folders() {
        for path in [
            "app/src/utils.rs",
            "end2end/helpers/a.ts",
            "worker/tests/common/mod.rs",
        ] {
            assert_eq!(lines(names_say_something, path, ""), [1], "{path}");
        }
        assert_eq!(lines(names_say_something, "app/src/uncommon.rs", ""), NONE);
    }

    #[test]
    fn white_space_at_a_line_s_end_is_found() {
        assert_eq!(
            lines(lines_end_in_no_white_space, "a.md", "a\nb \nc\t\n"),
            [2, 3]
        );
    }
}
