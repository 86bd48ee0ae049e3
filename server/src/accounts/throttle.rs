//! Slowing down who guesses, and nobody else.
//!
//! - from one network at one account: a few guesses, and then one after each of waits that double
//! - from one network, whoever is meant: many, and then they are refused. What one network is has
//!   two answers for IPv6: what one household gets, and wider, what one customer may get
//! - at one account, from wherever: nobody is refused for its sake, but the answers take longer
//!   with each failure, and come one at a time
//!
//! A device where the account's person has signed in before is counted by itself alone. So no
//! stranger keeps them out, from the same network or from everywhere.

mod buckets;
mod places;

pub use buckets::KEYS_MAX;

use crate::serve::home_of;
use app::account::AccountError;
use buckets::{Buckets, Doubling, Key};
use places::{Place, Places};
use sha2::{Digest as _, Sha256};
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// How many wrong guesses at one account may come from one network, or from one known device,
/// before there are waits.
pub const ATTEMPTS_BURST: u32 = 10;

/// How long it takes until one of them is forgotten.
const ATTEMPT_EVERY: Duration = Duration::from_secs(30 * 60);

/// The waits then: some twenty guesses in the first hour, and four in each that follows.
const ATTEMPT_WAITS: Doubling = Doubling {
    first: Duration::from_secs(60),
    longest: Duration::from_secs(15 * 60),
};

/// How many attempts may come at once from one network, whoever is meant. Many people may share
/// one.
pub const ADDRESS_BURST: u32 = 200;

/// How long it takes until one more is allowed.
const ADDRESS_EVERY: Duration = Duration::from_secs(1);

/// How many times as much as one IPv6 network the wider one may, of which it is a part.
const WIDE: u32 = 4;

/// How many wrong guesses at one account may come from everywhere before answers take a while.
pub const ACCOUNT_BURST: u32 = 20;

/// How long it takes until one of them is forgotten.
const ACCOUNT_EVERY: Duration = Duration::from_secs(5 * 60);

/// How long the answers then take: bearable for a person, long for a list of passwords, and less
/// than proxies wait for.
pub const SLOWED: Duration = Duration::from_secs(2);

/// How long they take at most, after some failures more.
pub const SLOWED_LONGEST: Duration = Duration::from_secs(50);

/// How many slowed answers may be under way for one account. With [`SLOWED_LONGEST`] some seventy
/// guesses in an hour are let through, however many strangers there are.
pub const ACCOUNT_PLACES: usize = 1;

/// How many slowed answers may be under way for one network.
pub const NETWORK_PLACES: usize = 16;

/// How many may sign up at once from one network. Each is told whether an address is taken, and
/// takes room for good. This very machine is not counted: nobody else is on it, and a proxy there
/// says for whom it asks.
pub const SIGN_UPS_BURST: u32 = 10;

/// How long it takes until one more may.
const SIGN_UP_EVERY: Duration = Duration::from_secs(60);

/// How many mails one address may be sent at once, whoever asks for them.
pub const MAILS_BURST: u32 = 3;

/// How long it takes until one more is sent. Less than a link is good for, so that who asks in
/// vain has one that is.
const MAIL_EVERY: Duration = Duration::from_secs(10 * 60);

/// The buckets.
#[derive(Debug)]
pub struct Throttle {
    pairs: Buckets,
    wide_pairs: Buckets,
    networks: Buckets,
    wide_networks: Buckets,
    accounts: Buckets,
    sign_ups: Buckets,
    wide_sign_ups: Buckets,
    mails: Buckets,
    slowed: Places,
}

impl Default for Throttle {
    fn default() -> Self {
        let pairs = |burst| Buckets::new(burst, ATTEMPT_EVERY).that_double(ATTEMPT_WAITS);
        Self {
            pairs: pairs(ATTEMPTS_BURST),
            wide_pairs: pairs(ATTEMPTS_BURST * WIDE),
            networks: Buckets::new(ADDRESS_BURST, ADDRESS_EVERY),
            wide_networks: Buckets::new(ADDRESS_BURST * WIDE, ADDRESS_EVERY / WIDE),
            accounts: Buckets::new(ACCOUNT_BURST, ACCOUNT_EVERY),
            sign_ups: Buckets::new(SIGN_UPS_BURST, SIGN_UP_EVERY),
            wide_sign_ups: Buckets::new(SIGN_UPS_BURST * WIDE, SIGN_UP_EVERY / WIDE),
            mails: Buckets::new(MAILS_BURST, MAIL_EVERY),
            slowed: Places::default(),
        }
    }
}

/// An attempt that was counted as a failure, which it is unless somebody says otherwise. Its
/// places are taken for as long as it is kept.
#[derive(Debug)]
#[must_use = "what was right is not counted as a guess"]
pub struct Attempt<'a> {
    throttle: &'a Throttle,
    pair: Key,
    wide_pair: Option<Key>,
    account: Option<Key>,
    _places: Option<(Place<'a>, Place<'a>)>,
}

impl Attempt<'_> {
    /// Takes back what was counted: whoever it was knew it.
    pub fn was_right(self) {
        self.throttle.pairs.forget(&self.pair);
        if let Some(wide) = &self.wide_pair {
            self.throttle.wide_pairs.put_back(wide);
        }
        if let Some(account) = &self.account {
            self.throttle.accounts.put_back(account);
        }
    }
}

