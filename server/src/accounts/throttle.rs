//! Slowing down who guesses, by three buckets of attempts.
//!
//! - one for each pair of account and network address, which is small: who guesses is refused
//! - one for each network address, which is large: who tries many accounts is refused
//! - one for each account, which refuses nobody: when it is empty, the answer takes a while
//!
//! The last is so because a bucket that refuses for an account's sake would let any stranger lock
//! its person out.

use crate::serve::home_of;
use app::account::AccountError;
use governor::clock::{Clock as _, MonotonicClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{NotUntil, Quota, RateLimiter};
use sha2::{Digest as _, Sha256};
use std::net::IpAddr;
use std::num::NonZero;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// How many attempts at one account may come at once from one address.
pub const ATTEMPTS_BURST: u32 = 10;

/// How long it takes until one more is allowed: some 70 guesses in an hour.
const ATTEMPT_EVERY: Duration = Duration::from_secs(60);

/// How many attempts may come at once from one address, whoever is meant. Many people may share
/// one.
pub const ADDRESS_BURST: u32 = 200;

/// How long it takes until one more is allowed.
const ADDRESS_EVERY: Duration = Duration::from_secs(1);

/// How many attempts at one account may come at once from everywhere before answers take a while.
pub const ACCOUNT_BURST: u32 = 30;

/// How long it takes until one more is answered at once.
const ACCOUNT_EVERY: Duration = Duration::from_secs(30);

/// How long the answer then takes: bearable for a person, and long for a list of passwords.
pub const SLOWED: Duration = Duration::from_secs(2);

/// How many slowed answers may be under way; beyond that the server is busy.
pub const SLOWED_MAX: usize = 256;

/// How many mails one address may be sent at once, whoever asks for them.
pub const MAILS_BURST: u32 = 3;

/// How long it takes until one more is sent. Less than a link is good for, so that who asks in
/// vain has one that is.
const MAIL_EVERY: Duration = Duration::from_secs(10 * 60);

/// How many keys of a kind are remembered before those that have recovered are forgotten.
const KEYS_MAX: usize = 100_000;

/// What is counted, hashed: what is remembered has a fixed size and no address in it.
type Key = [u8; 16];

type Limiter = RateLimiter<Key, DashMapStateStore<Key>, MonotonicClock, NoOpMiddleware<Instant>>;

/// The buckets.
#[derive(Debug)]
pub struct Throttle {
    pairs: Limiter,
    addresses: Limiter,
    accounts: Limiter,
    mails: Limiter,
    slowed: Semaphore,
}

impl Default for Throttle {
    fn default() -> Self {
        Self {
            pairs: limiter(ATTEMPTS_BURST, ATTEMPT_EVERY),
            addresses: limiter(ADDRESS_BURST, ADDRESS_EVERY),
            accounts: limiter(ACCOUNT_BURST, ACCOUNT_EVERY),
            mails: limiter(MAILS_BURST, MAIL_EVERY),
            slowed: Semaphore::new(SLOWED_MAX),
        }
    }
}

fn limiter(burst: u32, every: Duration) -> Limiter {
    let burst = NonZero::new(burst).unwrap_or(NonZero::<u32>::MIN);
    let quota = Quota::with_period(every)
        .unwrap_or_else(|| Quota::per_minute(burst))
        .allow_burst(burst);
    RateLimiter::new(quota, DashMapStateStore::default(), MonotonicClock)
}

impl Throttle {
    /// Counts an attempt at an account, and takes its time when there were many.
    ///
    /// # Errors
    /// There were too many from this address; says when to come again.
    pub async fn attempt(&self, email: &str, address: IpAddr) -> Result<(), AccountError> {
        self.knock(address)?;
        check(&self.pairs, &pair(email, address))?;
        if self.is_besieged(email) {
            let _slowed = self.slowed.try_acquire().map_err(|_| AccountError::Busy)?;
            tokio::time::sleep(SLOWED).await;
        }
        Ok(())
    }

    /// Counts a request that is for no account yet.
    ///
    /// # Errors
    /// There were too many from this address; says when to come again.
    pub fn knock(&self, address: IpAddr) -> Result<(), AccountError> {
        check(&self.addresses, &key(&[&home_of(address).to_string()]))
    }

    /// Counts a mail to this address, and tells whether it may be sent.
    pub fn may_be_mailed(&self, email: &str) -> bool {
        check(&self.mails, &key(&[&email.to_lowercase()])).is_ok()
    }

    /// Counts an attempt at this account, from wherever, and tells whether there were many.
    fn is_besieged(&self, email: &str) -> bool {
        check(&self.accounts, &key(&[&email.to_lowercase()])).is_err()
    }
}

fn check(limiter: &Limiter, key: &Key) -> Result<(), AccountError> {
    if limiter.len() > KEYS_MAX {
        limiter.retain_recent();
    }
    let refused = |not_until: NotUntil<Instant>| AccountError::TooManyAttempts {
        retry_after_s: not_until
            .wait_time_from(MonotonicClock.now())
            .as_secs()
            .saturating_add(1),
    };
    limiter.check_key(key).map_err(refused)
}

fn pair(email: &str, address: IpAddr) -> Key {
    key(&[&email.to_lowercase(), &home_of(address).to_string()])
}

fn key(parts: &[&str]) -> Key {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part);
        digest.update([0]);
    }
    let mut key = Key::default();
    key.copy_from_slice(&digest.finalize()[..16]);
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn v4(last: u8) -> IpAddr {
        Ipv4Addr::new(192, 0, 2, last).into()
    }

    fn check_refused(result: &Result<(), AccountError>, wait_s_max: u64) {
        match result {
            Err(AccountError::TooManyAttempts { retry_after_s }) => {
                assert!((1..=wait_s_max).contains(retry_after_s), "{retry_after_s}");
            }
            other => panic!("not slowed down: {other:?}"),
        }
    }

    #[tokio::test]
    async fn a_guesser_is_slowed_down_and_others_are_not() {
        let throttle = Throttle::default();
        for _ in 0..ATTEMPTS_BURST {
            let attempt = throttle.attempt("ann@example.org", v4(1)).await;
            assert_eq!(attempt, Ok(()));
        }
        check_refused(&throttle.attempt("Ann@Example.org", v4(1)).await, 61);
        assert_eq!(throttle.attempt("ann@example.org", v4(2)).await, Ok(()));
        assert_eq!(throttle.attempt("bob@example.org", v4(1)).await, Ok(()));
    }

    #[tokio::test]
    async fn who_tries_many_accounts_is_slowed_down_too() {
        let throttle = Throttle::default();
        for number in 0..ADDRESS_BURST {
            let email = format!("person{number}@example.org");
            assert_eq!(throttle.attempt(&email, v4(1)).await, Ok(()));
        }
        check_refused(&throttle.attempt("ann@example.org", v4(1)).await, 2);
        assert_eq!(throttle.attempt("ann@example.org", v4(2)).await, Ok(()));
    }

    #[tokio::test]
    async fn strangers_everywhere_make_an_accounts_answers_slow_and_lock_nobody_out() {
        let throttle = Throttle::default();
        for number in 0..ACCOUNT_BURST {
            let from = v4(u8::try_from(number).expect("few"));
            assert_eq!(throttle.attempt("ann@example.org", from).await, Ok(()));
        }
        assert!(throttle.is_besieged("Ann@example.org"));
        assert!(!throttle.is_besieged("bob@example.org"));
        let begun = Instant::now();
        assert_eq!(throttle.attempt("ann@example.org", v4(99)).await, Ok(()));
        assert!(begun.elapsed() >= SLOWED, "answered, and not at once");
    }

    #[tokio::test]
    async fn a_guesser_with_a_household_of_ipv6_addresses_is_one_guesser() {
        let throttle = Throttle::default();
        let attempt = async |address: &str| {
            let address = address.parse().expect("an address");
            throttle.attempt("ann@example.org", address).await
        };
        for host in 1..=ATTEMPTS_BURST {
            assert_eq!(attempt(&format!("2001:db8:1:2::{host:x}")).await, Ok(()));
        }
        check_refused(&attempt("2001:db8:1:2:ffff::1").await, 61);
        assert_eq!(attempt("2001:db8:1:3::1").await, Ok(()));
    }
}
