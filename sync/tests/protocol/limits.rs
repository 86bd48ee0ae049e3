//! The table of limits: every bound of `sync/src/limits.rs`, with its value in words.

use super::document::{Table, hold, source};
use std::collections::BTreeMap;

#[test]
fn the_limits_are_the_ones_in_the_code() {
    let text = source("sync/src/limits.rs");
    let mut expressions = BTreeMap::new();
    let mut comments = Vec::new();
    let mut comment = String::new();
    for line in text.lines() {
        if let Some(words) = line.strip_prefix("/// ") {
            comment = format!("{comment} {words}");
        }
        let public = line.strip_prefix("pub const ");
        if let Some(constant) = public.or(line.strip_prefix("const ")) {
            let (name, rest) = constant.split_once(':').expect("a name and its type");
            let (_, expression) = rest.split_once('=').expect("a type and its value");
            expressions.insert(name, expression.trim().trim_end_matches(';'));
            if public.is_some() {
                comments.push((name, core::mem::take(&mut comment)));
            }
        }
    }
    let row = |(name, comment): &(&str, String)| {
        let numbers = numbers(name, &expressions);
        let shown: Vec<_> = numbers.iter().map(|number| shown(name, *number)).collect();
        vec![
            format!("`{name}`"),
            shown.join(", "),
            first_sentence(comment),
        ]
    };
    let columns = ["name", "value", "what it bounds"].map(ToString::to_string);
    hold(&[(
        "Limits",
        Table {
            columns: columns.into(),
            rows: comments.iter().map(row).collect(),
        },
    )]);
}

#[test]
fn the_limits_fit_each_other() {
    use sync::limits::*;
    let delays = ATTEMPT_DELAYS_MS.len();
    // Twice a body, for every byte of it may be one that is escaped.
    let body_bytes = 2 * BODY_BYTES_MAX;
    let fits = [
        (
            WATCHDOG_MS > 2 * (HEARTBEAT_MS + HEARTBEAT_JITTER_MS),
            "a heartbeat may be lost and the next one late",
        ),
        (
            CHUNK_BYTES_MAX <= GROUP_BYTES_MAX && 2 * GROUP_BYTES_MAX <= FRAME_BYTES_MAX,
            "what a server sends is taken",
        ),
        (
            body_bytes < PUSH_BYTES_MAX.min(GROUP_BYTES_MAX),
            "an entry fits whichever way it goes",
        ),
        (
            GROUP_CHANGES_MAX <= PUSH_CHANGES_MAX && GROUP_CHANGES_MAX <= CHUNK_ROWS_MAX,
            "a group travels whole",
        ),
        (
            usize::try_from(ATTEMPTS_MAX) == Ok(delays + 1) && ATTEMPT_DELAYS_MS.is_sorted(),
            "there is a delay between any two attempts",
        ),
        (
            BACKOFF_MS_MIN < BACKOFF_MS_MAX && BACKOFF_MS_MAX <= RETRY_AFTER_MS_MAX,
            "who is told when to come back may wait as long as who is not",
        ),
        (
            REVISION_MS <= TOMBSTONE_MS && HISTORY_MS <= TOMBSTONE_MS,
            "a revision's own tombstone is remembered for as long as others",
        ),
    ];
    for (fits, why) in fits {
        assert!(fits, "{why}");
    }
}

/// The value of a constant: numbers and other constants multiplied and divided from left to
/// right, or a list of them.
fn numbers(name: &str, expressions: &BTreeMap<&str, &str>) -> Vec<u64> {
    let factor = |word: &str| match word.replace('_', "").parse() {
        Ok(number) => number,
        Err(_) => numbers(word, expressions)[0],
    };
    let value = |item: &str| {
        let mut words = item.split_whitespace();
        let mut value = factor(words.next().expect("a value"));
        while let (Some(sign), Some(word)) = (words.next(), words.next()) {
            value = match sign {
                "*" => value * factor(word),
                _ => value / factor(word),
            };
        }
        value
    };
    let list = expressions[name].trim_matches(['[', ']']);
    list.split(',').map(value).collect()
}

/// The value in the unit that its name ends with.
fn shown(name: &str, number: u64) -> String {
    let in_units = |units: &[(u64, &str)], small: &str| {
        let fits = |(size, _): &&(u64, &str)| number >= *size && number.is_multiple_of(*size);
        units.iter().find(fits).map_or_else(
            || format!("{number} {small}"),
            |(size, unit)| format!("{} {unit}", number / size),
        )
    };
    if name.contains("_MS") {
        let units = [
            (86_400_000, "d"),
            (3_600_000, "h"),
            (60_000, "min"),
            (1_000, "s"),
        ];
        in_units(&units, "ms")
    } else if name.contains("_BYTES") {
        in_units(&[(1 << 20, "MiB"), (1 << 10, "KiB")], "bytes")
    } else {
        number.to_string()
    }
}

/// The first sentence of a comment, with links as plain names.
fn first_sentence(comment: &str) -> String {
    let plain = comment.trim().replace("[`", "`").replace("`]", "`");
    let end = plain.find(". ").unwrap_or(plain.len() - 1);
    plain[..end].to_string()
}