impl Throttle {
    /// Counts an attempt at an account, and takes its time when there were many. A device where
    /// the account's person has signed in before says by which name it is known.
    ///
    /// # Errors
    /// There were too many, and when to come again; or others are at this account just now.
    pub async fn attempt(
        &self,
        email: &str,
        address: IpAddr,
        known: Option<&[u8]>,
    ) -> Result<Attempt<'_>, AccountError> {
        let (attempt, wait) = self.paced(email, address, known, Instant::now())?;
        tokio::time::sleep(wait).await;
        Ok(attempt)
    }

    /// Counts a request that is for no account yet.
    ///
    /// # Errors
    /// There were too many from this network; says when to come again.
    pub fn knock(&self, address: IpAddr) -> Result<(), AccountError> {
        self.knocked(address, Instant::now())
    }

    fn knocked(&self, address: IpAddr, now: Instant) -> Result<(), AccountError> {
        let networks = Networks::of(address);
        refused(self.networks.take(&networks.key(&[]), now))?;
        match networks.wide_key(&[]) {
            Some(wide) => refused(self.wide_networks.take(&wide, now)),
            None => Ok(()),
        }
    }

    /// Counts a request for a new account.
    ///
    /// # Errors
    /// There were too many from this network; says when to come again.
    pub fn sign_up(&self, address: IpAddr) -> Result<(), AccountError> {
        self.signed_up(address, Instant::now())
    }

    fn signed_up(&self, address: IpAddr, now: Instant) -> Result<(), AccountError> {
        self.knocked(address, now)?;
        if address.to_canonical().is_loopback() {
            return Ok(());
        }
        let networks = Networks::of(address);
        refused(self.sign_ups.take(&networks.key(&[]), now))?;
        match networks.wide_key(&[]) {
            Some(wide) => refused(self.wide_sign_ups.take(&wide, now)),
            None => Ok(()),
        }
    }

    /// Counts a mail to this address, and tells whether it may be sent.
    pub fn may_be_mailed(&self, email: &str) -> bool {
        let email = email.to_lowercase();
        self.mails
            .take(&key(&[email.as_bytes()]), Instant::now())
            .is_ok()
    }

    /// Counts an attempt, and tells how long its answer is to take.
    fn paced(
        &self,
        email: &str,
        address: IpAddr,
        known: Option<&[u8]>,
        now: Instant,
    ) -> Result<(Attempt<'_>, Duration), AccountError> {
        let email = email.to_lowercase();
        let email = email.as_bytes();
        if let Some(device) = known {
            let pair = key(&[b"device".as_slice(), email, device]);
            refused(self.pairs.take(&pair, now))?;
            let attempt = Attempt {
                throttle: self,
                pair,
                wide_pair: None,
                account: None,
                _places: None,
            };
            return Ok((attempt, Duration::ZERO));
        }
        self.knocked(address, now)?;
        let (networks, account) = (Networks::of(address), key(&[email]));
        // Before anything is counted, so that who finds no place has not guessed.
        let mut places = None;
        if self.accounts.is_empty(&account, now) {
            let here = self.slowed.take(account, ACCOUNT_PLACES);
            let there = self.slowed.take(networks.key(&[]), NETWORK_PLACES);
            places = Some(here.zip(there).ok_or(AccountError::Busy)?);
        }
        let (pair, wide_pair) = (networks.key(&[email]), networks.wide_key(&[email]));
        refused(self.pairs.take(&pair, now))?;
        if let Some(wide) = &wide_pair {
            refused(self.wide_pairs.take(wide, now))?;
        }
        let wait = match self.accounts.count(&account, now) {
            0 => Duration::ZERO,
            beyond => SLOWED_WAITS.wait(beyond - 1),
        };
        let attempt = Attempt {
            throttle: self,
            pair,
            wide_pair,
            account: Some(account),
            _places: places,
        };
        Ok((attempt, wait))
    }
}

const SLOWED_WAITS: Doubling = Doubling {
    first: SLOWED,
    longest: SLOWED_LONGEST,
};

/// Where a request is from, as it is counted.
struct Networks {
    /// An IPv4 address, or the half of an IPv6 one that one household gets.
    home: IpAddr,
    /// What one customer may get of IPv6, with 65,536 of these halves in it.
    wide: Option<IpAddr>,
}

impl Networks {
    fn of(address: IpAddr) -> Self {
        let home = home_of(address);
        let wide = match home {
            IpAddr::V6(home) => {
                let [a, b, c, ..] = home.segments();
                Some(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0).into())
            }
            IpAddr::V4(_) => None,
        };
        Self { home, wide }
    }

    fn key(&self, of: &[&[u8]]) -> Key {
        let home = self.home.to_string();
        let mut parts = vec![home.as_bytes()];
        parts.extend(of);
        key(&parts)
    }

    fn wide_key(&self, of: &[&[u8]]) -> Option<Key> {
        let wide = self.wide?.to_string();
        let mut parts = vec![b"wide".as_slice(), wide.as_bytes()];
        parts.extend(of);
        Some(key(&parts))
    }
}

fn refused(taken: Result<(), Duration>) -> Result<(), AccountError> {
    taken.map_err(|wait| AccountError::TooManyAttempts {
        retry_after_s: wait.as_secs().saturating_add(1),
    })
}

fn key(parts: &[&[u8]]) -> Key {
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
mod tests;
