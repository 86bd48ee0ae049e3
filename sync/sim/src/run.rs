//! Many histories on all cores: each is played on one thread, and what they show is added up.

use crate::check::{Violation, same_seed};
use crate::generate::{Size, generate};
use crate::history::{Fault, History};
use crate::world::{Outcome, play};
use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// One history in so many is played twice.
const REPLAYED: u64 = 64;

/// So many failures are told of.
const FAILURES_TOLD: usize = 20;

/// Which histories are played, and how.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The first seed.
    pub seed: u64,
    /// How many.
    pub histories: u64,
    /// On how many threads.
    pub threads: NonZero<usize>,
    /// How large they are.
    pub size: Size,
}

/// What was seen so far.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Histories played.
    pub histories: u64,
    /// Histories played twice.
    pub replays: u64,
    /// Edits committed.
    pub edits: u64,
    /// Looks at a text for whether it went back to an older one.
    pub looks: u64,
    /// How often each fault met somebody.
    pub faults: BTreeMap<Fault, u64>,
    /// How long everybody took to agree at most, in milliseconds.
    pub slowest_ms: u64,
    /// Violations by checker.
    pub violations: BTreeMap<&'static str, u64>,
    /// The failures with the lowest seeds, in their order.
    pub failures: Vec<Failure>,
}

/// A history that violates something.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Its seed.
    pub seed: u64,
    /// What it violates.
    pub violation: Violation,
}

impl Tally {
    /// How many histories violated something.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.violations.values().sum()
    }

    fn add(&mut self, seed: u64, outcome: &Outcome, twice: bool) {
        self.histories += 1;
        self.replays += u64::from(twice);
        self.edits += outcome.edits;
        self.looks += outcome.looks;
        for (fault, times) in &outcome.faults {
            *self.faults.entry(*fault).or_default() += u64::from(*times);
        }
        self.slowest_ms = self.slowest_ms.max(outcome.took_ms);
        if let Some(violation) = &outcome.violation {
            *self.violations.entry(violation.checker).or_default() += 1;
            let place = self.failures.partition_point(|failure| failure.seed < seed);
            let violation = violation.clone();
            self.failures.insert(place, Failure { seed, violation });
            self.failures.truncate(FAILURES_TOLD);
        }
    }
}

/// Plays all histories of a plan, and tells `progress` once a second how it stands.
pub fn run(plan: Plan, mut progress: impl FnMut(&Tally, Duration)) -> Tally {
    let began = Instant::now();
    let next = AtomicU64::new(0);
    let tally = Mutex::new(Tally::default());
    let working = Mutex::new(plan.threads.get());
    let done = Condvar::new();
    std::thread::scope(|scope| {
        for _ in 0..plan.threads.get() {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    if place >= plan.histories {
                        break;
                    }
                    let seed = plan.seed.wrapping_add(place);
                    let twice = seed.is_multiple_of(REPLAYED);
                    let outcome = attempt(&generate(seed, plan.size), twice);
                    locked(&tally).add(seed, &outcome, twice);
                }
                *locked(&working) -= 1;
                done.notify_all();
            });
        }
        let mut left = locked(&working);
        while *left > 0 {
            let second = Duration::from_secs(1);
            let woken = done
                .wait_timeout(left, second)
                .unwrap_or_else(PoisonError::into_inner);
            left = woken.0;
            if woken.1.timed_out() {
                let seen = locked(&tally).clone();
                progress(&seen, began.elapsed());
            }
        }
    });
    tally.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Plays one history, and once more if it is to be compared with itself.
#[must_use]
pub fn attempt(history: &History, twice: bool) -> Outcome {
    let mut outcome = play(history, false);
    if twice && outcome.violation.is_none() {
        outcome.violation = same_seed::check(history, outcome.hash);
    }
    outcome
}

/// The first found of the histories at these places that violates something; on all threads.
pub fn find(
    threads: NonZero<usize>,
    places: impl Iterator<Item = u64> + Send,
    history: impl Fn(u64) -> (History, bool) + Sync,
) -> Option<(u64, Violation)> {
    let places = Mutex::new(places);
    let first = Mutex::new(None::<(u64, Violation)>);
    std::thread::scope(|scope| {
        for _ in 0..threads.get() {
            scope.spawn(|| {
                while locked(&first).is_none() {
                    let Some(place) = locked(&places).next() else {
                        break;
                    };
                    let (history, twice) = history(place);
                    let Some(violation) = attempt(&history, twice).violation else {
                        continue;
                    };
                    let mut first = locked(&first);
                    if first.as_ref().is_none_or(|(other, _)| place < *other) {
                        *first = Some((place, violation));
                    }
                }
            });
        }
    });
    first.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
