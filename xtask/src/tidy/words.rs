//! Rules on words: what must not be written at all, or not in this place. The words are put together from halves here,
//! so that this file keeps the rules itself.

use super::source::Source;
use super::{Finding, Findings};

const CODE: [&str; 7] = ["rs", "ts", "js", "css", "sql", "toml", "json"];
const SCRIPT: [&str; 3] = ["ts", "js", "mjs"];

const LEFT_OVER: [&str; 2] = [concat!("TO", "DO"), concat!("FIX", "ME")];
const SWITCHED_OFF: [&str; 6] = [
    concat!("test.", "skip"),
    concat!("test.", "fixme"),
    concat!("describe.", "skip"),
    concat!("describe.", "fixme"),
    concat!("it.", "skip"),
    concat!(".on", "ly("),
];
const IGNORED: &str = concat!("#[ig", "nore");
const MACHINE_PATHS: [&str; 2] = [concat!("/wo", "rk/"), concat!("/ro", "ot/")];
const REGISTRIES: [&str; 4] = ["artifactory", "mirror", "nexus", "registry"];
const SQL: [&str; 3] = [
    concat!("SEL", "ECT "),
    concat!("INSERT ", "INTO"),
    concat!("DELETE ", "FROM"),
];
const UPDATE: [&str; 2] = [concat!("UPD", "ATE "), concat!(" SE", "T ")];
const GET_ENCODINGS: [&str; 2] = [concat!("Get", "Url"), concat!("Get", "Cbor")];

pub(super) fn nothing_is_left_to_do(source: &Source) -> Findings {
    if !source.is(&CODE) || source.is_generated() {
        return Vec::new();
    }
    find(source, |line| {
        let word = LEFT_OVER.iter().find(|word| has_word(line, word))?;
        Some(format!(
            "{word}: do it now, or write an issue; code has no to-do list"
        ))
    })
}

pub(super) fn no_test_is_switched_off(source: &Source) -> Findings {
    let words: &[&str] = if source.is(&SCRIPT) {
        &SWITCHED_OFF
    } else if source.is(&["rs"]) {
        &[IGNORED]
    } else {
        return Vec::new();
    };
    find(source, |line| {
        let word = words.iter().find(|word| line.contains(**word))?;
        Some(format!(
            "`{word}` switches tests off: mend the test or delete it"
        ))
    })
}

pub(super) fn no_machine_is_named(source: &Source) -> Findings {
    find(source, |line| {
        let path = MACHINE_PATHS.iter().find(|path| has_path(line, path));
        let message = path.map(|path| {
            format!("`{path}` is a path of one machine: write it from the workspace's root")
        });
        message.or_else(|| {
            registry(line)
                .map(|host| format!("`{host}` is where one machine fetches from: leave it out"))
        })
    })
}

pub(super) fn sql_stays_in_the_store(source: &Source) -> Findings {
    let asks =
        source.path.starts_with("server/src/") && !source.path.starts_with("server/src/store");
    if !asks {
        return Vec::new();
    }
    find(source, |line| {
        let updates = line
            .split_once(UPDATE[0])
            .is_some_and(|(_, rest)| rest.contains(UPDATE[1]));
        let is_code = !line.trim_start().starts_with("//");
        let asks = updates || SQL.iter().any(|word| line.contains(word));
        (is_code && asks)
            .then(|| "SQL belongs in server/src/store: add a function there and call it".to_owned())
    })
}

pub(super) fn server_functions_are_posts(source: &Source) -> Findings {
    if !source.is(&["rs"]) {
        return Vec::new();
    }
    find(source, |line| {
        let word = GET_ENCODINGS.iter().find(|word| has_word(line, word))?;
        Some(format!(
            "{word} makes a server function a GET, which another site can call with the person's cookie: use a POST encoding"
        ))
    })
}

