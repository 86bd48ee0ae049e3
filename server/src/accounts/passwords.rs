//! Hashing passwords: Argon2id, off the async threads, a bounded number at a time.

use crate::error::{Error, StartError};
use app::account::AccountError;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;
use tokio::sync::Semaphore;
use zxcvbn::{Score, zxcvbn};

/// Memory one hash takes, in KiB. OWASP's least is 19 MiB with two passes; this is more than
/// three times that and takes about a tenth of a second.
const MEMORY_KIB: u32 = 64 * 1024;

/// Passes over that memory.
const PASSES: u32 = 2;

/// How many may wait for their turn to be hashed; who comes then is told to come again.
pub const QUEUE_MAX: usize = 32;

/// Hashes and checks passwords.
#[derive(Clone, Debug)]
pub struct Passwords {
    /// One place a core: a hash keeps one busy.
    running: Arc<Semaphore>,
    queued: Arc<Semaphore>,
    /// What the password of an unknown address is held against, so that it takes as long.
    nobodys_hash: Arc<str>,
}

impl Passwords {
    /// Makes ready to hash.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub fn new() -> Result<Self, StartError> {
        let nobodys_hash = hash("nobody has this password")
            .map_err(|error| StartError::System(error.to_string()))?;
        let cores = available_parallelism().map_or(1, NonZero::get);
        Ok(Self {
            running: Arc::new(Semaphore::new(cores)),
            queued: Arc::new(Semaphore::new(cores + QUEUE_MAX)),
            nobodys_hash: nobodys_hash.into(),
        })
    }

    /// The hash to keep.
    ///
    /// # Errors
    /// Too many wait, or the system has no randomness to give.
    pub async fn hash(&self, password: String) -> Result<String, AccountError> {
        let hashed = self.run(move || hash(&password)).await;
        hashed.map_err(|_| AccountError::Busy)?.map_err(|error| {
            tracing::error!(%error, "hashing");
            AccountError::Internal
        })
    }

    /// Whether this is the password of that hash; `None` is the hash of an unknown address,
    /// which no password has.
    ///
    /// # Errors
    /// Too many wait.
    pub async fn check(&self, password: String, hash: Option<String>) -> Result<bool, Error> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobodys_hash.to_string());
        let fits = self.run(move || verify(&password, &hash)).await?;
        Ok(known && fits)
    }

    /// Refuses a password of good length that is guessed within a hundred million tries. Looked at
    /// in turn with the hashes: on some texts it takes a while.
    ///
    /// # Errors
    /// [`AccountError::WeakPassword`], or too many wait.
    pub async fn must_be_hard(&self, password: &str, email: &str) -> Result<(), AccountError> {
        let (password, email) = (password.to_owned(), email.to_lowercase());
        let score = self.run(move || score(&password, &email)).await;
        let is_hard = score.map_err(|_| AccountError::Busy)? >= Score::Three;
        is_hard.then_some(()).ok_or(AccountError::WeakPassword)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let queued = Arc::clone(&self.queued)
            .try_acquire_owned()
            .map_err(|_| Error::Busy)?;
        let turn = Arc::clone(&self.running)
            .acquire_owned()
            .await
            .map_err(|_| Error::Busy)?;
        let work = move || {
            // Held by the work and not by its caller, who may hang up while it goes on.
            let _held = (queued, turn);
            work()
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|_| Error::Internal("a hash that panicked"))
    }
}

fn argon2() -> Result<Argon2<'static>, argon2::password_hash::Error> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &str) -> Result<String, argon2::password_hash::Error> {
    Ok(argon2()?.hash_password(password.as_bytes())?.to_string())
}

/// The parameters are the hash's own, so older hashes go on being read.
fn verify(password: &str, hash: &str) -> bool {
    let hash = PasswordHash::new(hash);
    hash.is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.as_bytes(), &hash)
            .is_ok()
    })
}

/// Whether a hash was made with the parameters of today.
pub(crate) fn is_of_today(hash: &str) -> bool {
    let today = format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p=1$");
    hash.starts_with(&today)
}

/// How hard a password is to guess, as guessers go about it: lists of leaked ones, words and names
/// in any order, keyboards, dates, numbers in a row, and the address itself.
fn score(password: &str, email: &str) -> Score {
    let parts = email.split(['@', '.']).filter(|part| !part.is_empty());
    let known: Vec<_> = parts.chain([email]).chain(KNOWN_HERE).collect();
    zxcvbn(password, &known).score()
}

/// What lists do not have, and everybody knows who thinks of a password here.
const KNOWN_HERE: [&str; 3] = ["daybook", "journal", "correcthorsebatterystaple"];

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_guessed_early_is_refused_and_a_short_sentence_is_good() {
        let passwords = Passwords::new().expect("randomness");
        for (known, email) in [
            ("Password1234", "ann@example.org"),
            ("aaaaaaaaaaaa", "ann@example.org"),
            ("ann@example.org", "ann@example.org"),
            ("Ann@Example.org", "ann@example.org"),
            ("annannannann1234", "annannannann@x"),
            ("1qaz2wsx3edc", ""),
            ("correcthorsebatterystaple", ""),
            ("iloveyouforever", ""),
            ("daybookjournal", ""),
            // In no short list, and tried early all the same.
            ("P@ssw0rd123456", ""),
            ("zxcvbnm,./asdf", ""),
            ("123454321234", ""),
            ("liverpool1892", ""),
            ("sunshine2024!", ""),
            ("qwertyqwerty12", ""),
            ("abcabcabcabc", ""),
        ] {
            let checked = passwords.must_be_hard(known, email).await;
            assert_eq!(checked, Err(AccountError::WeakPassword), "{known}");
        }
        for good in [
            "rain on the tin roof",
            "annotations of a kind",
            "snow on the slate roof",
            "vK7.qLm2-xT9z",
            "a quiet page for every day",
        ] {
            let checked = passwords.must_be_hard(good, "ann@example.org").await;
            assert_eq!(checked, Ok(()), "{good}");
        }
        let long = "l3tm31n".repeat(18);
        let begun = std::time::Instant::now();
        let _ = passwords.must_be_hard(&long, "").await;
        assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn a_hash_fits_its_password_and_nobodys_fits_none() {
        let passwords = Passwords::new().expect("randomness");
        let hash = passwords
            .hash("rain on the roof".into())
            .await
            .expect("a hash");
        assert!(
            hash.starts_with("$argon2id$v=19$m=65536,t=2,p=1$"),
            "{hash}"
        );
        let check = |password: &str, hash: Option<&String>| {
            let (password, hash) = (password.to_owned(), hash.cloned());
            let passwords = passwords.clone();
            async move { passwords.check(password, hash).await.expect("a turn") }
        };
        assert!(check("rain on the roof", Some(&hash)).await);
        assert!(!check("rain on the Roof", Some(&hash)).await);
        assert!(!check("nobody has this password", None).await);
    }

    #[tokio::test]
    async fn when_the_queue_is_full_the_next_is_told_to_come_again() {
        let passwords = Passwords::new().expect("randomness");
        let places = passwords.queued.available_permits();
        let all = passwords
            .queued
            .acquire_many(u32::try_from(places).expect("few"))
            .await;
        let refused = passwords.hash("rain on the roof".into()).await;
        assert_eq!(refused, Err(AccountError::Busy));
        drop(all);
    }
}
