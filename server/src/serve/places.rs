//! How many connections there may be: in all, and from one network address.

use super::home_of;
use crate::config::{Config, Networks};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What one listener puts up with.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How many connections are served at a time; the next ones wait to be accepted.
    pub connections_max: usize,
    /// How many of them one network address may have.
    pub per_address_max: usize,
    /// Addresses that are not counted, for they speak for many.
    pub uncounted: Networks,
    /// How long requests that are under way get when the server ends.
    pub drain_max: Duration,
}

impl Limits {
    /// As the operator says.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self {
            connections_max: config.connections_max,
            per_address_max: config.connections_per_address_max,
            uncounted: config.trusted_proxies.clone(),
            drain_max: Duration::from_secs(config.drain_limit_s),
        }
    }
}

/// How many places each address has taken.
type Counts = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// The places of one listener.
#[derive(Debug)]
pub(super) struct Places {
    all: Arc<Semaphore>,
    limits: Limits,
    taken: Counts,
}

/// The right to one connection; dropping it frees its place.
#[derive(Debug)]
pub(super) struct Place {
    _turn: OwnedSemaphorePermit,
    counted: Option<(IpAddr, Counts)>,
}

impl Places {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            all: Arc::new(Semaphore::new(limits.connections_max)),
            limits,
            taken: Arc::default(),
        }
    }

    /// Waits until there is a place for anybody.
    pub(super) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.all).acquire_owned().await.ok()
    }

    /// Returns once everybody has left.
    pub(super) async fn all_free(&self) {
        let all = u32::try_from(self.limits.connections_max).unwrap_or(u32::MAX);
        // Nobody closes the semaphore.
        let _ = self.all.acquire_many(all).await;
    }

    /// The place for this address, unless it has as many as it may.
    pub(super) fn take(&self, turn: OwnedSemaphorePermit, peer: IpAddr) -> Option<Place> {
        if self.limits.uncounted.contain(peer) {
            return Some(Place {
                _turn: turn,
                counted: None,
            });
        }
        let home = home_of(peer);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(home).or_default();
        if *count >= self.limits.per_address_max {
            return None;
        }
        *count += 1;
        Some(Place {
            _turn: turn,
            counted: Some((home, Arc::clone(&self.taken))),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((home, taken)) = &self.counted else {
            return;
        };
        let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
        let left = taken.get(home).map_or(0, |count| count.saturating_sub(1));
        if left == 0 {
            taken.remove(home);
        } else {
            taken.insert(*home, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(connections_max: usize) -> Places {
        Places::new(Limits {
            connections_max,
            per_address_max: 2,
            uncounted: Networks::loopback(),
            drain_max: Duration::ZERO,
        })
    }

    async fn take(places: &Places, peer: &str) -> Option<Place> {
        let turn = places.turn().await.expect("a turn");
        places.take(turn, peer.parse().expect("an address"))
    }

    #[tokio::test]
    async fn one_address_has_so_many_places_and_gets_them_back() {
        let places = places(100);
        let one = take(&places, "192.0.2.1").await.expect("the first");
        let two = take(&places, "::ffff:192.0.2.1").await.expect("the second");
        assert!(take(&places, "192.0.2.1").await.is_none());
        assert!(take(&places, "192.0.2.2").await.is_some());
        drop(one);
        assert!(take(&places, "192.0.2.1").await.is_some());
        drop(two);
        assert!(places.taken.lock().expect("a map").is_empty());
        let left = places.all.available_permits();
        assert_eq!(left, 100, "who was refused holds no place either");
    }

    #[tokio::test]
    async fn one_household_is_one_address_and_a_proxy_is_none() {
        let places = places(100);
        let mut kept = Vec::new();
        for host in ["2001:db8:1:2::1", "2001:db8:1:2:ffff::9"] {
            kept.push(take(&places, host).await.expect("a place"));
        }
        assert!(take(&places, "2001:db8:1:2::3").await.is_none());
        assert!(take(&places, "2001:db8:1:3::3").await.is_some());
        for _ in 0..10 {
            kept.push(take(&places, "127.0.0.1").await.expect("a place"));
        }
    }

    #[tokio::test]
    async fn there_are_so_many_places_in_all_and_the_next_waits() {
        let places = places(2);
        let one = take(&places, "127.0.0.1").await.expect("the first");
        let _two = take(&places, "127.0.0.1").await.expect("the second");
        let soon = Duration::from_millis(20);
        assert!(tokio::time::timeout(soon, places.turn()).await.is_err());
        drop(one);
        assert!(tokio::time::timeout(soon, places.turn()).await.is_ok());
    }
}
