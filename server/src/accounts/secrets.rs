//! Secrets that are told once and kept as hashes: what a mailed link carries, and the names of
//! challenges.

use crate::store::recovery::SecretHash;
use app::account::AccountError;
use sha2::{Digest as _, Sha256};
use sync::id::Id;

/// 256 random bits, as 44 signs that an address may carry.
///
/// # Errors
/// The system has no randomness to give.
pub(super) fn secret() -> Result<String, AccountError> {
    let mut random = [[0; 16]; 2];
    for half in &mut random {
        getrandom::fill(half).map_err(|error| {
            tracing::error!(%error, "randomness");
            AccountError::Internal
        })?;
    }
    let halves = random.map(|half| Id::from_u128(u128::from_be_bytes(half)).to_string());
    Ok(halves.concat())
}

/// What is kept of a secret. It has too many bits to be found by trying, so a plain hash will do.
pub(super) fn hash_of(secret: &str) -> SecretHash {
    Sha256::digest(secret).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_long_new_each_time_and_fit_for_an_address() {
        let (one, two) = (secret().expect("randomness"), secret().expect("randomness"));
        assert_ne!(one, two);
        assert_ne!(one[..22], one[22..]);
        assert_eq!(one.len(), 44);
        assert!(
            one.chars()
                .all(|sign| sign.is_ascii_alphanumeric() || "-_".contains(sign))
        );
    }
}
