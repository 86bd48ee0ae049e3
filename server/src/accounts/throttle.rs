//! Slowing down who guesses: a bucket of attempts for each pair of e-mail address and network
//! address. A stranger elsewhere so cannot lock anybody out.

use crate::serve::home_of;
use app::account::AccountError;
use governor::clock::{Clock as _, MonotonicClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use sha2::{Digest as _, Sha256};
use std::net::IpAddr;
use std::num::NonZero;
use std::time::{Duration, Instant};

/// How many attempts may come at once.
pub const ATTEMPTS_BURST: u32 = 10;

/// How long it takes until one more is allowed: some 70 guesses in an hour.
const ATTEMPT_EVERY: Duration = Duration::from_secs(60);

/// How many pairs are remembered before those that have recovered are forgotten.
const PAIRS_MAX: usize = 100_000;

/// A pair, hashed: what is remembered has a fixed size and no address in it.
type Pair = [u8; 16];

type Limiter = RateLimiter<Pair, DashMapStateStore<Pair>, MonotonicClock, NoOpMiddleware<Instant>>;

/// The buckets.
#[derive(Debug)]
pub struct Throttle(Limiter);

impl Default for Throttle {
    fn default() -> Self {
        let burst = NonZero::new(ATTEMPTS_BURST).unwrap_or(NonZero::<u32>::MIN);
        let quota = Quota::with_period(ATTEMPT_EVERY)
            .unwrap_or_else(|| Quota::per_minute(burst))
            .allow_burst(burst);
        Self(RateLimiter::new(
            quota,
            DashMapStateStore::default(),
            MonotonicClock,
        ))
    }
}

impl Throttle {
    /// Counts an attempt.
    ///
    /// # Errors
    /// There were too many; says when to come again.
    pub fn attempt(&self, email: &str, address: IpAddr) -> Result<(), AccountError> {
        if self.0.len() > PAIRS_MAX {
            self.0.retain_recent();
        }
        self.0
            .check_key(&pair(email, address))
            .map_err(|not_until| {
                let wait = not_until.wait_time_from(MonotonicClock.now());
                AccountError::TooManyAttempts {
                    retry_after_s: wait.as_secs() + 1,
                }
            })
    }
}

fn pair(email: &str, address: IpAddr) -> Pair {
    let digest = Sha256::new()
        .chain_update(email.to_lowercase())
        .chain_update([0])
        .chain_update(home_of(address).to_string())
        .finalize();
    let mut pair = Pair::default();
    pair.copy_from_slice(&digest[..16]);
    pair
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn a_guesser_is_slowed_down_and_others_are_not() {
        let throttle = Throttle::default();
        let guesser = IpAddr::from(Ipv4Addr::new(192, 0, 2, 1));
        let elsewhere = IpAddr::from(Ipv4Addr::new(192, 0, 2, 2));
        for _ in 0..ATTEMPTS_BURST {
            assert_eq!(throttle.attempt("ann@example.org", guesser), Ok(()));
        }
        match throttle.attempt("Ann@Example.org", guesser) {
            Err(AccountError::TooManyAttempts { retry_after_s }) => {
                assert!((1..=61).contains(&retry_after_s), "{retry_after_s}");
            }
            other => panic!("not slowed down: {other:?}"),
        }
        assert_eq!(throttle.attempt("ann@example.org", elsewhere), Ok(()));
        assert_eq!(throttle.attempt("bob@example.org", guesser), Ok(()));
    }

    #[test]
    fn a_guesser_with_a_household_of_ipv6_addresses_is_one_guesser() {
        let throttle = Throttle::default();
        let attempt = |address: &str| {
            let address = address.parse().expect("an address");
            throttle.attempt("ann@example.org", address)
        };
        for host in 1..=ATTEMPTS_BURST {
            assert_eq!(attempt(&format!("2001:db8:1:2::{host:x}")), Ok(()));
        }
        assert!(attempt("2001:db8:1:2:ffff::1").is_err());
        assert_eq!(attempt("2001:db8:1:3::1"), Ok(()));
    }
}
