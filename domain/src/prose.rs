//! How two versions of an entry's words are compared and joined: the port [`Texts`] for a
//! journal, by the diff library `similar`.
//!
//! Words are the unit, because two people who change two words of one sentence both meant it.
//! Nothing here looks at a clock: how much may be compared is counted in tokens, so that device
//! and server give up at the same place.

mod tokens;

#[cfg(test)]
mod tests;

use similar::algorithms::{DiffHook, myers};
use std::collections::BTreeMap;
use std::convert::Infallible;
use sync::text::{Splice, Texts, apply};
use tokens::{differing, is_blank, lines, parts, words};

/// How many tokens of either text one comparison may look at, all in all; what lies beyond is
/// one replacement. So many cost 70 ms at worst on a small server.
pub const TOKENS_MAX: usize = 20_000;

/// The one [`Prose`] that everybody borrows.
pub static PROSE: Prose = Prose;

/// Texts that people write, compared word by word.
#[derive(Clone, Copy, Debug, Default)]
pub struct Prose;

impl Texts for Prose {
    fn diff(&self, old: &str, new: &str) -> Vec<Splice> {
        let mut comparison = Comparison {
            tokens_left: TOKENS_MAX,
            splices: Vec::new(),
        };
        comparison.run(old, new);
        tidied(old, comparison.splices)
    }

    fn merge(&self, base: &str, theirs: &str, ours: &str) -> Option<String> {
        let mut splices = woven(self.diff(base, theirs), self.diff(base, ours));
        splices.dedup();
        let clean = splices.windows(2).all(|pair| apart(&pair[0], &pair[1]));
        clean.then(|| apply(base, &splices)).flatten()
    }
}

/// Both lists as one, by place. Two splices that begin at one place are equal or in each other's
/// way, so the joined text does not depend on whose list is which.
fn woven(theirs: Vec<Splice>, ours: Vec<Splice>) -> Vec<Splice> {
    let (mut theirs, mut ours) = (theirs.into_iter().peekable(), ours.into_iter().peekable());
    let next = || match (theirs.peek(), ours.peek()) {
        (Some(one), Some(other)) if other.0 < one.0 => ours.next(),
        (None, _) => ours.next(),
        _ => theirs.next(),
    };
    std::iter::from_fn(next).collect()
}

/// Whether both may be applied: unchanged text stands between them, or each replaces something
/// by something and the two stay two tokens. Where they touch and one only puts or only takes
/// away, nobody can say what it would have made of the other.
fn apart(first: &Splice, second: &Splice) -> bool {
    let end = first.0 + first.1;
    if end != second.0 || first.1 == 0 || second.1 == 0 {
        return end < second.0;
    }
    let seam = first.2.chars().next_back().zip(second.2.chars().next());
    seam.is_some_and(|(left, right)| parts(left, right))
}

/// One comparison under way, and what it may still look at.
struct Comparison {
    tokens_left: usize,
    splices: Vec<Splice>,
}

impl Comparison {
    /// Word by word; with too many words for that line by line, and word by word only in the
    /// lines that changed.
    fn run(&mut self, old: &str, new: &str) {
        let (from, old, new) = differing(old, new);
        if self.by_words(from, old, new) {
            return;
        }
        let Some((olds, news)) = self.spent_on(lines(old), lines(new)) else {
            return self.splices.push(splice(from, old, new));
        };
        for (at, old, new) in changes((old, &olds), (new, &news)) {
            let (more, old, new) = differing(old, new);
            if !self.by_words(from + at + more, old, new) {
                self.splices.push(splice(from + at + more, old, new));
            }
        }
    }

    /// Whether there were few enough words to compare them.
    fn by_words(&mut self, from: usize, old: &str, new: &str) -> bool {
        let Some((olds, news)) = self.spent_on(words(old), words(new)) else {
            return false;
        };
        for (at, old, new) in changes((old, &olds), (new, &news)) {
            self.splices.push(splice(from + at, old, new));
        }
        true
    }

