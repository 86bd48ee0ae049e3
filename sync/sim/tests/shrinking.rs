//! With faults planted: a failure shrinks to a shorter history that still fails. Alone in its
//! program, for the switch of the faults is the whole program's.
#![cfg(feature = "planted")]

use sim::generate::{Size, generate};
use sim::shrink::{shrink, violation};
use sync::planted::switch_on;

#[test]
fn a_failure_shrinks_to_fewer_events_that_fail_alike() {
    switch_on(Some("LoserIsDropped"));
    let (history, found) = (1..1_000)
        .map(|seed| generate(seed, Size::default()))
        .find_map(|history| violation(&history, false).map(|found| (history, found)))
        .expect("a failure");
    let small = shrink(&history, found.checker);
    let still = violation(&small, false).expect("a failure");
    assert_eq!(still.checker, found.checker);
    assert!(small.events.len() < history.events.len());
}
