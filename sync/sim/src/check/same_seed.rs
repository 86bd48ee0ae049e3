//! **Same seed**: the same history gives the same run, to the last event.

use super::Violation;
use crate::history::History;
use crate::world::play;

/// Plays a history a second time and compares the fingerprints.
#[must_use]
pub fn check(history: &History, hash: u64) -> Option<Violation> {
    let again = play(history, false).hash;
    (again != hash).then(|| Violation {
        checker: "same-seed",
        at_ms: 0,
        what: format!("two runs of one history differ: {hash:016x}, {again:016x}"),
    })
}
