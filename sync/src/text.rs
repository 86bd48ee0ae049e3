//! Long texts: what changed between two of them, as a patch that travels, and the port by which
//! a well-kept diff library joins two edits of one text.
//!
//! The engine decides *when* texts are joined ([`crate::merge`]); *how* is product: words and
//! lines matter to a journal, other units may matter to another app. So the library stands
//! behind [`Texts`], and the engine stays free of it.

use crate::limits::{PATCH_BYTES_MIN, PATCH_SPLICES_MAX};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Debug;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh64::xxh64;

/// One replacement in a text. Positions are bytes of UTF-8 in the *old* text, always between
/// two characters; splices of one patch are in order and do not overlap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Splice(
    /// Where it begins.
    pub usize,
    /// How many bytes of the old text it takes away.
    pub usize,
    /// What it puts there.
    pub String,
);

/// A text as a change of another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    /// What to replace.
    #[serde(rename = "s")]
    pub splices: Vec<Splice>,
    /// [`hash`] of the result, so that a patch on the wrong text is noticed and never taken.
    #[serde(rename = "h")]
    pub hash: String,
}

/// How texts are compared and joined. Implementations are pure: the same texts give the same
/// answer on every machine, for device and server must agree without asking each other.
pub trait Texts: Debug + Sync {
    /// What changed from `old` to `new`: ordered, not overlapping, applicable by [`apply`].
    fn diff(&self, old: &str, new: &str) -> Vec<Splice>;

    /// Joins two edits of `base`; nothing when they overlap, or when joining them would cost
    /// more time than an edit may.
    fn merge(&self, base: &str, theirs: &str, ours: &str) -> Option<String>;
}

/// The patch from `old` to `new`, where one is worth its while: the text is long and the patch
/// is less than half of it.
#[must_use]
pub fn patch(texts: &dyn Texts, old: &str, new: &str) -> Option<Patch> {
    if new.len() < PATCH_BYTES_MIN {
        return None;
    }
    let splices = texts.diff(old, new);
    let bytes: usize = splices.iter().map(|Splice(_, _, put)| put.len() + 16).sum();
    let worth = splices.len() <= PATCH_SPLICES_MAX && bytes * 2 < new.len();
    // A library's mistake must cost bytes, never words.
    let right = worth && apply(old, &splices).as_deref() == Some(new);
    right.then(|| Patch {
        splices,
        hash: hash(new),
    })
}

impl Patch {
    /// The text that this patch makes of `old`; nothing when it was made for another text.
    #[must_use]
    pub fn apply(&self, old: &str) -> Option<String> {
        let text = apply(old, &self.splices)?;
        (hash(&text) == self.hash).then_some(text)
    }
}

/// `old` with these replacements; nothing when one lies outside of it or inside a character.
#[must_use]
pub fn apply(old: &str, splices: &[Splice]) -> Option<String> {
    let mut text = String::new();
    let mut at = 0;
    for Splice(from, cut, put) in splices {
        text.push_str(old.get(at..*from)?);
        text.push_str(put);
        at = from.checked_add(*cut)?;
    }
    text.push_str(old.get(at..)?);
    Some(text)
}

/// The fingerprint of a text: XXH64 in 16 hexadecimal digits. It guards against mistakes, not
/// against malice: who may push a patch may push the text.
#[must_use]
pub fn hash(text: &str) -> String {
    alloc::format!("{:016x}", xxh64(text.as_bytes(), 0))
}

/// Compares texts as wholes: one splice between what they begin and end with alike, and no
/// joining. For tables without long texts, and for tests that need no library.
#[derive(Clone, Copy, Debug, Default)]
pub struct WholeTexts;

impl Texts for WholeTexts {
    fn diff(&self, old: &str, new: &str) -> Vec<Splice> {
        let same = |(a, b): &(char, char)| a == b;
        let length = |(a, _): (char, char)| a.len_utf8();
        let head: usize = old
            .chars()
            .zip(new.chars())
            .take_while(same)
            .map(length)
            .sum();
        let (old_rest, new_rest) = (&old[head..], &new[head..]);
        let tails = old_rest.chars().rev().zip(new_rest.chars().rev());
        let tail: usize = tails.take_while(same).map(length).sum();
        let put = new_rest[..new_rest.len() - tail].to_owned();
        let cut = old_rest.len() - tail;
        if cut == 0 && put.is_empty() {
            return Vec::new();
        }
        alloc::vec![Splice(head, cut, put)]
    }

    fn merge(&self, _base: &str, _theirs: &str, _ours: &str) -> Option<String> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_makes_the_new_text_of_the_old_one_and_of_no_other() {
        let old = "Käse und Brot. ".repeat(100);
        let new = old.replacen("und Brot", "mit Wein", 1);
        let patch = patch(&WholeTexts, &old, &new).expect("worth its while");
        assert_eq!(patch.apply(&old).as_deref(), Some(new.as_str()));
        let other = old.replacen("Käse", "Obst", 2);
        assert_eq!(patch.apply(&other), None, "the hash tells");
        assert_eq!(patch.apply("short"), None);
    }

    #[test]
    fn a_short_text_or_a_new_one_travels_whole() {
        assert_eq!(patch(&WholeTexts, "a short text", "a shorter text"), None);
        let (old, new) = ("x".repeat(2_000), "y".repeat(2_000));
        assert_eq!(patch(&WholeTexts, &old, &new), None);
    }

    #[test]
    fn a_splice_outside_the_text_or_inside_a_character_is_no_text() {
        let splice = |from, cut| [Splice(from, cut, String::new())];
        assert_eq!(apply("äb", &splice(1, 0)), None);
        assert_eq!(apply("äb", &splice(0, 9)), None);
        assert_eq!(apply("äb", &splice(0, usize::MAX)), None);
        assert_eq!(apply("äb", &splice(0, 2)).as_deref(), Some("b"));
    }

    #[test]
    fn nothing_changed_is_no_splice() {
        assert_eq!(WholeTexts.diff("same", "same"), []);
        assert_eq!(WholeTexts.diff("aa", "aaa"), [Splice(2, 0, "a".into())]);
    }

    #[test]
    fn a_patch_is_sent_from_the_first_length_at_which_it_saves_half() {
        let insert = |old_bytes: usize, put_bytes: usize| {
            let old = "x".repeat(old_bytes);
            let new = old.clone() + &"y".repeat(put_bytes);
            patch(&WholeTexts, &old, &new)
        };
        assert!(insert(PATCH_BYTES_MIN - 1, 1).is_some());
        assert!(insert(PATCH_BYTES_MIN - 2, 1).is_none(), "too short");
        // A splice weighs 16 bytes beside its text: 2 × (600 + 16) = 1,232.
        assert!(insert(633, 600).is_some());
        assert!(insert(632, 600).is_none(), "not less than half");
    }

    #[test]
    fn texts_compared_as_wholes_are_never_joined() {
        assert_eq!(WholeTexts.merge("a", "ab", "ac"), None);
    }
}
