//! Places for answers that take their time: a few for each key.

use super::buckets::Key;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// How many places of each key are taken. A key without any is not in it, so there are never more
/// keys than answers under way.
#[derive(Debug, Default)]
pub(super) struct Places(Mutex<HashMap<Key, usize>>);

/// One place; dropping it frees it.
#[derive(Debug)]
pub(super) struct Place<'a> {
    places: &'a Places,
    key: Key,
}

impl Places {
    /// A place of this key, unless as many as there may be are taken.
    pub(super) fn take(&self, key: Key, places_max: usize) -> Option<Place<'_>> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.get(&key).copied().unwrap_or_default();
        if count >= places_max {
            return None;
        }
        taken.insert(key, count + 1);
        Some(Place { places: self, key })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let taken = self.places.0.lock();
        let mut taken = taken.unwrap_or_else(PoisonError::into_inner);
        match taken.get_mut(&self.key) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                taken.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_places_of_its_own_and_nothing_is_kept_of_free_ones() {
        let places = Places::default();
        let (one, two) = ([1; 16], [2; 16]);
        let first = places.take(one, 2).expect("a place");
        let second = places.take(one, 2).expect("another");
        assert!(places.take(one, 2).is_none());
        assert!(places.take(two, 2).is_some(), "whatever others have");
        drop(first);
        assert!(places.take(one, 2).is_some());
        drop(second);
        assert!(places.0.lock().expect("no panic").is_empty());
    }
}
