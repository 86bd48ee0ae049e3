//! Examples of comparing and joining, and the laws that hold for all texts.

use super::*;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::collections::BTreeSet;

/// What an edit does, in words: `taken => put`.
fn said(old: &str, new: &str) -> Vec<String> {
    let splices = PROSE.diff(old, new);
    assert_eq!(apply(old, &splices).as_deref(), Some(new));
    let say = |Splice(from, cut, put): &Splice| format!("{} => {put}", &old[*from..from + cut]);
    splices.iter().map(say).collect()
}

#[test]
fn an_edit_is_told_in_whole_words() {
    let cases: [(&str, &str, &[&str]); 10] = [
        ("as it was", "as it was", &[]),
        ("the cat sat", "the cart sat", &["cat => cart"]),
        (
            "I go home.",
            "I slowly go home!",
            &[" => slowly ", ". => !"],
        ),
        ("I go home. Yes.", "I go. Yes.", &[" home => "]),
        ("one two three", "1 2 three", &["one two => 1 2"]),
        ("at night we", "at night, late, we", &[" => , late,"]),
        ("a\n\nb", "a\n\nnew\n\nb", &[" => new\n\n"]),
        ("one\ntwo", "1\n2", &["one => 1", "two => 2"]),
        ("now 👍🏽.", "now 👍🏿.", &["👍🏽 => 👍🏿"]),
        (
            "今日は市場へ行きました。",
            "今日は妹と市場へ行きました。",
            &[" => 妹と"],
        ),
    ];
    for (old, new, expected) in cases {
        assert_eq!(said(old, new), expected, "{old:?} to {new:?}");
    }
}

#[test]
fn a_replacement_keeps_nothing_that_stays_but_blanks_between_its_words() {
    let splice = |from, cut, put: &str| Splice(from, cut, put.to_owned());
    let cases = [
        (
            "one two",
            vec![splice(0, 7, "one too")],
            vec![splice(4, 3, "too")],
        ),
        (
            "one two",
            vec![splice(0, 3, "1"), splice(4, 3, "2")],
            vec![splice(0, 7, "1 2")],
        ),
        (
            "one\ntwo",
            vec![splice(0, 3, "1"), splice(4, 3, "2")],
            vec![splice(0, 3, "1"), splice(4, 3, "2")],
        ),
        ("one", vec![splice(0, 3, "one")], Vec::new()),
    ];
    for (old, splices, expected) in cases {
        assert_eq!(tidied(old, splices), expected, "{old:?}");
    }
}

#[test]
fn edits_of_different_words_are_joined_and_edits_of_one_place_are_not() {
    let cases = [
        // Different words, one sentence.
        (
            "the cat sat here",
            "a cat sat here",
            "the cat sat there",
            Some("a cat sat there"),
        ),
        (
            "one\ntwo\n",
            "one!\ntwo\n",
            "one\ntwo\nthree\n",
            Some("one!\ntwo\nthree\n"),
        ),
        // The same edit, once.
        ("a b c", "a B c", "a B c", Some("a B c")),
        ("a b. c d.", "A b. c d.", "A b. c D.", Some("A b. c D.")),
        ("a", "a, too", "a, too", Some("a, too")),
        // Two replacements that touch, each by something, are two edits.
        ("the wrold.", "the world.", "the wrold!", Some("the world!")),
        ("(,", "a,", "(b", None),
        // One word, two ways; a word that the other one took away.
        ("a b c", "a B c", "a bee c", None),
        ("one two three", "one 2 three", "one three", None),
        // Both put something at one point.
        ("a b", "a x b", "a y b", None),
        ("end", "end one", "end two", None),
        // One puts something beside what the other one rewrote, or took away.
        ("one two", "one 2", "one new two", None),
        ("one, two", "one two", "one,, two", None),
        // Each took away a half of what kept two words apart.
        ("one, two", "one two", "one,two", None),
    ];
    for (base, theirs, ours, expected) in cases {
        let joined = PROSE.merge(base, theirs, ours);
        assert_eq!(
            joined.as_deref(),
            expected,
            "{base:?}: {theirs:?} and {ours:?}"
        );
        assert_eq!(
            PROSE.merge(base, ours, theirs),
            joined,
            "the other way round"
        );
    }
}

/// So many numbered sentences, each a line.
fn chapters(count: usize) -> String {
    (0..count)
        .map(|n| format!("On day {n} we sailed on, and saw land {n} times.\n"))
        .collect()
}

#[test]
fn a_text_with_too_many_words_is_compared_by_lines_first() {
    let old = chapters(4_000);
    assert!(words(&old).count() > TOKENS_MAX);
    let new = format!(
        "First, {}THE END",
        old.replacen("day 17 we", "day 17 they", 1)
    );
    let expected = [" => First, ", "we => they", " => THE END"];
    assert_eq!(said(&old, &new), expected);

    let theirs = old.replacen("day 9 we", "day 9 he", 1);
    let both = PROSE.merge(&old, &theirs, &new).expect("different lines");
    assert_eq!(both, new.replacen("day 9 we", "day 9 he", 1));
}

