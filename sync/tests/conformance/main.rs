//! The suite that every provider passes: the memory provider does, and one that does not keep
//! its word is caught, whatever it does.

mod faulty;
#[path = "../journal/mod.rs"]
mod journal;
mod world;

use faulty::Fault;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use sync::provider::conformance::{CHECKS, Failed, Report, run};
use world::InMemory;

/// Runs a future to its end, on this thread and by asking again and again.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

fn suite(fault: Option<Fault>) -> Result<Report, Failed> {
    block_on(run(&mut InMemory::with(fault)))
}

#[test]
fn the_memory_provider_passes_every_check() {
    let report = suite(None).unwrap_or_else(|failed| unreachable!("{failed}"));
    assert_eq!(report.passed_over, [], "{report}");
    assert_eq!(report.passed, CHECKS);
}

#[test]
fn a_provider_that_does_not_keep_its_word_is_caught() {
    for (fault, check, seen) in Fault::ALL {
        let failed = suite(Some(fault)).expect_err("a fault that nobody notices");
        assert!(failed.check.contains(check), "{fault:?}: {failed}");
        assert!(failed.seen.contains(seen), "{fault:?}: {failed}");
    }
}
