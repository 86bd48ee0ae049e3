//! How many streams one person has open.

use crate::telemetry::metrics::STREAMS_OPEN;
use metrics::gauge;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use sync::id::Id;

/// How many streams one person may have open at a time: a stream is one device, for a device's
/// tabs share theirs.
pub const STREAMS_MAX: usize = 20;

/// The open streams of everybody.
#[derive(Clone, Debug, Default)]
pub struct Seats(Arc<Mutex<BTreeMap<Id, usize>>>);

/// One open stream; dropping it frees its place.
#[derive(Debug)]
pub struct Seat {
    seats: Seats,
    user: Id,
}

impl Seats {
    /// Takes a place, if there is one left for this person.
    #[must_use]
    pub fn take(&self, user: Id) -> Option<Seat> {
        self.change(user, |taken| {
            let free = *taken < STREAMS_MAX;
            *taken += usize::from(free);
            free
        })
        .then(|| {
            gauge!(STREAMS_OPEN).increment(1);
            Seat {
                seats: self.clone(),
                user,
            }
        })
    }

    fn change<T>(&self, user: Id, change: impl FnOnce(&mut usize) -> T) -> T {
        let mut seats = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = seats.entry(user).or_default();
        let result = change(taken);
        if *taken == 0 {
            seats.remove(&user);
        }
        result
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        gauge!(STREAMS_OPEN).decrement(1);
        self.seats
            .change(self.user, |taken| *taken = taken.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_has_so_many_places_and_gets_them_back() {
        let seats = Seats::default();
        let (ann, bob) = (Id::from_u128(1), Id::from_u128(2));
        let mut taken: Vec<_> = (0..STREAMS_MAX).filter_map(|_| seats.take(ann)).collect();
        assert_eq!(taken.len(), STREAMS_MAX);
        assert!(seats.take(ann).is_none());
        assert!(seats.take(bob).is_some());
        taken.pop();
        assert!(seats.take(ann).is_some());
        taken.clear();
        assert!(seats.0.lock().expect("seats").is_empty());
    }
}
