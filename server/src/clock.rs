//! The host's wall clock and randomness, which the engine does not have.

use std::time::{SystemTime, UNIX_EPOCH};
use sync::id::Id;

/// Milliseconds since 1970-01-01T00:00:00Z.
#[must_use]
pub fn now_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A new name, or none when the system has no randomness to give.
#[must_use]
pub fn new_id() -> Option<Id> {
    let mut random = [0; 10];
    getrandom::fill(&mut random).ok()?;
    Some(Id::v7(now_ms(), random))
}

/// A number below `bound`, to spread things in time. Without randomness it is 0, which spreads
/// nothing and harms nothing.
#[must_use]
pub fn random_below(bound: u64) -> u64 {
    getrandom::u64().unwrap_or(0) % bound.max(1)
}
