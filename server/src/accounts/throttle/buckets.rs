//! Buckets of attempts, one for each key: who comes too often waits, or is told how far they are
//! beyond it.

use hashlink::LruCache;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How many keys of a kind are remembered. Beyond that the one that was not heard of for longest
/// is forgotten, at the same small price for each new key: a flood of them costs no more.
pub const KEYS_MAX: usize = 100_000;

/// How many attempts beyond its burst a bucket remembers, so that it is level again some time
/// after the last.
const BEYOND_MAX: u32 = 16;

/// What is counted, hashed: what is remembered has a fixed size and no address in it.
pub(super) type Key = [u8; 16];

/// Waits that double with each attempt that comes after the burst.
#[derive(Clone, Copy, Debug)]
pub(super) struct Doubling {
    /// The first.
    pub(super) first: Duration,
    /// The longest.
    pub(super) longest: Duration,
}

impl Doubling {
    /// The wait of this number, counted from 0.
    pub(super) fn wait(self, number: u32) -> Duration {
        let times = 2_u32.saturating_pow(number.min(BEYOND_MAX));
        self.first.saturating_mul(times).min(self.longest)
    }
}

/// The buckets of one kind.
#[derive(Debug)]
pub(super) struct Buckets {
    burst: u32,
    every: Duration,
    doubling: Option<Doubling>,
    kept: Mutex<LruCache<Key, Bucket>>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// When all that was taken has come back.
    level_at: Instant,
    /// Until when nothing is given.
    shut_until: Instant,
}

impl Buckets {
    /// Buckets that give this many at once, and get one back every so often.
    pub(super) fn new(burst: u32, every: Duration) -> Self {
        Self {
            burst,
            every,
            doubling: None,
            kept: Mutex::new(LruCache::new(KEYS_MAX)),
        }
    }

    /// Once such a bucket is empty, it gives one more after each of these waits.
    pub(super) fn that_double(self, doubling: Doubling) -> Self {
        Self {
            doubling: Some(doubling),
            ..self
        }
    }

    /// Takes one.
    ///
    /// # Errors
    /// There is none; says for how long not. Then nothing was taken.
    pub(super) fn take(&self, key: &Key, now: Instant) -> Result<(), Duration> {
        let mut kept = self.kept();
        let mut bucket = Self::bucket(&mut kept, key, now);
        if bucket.shut_until > now {
            return Err(bucket.shut_until - now);
        }
        let taken = self.taken(bucket, now);
        match self.doubling {
            None if taken >= self.burst => {
                let room_at = bucket.level_at - self.every * (self.burst - 1);
                return Err(room_at.saturating_duration_since(now));
            }
            Some(doubling) if taken + 1 >= self.burst => {
                bucket.shut_until = now + doubling.wait(taken + 1 - self.burst);
            }
            _ => {}
        }
        bucket.level_at = self.after_one_more(bucket, now);
        kept.insert(*key, bucket);
        Ok(())
    }

    /// Counts one, and tells how many of them there are beyond the burst.
    pub(super) fn count(&self, key: &Key, now: Instant) -> u32 {
        let mut kept = self.kept();
        let mut bucket = Self::bucket(&mut kept, key, now);
        bucket.level_at = self.after_one_more(bucket, now);
        kept.insert(*key, bucket);
        self.taken(bucket, now).saturating_sub(self.burst)
    }

    /// Whether one more would be beyond the burst.
    pub(super) fn is_empty(&self, key: &Key, now: Instant) -> bool {
        let bucket = Self::bucket(&mut self.kept(), key, now);
        self.taken(bucket, now) >= self.burst
    }

    /// Puts one back.
    pub(super) fn put_back(&self, key: &Key) {
        if let Some(bucket) = self.kept().get_mut(key) {
            bucket.level_at -= self.every;
        }
    }

    /// Forgets that anything was taken.
    pub(super) fn forget(&self, key: &Key) {
        self.kept().remove(key);
    }