fn find(source: &Source, fault: impl Fn(&str) -> Option<String>) -> Findings {
    source
        .lines()
        .filter_map(|(line, text)| fault(text).map(|message| Finding::new(line, message)))
        .collect()
}

/// Whether the word stands there by itself.
fn has_word(line: &str, word: &str) -> bool {
    let part_of_a_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        !line[..at].ends_with(part_of_a_word)
            && !line[at + word.len()..].starts_with(part_of_a_word)
    })
}

/// Whether an absolute path begins so; a folder of that name further down a path does not count.
fn has_path(line: &str, start: &str) -> bool {
    let goes_on = |c: char| c.is_alphanumeric() || "_-./}*".contains(c);
    line.match_indices(start)
        .any(|(at, _)| !line[..at].ends_with(goes_on))
}

/// The host of an address, if it is a registry's.
fn registry(line: &str) -> Option<&str> {
    line.match_indices("://").find_map(|(at, separator)| {
        let host = line[at + separator.len()..]
            .split(|c: char| !c.is_alphanumeric() && c != '.' && c != '-')
            .next()?;
        host.split('.')
            .any(|label| REGISTRIES.contains(&label))
            .then_some(host)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(rule: fn(&Source) -> Findings, path: &str, text: &str) -> usize {
        rule(&Source::new(path, text)).len()
    }

    #[test]
    fn a_note_of_work_to_do_is_found_as_a_word() {
        let text = format!("// {}: later\n// a{}\n", LEFT_OVER[0], LEFT_OVER[0]);
        assert_eq!(faults(nothing_is_left_to_do, "a.rs", &text), 1);
        assert_eq!(faults(nothing_is_left_to_do, "a.md", &text), 0);
    }

    #[test]
    fn a_test_that_is_switched_off_is_found() {
        for word in SWITCHED_OFF {
            assert_eq!(
                faults(no_test_is_switched_off, "end2end/a.ts", word),
                1,
                "{word}"
            );
        }
        assert_eq!(faults(no_test_is_switched_off, "a.rs", IGNORED), 1);
        assert_eq!(
            faults(no_test_is_switched_off, "a.rs", "iterator.skip(1)"),
            0
        );
    }

    #[test]
    fn a_machine_s_paths_and_registries_are_found() {
        let path = MACHINE_PATHS[0];
        assert_eq!(
            faults(no_machine_is_named, "a.md", &format!("see {path}x")),
            1
        );
        assert_eq!(
            faults(no_machine_is_named, "a.md", &format!("see frame{path}x")),
            0
        );
        let address = concat!("https://reg", "istry.example.com/x");
        assert_eq!(faults(no_machine_is_named, "package-lock.json", address), 1);
        let lock = "registry+https://github.com/rust-lang";
        assert_eq!(faults(no_machine_is_named, "Cargo.lock", lock), 0);
    }

    #[test]
    fn sql_outside_the_store_is_found() {
        for word in [
            SQL[0],
            SQL[1],
            SQL[2],
            &format!("{}t{}x", UPDATE[0], UPDATE[1]),
        ] {
            let text = format!("query(\"{word} …\")");
            assert_eq!(
                faults(sql_stays_in_the_store, "server/src/sync/push.rs", &text),
                1,
                "{text}"
            );
            assert_eq!(
                faults(sql_stays_in_the_store, "server/src/store/sqlite.rs", &text),
                0
            );
            assert_eq!(
                faults(sql_stays_in_the_store, "worker/src/lib.rs", &text),
                0
            );
        }
    }

    #[test]
    fn a_server_function_by_get_is_found() {
        let text = format!("#[server(input = {})]", GET_ENCODINGS[0]);
        assert_eq!(
            faults(server_functions_are_posts, "app/src/account.rs", &text),
            1
        );
        assert_eq!(
            faults(
                server_functions_are_posts,
                "app/src/account.rs",
                "#[server(input = PostUrl)]"
            ),
            0
        );
    }
}
