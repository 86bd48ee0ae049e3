//! How many streams one person has open.

use crate::telemetry::metrics::STREAMS_OPEN;
use metrics::gauge;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use sync::id::Id;

/// The open streams of everybody.
#[derive(Clone, Debug)]
pub struct Seats {
    /// How many one person may have at a time. A stream is one device, for a device's tabs share
    /// theirs.
    per_person_max: usize,
    taken: Arc<Mutex<BTreeMap<Id, usize>>>,
}

/// One open stream; dropping it frees its place.
#[derive(Debug)]
pub struct Seat {
    seats: Seats,
    user: Id,
}

impl Seats {
    /// So many streams a person.
    #[must_use]
    pub fn new(per_person_max: usize) -> Self {
        Self {
            per_person_max,
            taken: Arc::default(),
        }
    }

    /// Takes a place, if there is one left for this person.
    #[must_use]
    pub fn take(&self, user: Id) -> Option<Seat> {
        self.change(user, |taken| {
            let free = *taken < self.per_person_max;
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
        let mut seats = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
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
        let seats = Seats::new(3);
        let (ann, bob) = (Id::from_u128(1), Id::from_u128(2));
        let mut taken: Vec<_> = (0..3).filter_map(|_| seats.take(ann)).collect();
        assert_eq!(taken.len(), 3);
        assert!(seats.take(ann).is_none());
        assert!(seats.take(bob).is_some());
        taken.pop();
        assert!(seats.take(ann).is_some());
        taken.clear();
        assert!(seats.taken.lock().expect("seats").is_empty());
    }
}