    fn kept(&self) -> MutexGuard<'_, LruCache<Key, Bucket>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bucket(kept: &mut LruCache<Key, Bucket>, key: &Key, now: Instant) -> Bucket {
        let full = Bucket {
            level_at: now,
            shut_until: now,
        };
        kept.get(key).copied().unwrap_or(full)
    }

    /// How many are gone from a bucket and have not come back, the last one's part counted whole.
    fn taken(&self, bucket: Bucket, now: Instant) -> u32 {
        let missing = bucket.level_at.saturating_duration_since(now).as_nanos();
        let taken = missing.div_ceil(self.every.as_nanos().max(1));
        u32::try_from(taken).unwrap_or(u32::MAX)
    }

    fn after_one_more(&self, bucket: Bucket, now: Instant) -> Instant {
        let most = now + self.every * (self.burst + BEYOND_MAX);
        (bucket.level_at.max(now) + self.every).min(most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn key(number: usize) -> Key {
        let mut key = Key::default();
        key[..8].copy_from_slice(&u64::try_from(number).expect("few").to_be_bytes());
        key
    }

    #[test]
    fn a_bucket_gives_its_burst_and_then_one_every_so_often() {
        let buckets = Buckets::new(3, SECOND);
        let now = Instant::now();
        for _ in 0..3 {
            assert_eq!(buckets.take(&key(1), now), Ok(()));
        }
        assert_eq!(buckets.take(&key(1), now), Err(SECOND));
        assert_eq!(buckets.take(&key(2), now), Ok(()), "another's is full");
        assert_eq!(buckets.take(&key(1), now + SECOND), Ok(()));
        assert_eq!(buckets.take(&key(1), now + SECOND), Err(SECOND));
        buckets.forget(&key(1));
        assert_eq!(buckets.take(&key(1), now + SECOND), Ok(()));
    }

    #[test]
    fn waits_double_up_to_the_longest_and_go_back_in_time() {
        let doubling = Doubling {
            first: SECOND,
            longest: SECOND * 5,
        };
        let buckets = Buckets::new(2, SECOND * 100).that_double(doubling);
        let mut now = Instant::now();
        assert_eq!(buckets.take(&key(1), now), Ok(()));
        for wait in [1, 2, 4, 5, 5] {
            assert_eq!(buckets.take(&key(1), now), Ok(()));
            let wait = SECOND * wait;
            assert_eq!(buckets.take(&key(1), now), Err(wait));
            now += wait;
        }
        now += SECOND * 10_000;
        assert_eq!(buckets.take(&key(1), now), Ok(()));
        assert_eq!(buckets.take(&key(1), now), Ok(()), "as at the beginning");
    }

    #[test]
    fn a_bucket_that_refuses_nobody_tells_how_far_it_is_beyond() {
        let buckets = Buckets::new(2, SECOND);
        let now = Instant::now();
        assert_eq!(
            [buckets.count(&key(1), now), buckets.count(&key(1), now)],
            [0, 0]
        );
        assert!(buckets.is_empty(&key(1), now));
        assert_eq!(
            [buckets.count(&key(1), now), buckets.count(&key(1), now)],
            [1, 2]
        );
        buckets.put_back(&key(1));
        assert_eq!(buckets.count(&key(1), now), 2);
        for _ in 0..100 {
            buckets.count(&key(1), now);
        }
        let beyond = buckets.count(&key(1), now);
        assert_eq!(beyond, BEYOND_MAX, "and what it remembers has an end");
        assert!(!buckets.is_empty(&key(1), now + SECOND * (BEYOND_MAX + 2)));
    }

    #[test]
    fn a_flood_of_keys_forgets_the_oldest_and_costs_no_more_for_each() {
        let buckets = Buckets::new(1, SECOND * 1_000);
        let begun = Instant::now();
        let guesser = key(usize::MAX);
        assert_eq!(buckets.take(&guesser, begun), Ok(()));
        for number in 0..3 * KEYS_MAX {
            assert_eq!(buckets.take(&key(number), begun), Ok(()));
            if number % 1_000 == 0 {
                assert!(
                    buckets.take(&guesser, begun).is_err(),
                    "who goes on is known"
                );
            }
        }
        assert_eq!(buckets.kept().len(), KEYS_MAX);
        let took = begun.elapsed();
        assert!(took < SECOND * 30, "a sweep for each key: {took:?}");
    }
}
