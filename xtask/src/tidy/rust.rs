//! Rules that need Rust parsed: how long functions are, what modules are called, where a panic hides in an unwrap.

use std::collections::BTreeSet;

use syn::visit::Visit;

use super::sight::{Sight, line};
use super::source::Source;
use super::{Finding, Findings};

/// Functions, modules and unwraps, in one walk; or that there is nothing to walk through.
pub(super) fn code_keeps_the_rules(source: &Source) -> Findings {
    let sight = match look(source) {
        Ok(sight) => sight,
        Err(error) => {
            let message = format!("this does not parse: {error}");
            return vec![Finding::new(line(error.span()), message)];
        }
    };
    let mut findings = sight.long;
    findings.extend(sight.empty_names);
    if !source.is_test {
        findings.extend(sight.unwraps);
    }
    findings
}

/// Marks files that a `#[cfg(test)] mod name;` elsewhere makes a part of the tests.
pub(super) fn mark_tests(sources: &mut [Source]) {
    let places: BTreeSet<String> = sources
        .iter()
        .flat_map(|source| {
            let folder = folder_of_modules(&source.path);
            look(source)
                .unwrap_or_default()
                .test_modules
                .into_iter()
                .map(move |name| format!("{folder}/{name}"))
        })
        .collect();
    for source in sources {
        let is_in = |place: &String| {
            source
                .path
                .strip_prefix(place)
                .is_some_and(|rest| rest.starts_with(['.', '/']))
        };
        source.is_test |= places.iter().any(is_in);
    }
}

/// Where `mod name;` in this file is looked for.
fn folder_of_modules(path: &str) -> &str {
    let (folder, name) = path.rsplit_once('/').unwrap_or((".", path));
    if ["lib.rs", "main.rs", "mod.rs"].contains(&name) {
        folder
    } else {
        path.strip_suffix(".rs").unwrap_or(path)
    }
}

fn look(source: &Source) -> syn::Result<Sight> {
    let mut sight = Sight::default();
    if source.is(&["rs"]) {
        sight.visit_file(&syn::parse_file(&source.text)?);
    }
    Ok(sight)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: [usize; 0] = [];

    fn lines(text: &str) -> Vec<usize> {
        code_keeps_the_rules(&Source::new("a/src/b.rs", text))
            .iter()
            .map(|finding| finding.line)
            .collect()
    }

    #[test]
    fn a_function_of_71_lines_is_too_long_wherever_it_is() {
        let function = |lines: usize| format!("fn f() {{{}}}", "\n".repeat(lines - 1));
        for (before, after) in [
            ("", ""),
            ("impl A {", "}"),
            ("trait A {", "}"),
            ("mod a {", "}"),
        ] {
            let wrapped = |lines| format!("// first\n{before} {} {after}", function(lines));
            assert_eq!(lines(&wrapped(70)), NONE, "{before}");
            assert_eq!(lines(&wrapped(71)), [2], "{before}");
        }
    }

    #[test]
    fn an_unwrap_is_found_in_code_and_in_macros_but_not_in_tests() {
        assert_eq!(lines("fn f() {\n a().unwrap();\n}"), [2]);
        assert_eq!(lines("fn f() {\n view! { <p>{a.unwrap()}</p> }\n}"), [2]);
        assert_eq!(lines("#[cfg(not(test))]\nfn f() { a.unwrap() }"), [2]);
        for text in [
            "#[cfg(test)] mod tests { fn f() { a.unwrap(); } }",
            "#[test] fn f() { a.unwrap(); }",
            "#[cfg(all(test, unix))] mod tests { fn f() { assert!(a.unwrap()); } }",
            "#[wasm_bindgen_test] async fn f() { a.unwrap(); }",
            "fn f() { a.unwrap_or(1) }",
            "// a.unwrap()",
        ] {
            assert_eq!(lines(text), NONE, "{text}");
        }
    }

    #[test]
    fn a_module_that_is_declared_for_tests_may_unwrap() {
        let unwraps = "fn f() { a.unwrap(); }";
        let mut sources = [
            Source::new("a/src/lib.rs", "#[cfg(test)]\nmod fixture;\nmod other;"),
            Source::new("a/src/fixture.rs", unwraps),
            Source::new("a/src/fixture/part.rs", unwraps),
            Source::new("a/src/fixtures.rs", unwraps),
            Source::new("a/src/other.rs", "#[cfg(test)] mod deep;"),
            Source::new("a/src/other/deep.rs", unwraps),
            Source::new("a/tests/face.rs", unwraps),
        ];
        mark_tests(&mut sources);
        let faulty = sources
            .iter()
            .filter(|source| !code_keeps_the_rules(source).is_empty());
        assert_eq!(
            faulty
                .map(|source| source.path.as_str())
                .collect::<Vec<_>>(),
            ["a/src/fixtures.rs"]
        );
    }

    #[test]
    fn modules_with_empty_names_and_broken_files_are_found() {
        assert_eq!(lines("\nmod utils { }"), [2]);
        assert_eq!(lines("fn f() {\n let = ;\n}"), [2]);
    }
}