    /// The tokens of both texts, if these are no more than may still be looked at.
    fn spent_on<'a>(
        &mut self,
        old: impl Iterator<Item = &'a str>,
        new: impl Iterator<Item = &'a str>,
    ) -> Option<(Vec<&'a str>, Vec<&'a str>)> {
        let olds: Vec<_> = old.take(self.tokens_left + 1).collect();
        let news: Vec<_> = new.take(self.tokens_left + 1).collect();
        self.tokens_left = self.tokens_left.checked_sub(olds.len().max(news.len()))?;
        Some((olds, news))
    }
}

fn splice(from: usize, old: &str, new: &str) -> Splice {
    Splice(from, old.len(), new.to_owned())
}

/// The runs of tokens that both texts have: where in the old one, where in the new one, how
/// many. Everything else is what changed, so the library's other news are not listened to.
#[derive(Default)]
struct Kept(Vec<(usize, usize, usize)>);

impl DiffHook for Kept {
    type Error = Infallible;

    fn equal(&mut self, old: usize, new: usize, count: usize) -> Result<(), Infallible> {
        self.0.push((old, new, count));
        Ok(())
    }
}

/// What differs between two texts that fall into these tokens: where in the old text, what was
/// there, what is there now.
fn changes<'a>(
    (old, olds): (&'a str, &[&'a str]),
    (new, news): (&'a str, &[&'a str]),
) -> Vec<(usize, &'a str, &'a str)> {
    let (old_numbers, new_numbers) = numbered(olds, news);
    let mut kept = Kept::default();
    // Myers's algorithm with the limits of Git's: on hopeless texts it settles for more
    // changes than needed after a fixed number of steps. The histogram variant, which Git has
    // for code, is quadratic where every second word changed.
    let Ok(()) = myers::diff(
        &mut kept,
        &old_numbers,
        0..olds.len(),
        &new_numbers,
        0..news.len(),
    );
    kept.0.push((olds.len(), news.len(), 0));

    let bytes = |tokens: &[&str]| tokens.iter().map(|token| token.len()).sum::<usize>();
    let (mut old_token, mut new_token) = (0, 0);
    let (mut from, mut new_from) = (0, 0);
    let mut changes = Vec::new();
    for (old_kept, new_kept, count) in kept.0 {
        let end = from + bytes(&olds[old_token..old_kept]);
        let new_end = new_from + bytes(&news[new_token..new_kept]);
        if from < end || new_from < new_end {
            changes.push((from, &old[from..end], &new[new_from..new_end]));
        }
        let same = bytes(&olds[old_kept..old_kept + count]);
        (from, new_from) = (end + same, new_end + same);
        (old_token, new_token) = (old_kept + count, new_kept + count);
    }
    changes
}

/// The tokens as numbers, the same for the same token: the library compares them in one step,
/// and is compiled for one type.
fn numbered<'a>(olds: &[&'a str], news: &[&'a str]) -> (Vec<usize>, Vec<usize>) {
    let mut known = BTreeMap::new();
    let mut number = |token: &&'a str| {
        let next = known.len();
        *known.entry(*token).or_insert(next)
    };
    let olds = olds.iter().map(&mut number).collect();
    (olds, news.iter().map(&mut number).collect())
}

/// Makes one of two replacements that only blanks stand between: in prose a blank that stayed
/// is a coincidence, and who rewrote the words around it wrote one thing. What a replacement
/// takes away and puts back alike is left alone.
fn tidied(old: &str, splices: Vec<Splice>) -> Vec<Splice> {
    let mut joined: Vec<Splice> = Vec::new();
    for splice in splices {
        if let Some(last) = joined.last_mut() {
            let between = &old[last.0 + last.1..splice.0];
            if between.chars().all(is_blank) {
                last.1 = splice.0 + splice.1 - last.0;
                last.2.push_str(between);
                last.2.push_str(&splice.2);
                continue;
            }
        }
        joined.push(splice);
    }
    for last in &mut joined {
        let (more, cut, put) = differing(&old[last.0..last.0 + last.1], &last.2);
        *last = splice(last.0 + more, cut, put);
    }
    joined.retain(|splice| splice.1 > 0 || !splice.2.is_empty());
    joined
}
