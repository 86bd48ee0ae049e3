//! From a history that found something to a shorter one that still does: events are dropped as
//! long as the same checker complains (delta debugging, Zeller and Hildebrandt 2002).

use crate::check::{Violation, same_seed};
use crate::history::History;
use crate::world::play;

/// How many runs shrinking may take.
const RUNS_MAX: usize = 2_000;

/// What a history violates, if anything; `twice` plays it a second time and compares.
#[must_use]
pub fn violation(history: &History, twice: bool) -> Option<Violation> {
    let outcome = play(history, false);
    let again = || {
        twice
            .then(|| same_seed::check(history, outcome.hash))
            .flatten()
    };
    outcome.violation.or_else(again)
}

/// The shortest history found that violates the same checker.
#[must_use]
pub fn shrink(history: &History, checker: &str) -> History {
    let twice = checker == "same-seed";
    shortest(history, |fewer| {
        violation(fewer, twice).is_some_and(|found| found.checker == checker)
    })
}

/// The shortest history found that still fails.
fn shortest(history: &History, fails: impl Fn(&History) -> bool) -> History {
    let mut best = history.clone();
    let mut runs = 0;
    let mut step = (best.events.len() / 2).max(1);
    while step > 0 && runs < RUNS_MAX {
        let mut dropped = false;
        let mut at = 0;
        while at < best.events.len() && runs < RUNS_MAX {
            let mut fewer = best.clone();
            let end = (at + step).min(fewer.events.len());
            fewer.events.drain(at..end);
            runs += 1;
            if fails(&fewer) {
                best = fewer;
                dropped = true;
            } else {
                at += step;
            }
        }
        if !dropped {
            step /= 2;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::{Size, generate};

    #[test]
    fn only_what_the_failure_needs_is_left() {
        let history = generate(5, Size::default());
        let needed = [history.events[3].clone(), history.events[40].clone()];
        let small = shortest(&history, |fewer| {
            needed.iter().all(|event| fewer.events.contains(event))
        });
        assert_eq!(small.events, needed);
        assert_eq!(small.salt, history.salt, "the rest is as it was");
    }
}