#[test]
fn what_is_beyond_the_limit_is_one_replacement() {
    // So many tokens that stayed, between two that did not.
    let between = |end: &str, count: usize, kept: &str| format!("{end}{}{end}", kept.repeat(count));
    let paragraphs = |end: &str| {
        let paragraph = between(end, TOKENS_MAX / 2, ".");
        format!("{paragraph}\nthe same\n{paragraph}")
    };
    let cases = [
        ("all of it", "a", "b", 2, TOKENS_MAX - 2, "."),
        ("a word too many", "a", "b", 1, TOKENS_MAX - 1, "."),
        (
            "lines, compared as lines",
            "a\n",
            "b\n",
            2,
            TOKENS_MAX - 2,
            "\n",
        ),
        ("a line too many", "a\n", "b\n", 1, TOKENS_MAX - 1, "\n"),
    ];
    for (name, old, new, splices, count, kept) in cases {
        let (old, new) = (between(old, count, kept), between(new, count, kept));
        assert_eq!(said(&old, &new).len(), splices, "{name}");
    }
    let spent = said(&paragraphs("a"), &paragraphs("b"));
    assert_eq!(spent.len(), 3, "the second paragraph is one replacement");
}

/// Pieces that meet in every way: words, blanks, signs, characters of one to four bytes.
const PIECES: [&str; 14] = [
    "one",
    "two",
    "a",
    " ",
    "  ",
    "\t",
    "\n",
    ".",
    ", ",
    "é",
    "e\u{301}",
    "日",
    "👩\u{200d}💻",
    "x\r\n",
];

fn text() -> impl Strategy<Value = String> {
    let pieces = prop::collection::vec(prop::sample::select(&PIECES[..]), 0..40);
    prop_oneof![3 => pieces.prop_map(|pieces| pieces.concat()), 1 => "(?s).{0,40}"]
}

/// Edits of words by their number: how many are taken away, and what is put there.
fn edits(put: &'static str) -> impl Strategy<Value = Vec<(usize, usize, String)>> {
    prop::collection::vec((0..30_usize, 0..3_usize, put), 0..4)
}

fn edited(base: &str, edits: &[(usize, usize, String)]) -> String {
    let mut tokens: Vec<_> = words(base).map(str::to_owned).collect();
    for (at, taken, put) in edits {
        let at = (*at).min(tokens.len());
        let end = (at + taken).min(tokens.len());
        tokens.splice(at..end, [put.clone()]);
    }
    tokens.concat()
}

/// The same cases on every machine: a law that fails fails for everybody.
fn settings() -> ProptestConfig {
    ProptestConfig {
        cases: 200,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(7),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn a_diff_makes_the_new_text_of_the_old_one(old in text(), new in text()) {
        let splices = PROSE.diff(&old, &new);
        prop_assert_eq!(apply(&old, &splices), Some(new));
        let ordered = splices.windows(2).all(|pair| pair[0].0 + pair[0].1 < pair[1].0);
        prop_assert!(ordered, "{:?}", splices);
        prop_assert!(splices.iter().all(|splice| splice.1 > 0 || !splice.2.is_empty()));
    }

    #[test]
    fn joining_with_no_edit_or_with_the_same_one_changes_nothing(base in text(), new in text()) {
        let expected = Some(new.clone());
        prop_assert_eq!(PROSE.merge(&base, &base, &new), expected.clone());
        prop_assert_eq!(PROSE.merge(&base, &new, &base), expected.clone());
        prop_assert_eq!(PROSE.merge(&base, &new, &new), expected);
    }

    #[test]
    fn joining_is_the_same_both_ways_round_and_loses_no_word(
        base in text(), theirs in edits("[ ,]?t[0-9]{6}[ .]?"), ours in edits("[ ,]?o[0-9]{6}[ .]?"),
    ) {
        let (theirs, ours) = (edited(&base, &theirs), edited(&base, &ours));
        let joined = PROSE.merge(&base, &theirs, &ours);
        prop_assert_eq!(&joined, &PROSE.merge(&base, &ours, &theirs));
        if let Some(joined) = joined {
            let before: BTreeSet<_> = words(&base).collect();
            let after: BTreeSet<_> = words(&joined).collect();
            for word in words(&theirs).chain(words(&ours)).filter(|word| !before.contains(word)) {
                prop_assert!(after.contains(word), "{:?} is lost in {:?}", word, joined);
            }
        }
    }

    #[test]
    fn edits_of_different_lines_are_both_kept(
        lines in prop::collection::vec("[a-c ]{0,6}", 2..12),
        (one, other) in (0..12_usize, 1..12_usize),
        (theirs, ours) in ("[a-z ]{0,6}", "[a-z ]{0,6}"),
    ) {
        let one = one % lines.len();
        let other = (one + 1 + other % (lines.len() - 1)) % lines.len();
        let with = |changes: &[(usize, &String)]| {
            let mut lines = lines.clone();
            for (at, line) in changes {
                lines[*at].clone_from(line);
            }
            lines.join("\n")
        };
        let base = with(&[]);
        let joined = PROSE.merge(&base, &with(&[(one, &theirs)]), &with(&[(other, &ours)]));
        prop_assert_eq!(joined, Some(with(&[(one, &theirs), (other, &ours)])));
    }
}
