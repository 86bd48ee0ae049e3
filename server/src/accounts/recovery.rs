//! Ways back in for who forgot a password: recovery codes, and links by mail.

use super::call::Visitor;
use super::confirm::{Strictness, confirmed};
use super::sign_in::{enter, poke};
use super::unbroken::unbroken;
use crate::store::recovery::SecretHash;
use app::account::{AccountError, check_password_length, checked_email};
use sha2::{Digest as _, Sha256};
use sync::local::Account;

/// How many codes a person gets at a time.
pub const CODES: usize = 10;

/// How many random bytes a code has: too many to guess, few enough to write down.
const CODE_BYTES: usize = 10;

/// What codes are written in: 32 signs without those that look like others.
const SIGNS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// New codes, instead of all earlier ones. Nobody can read them again. Where there is a password,
/// it is asked for however fresh the session is: a code outlives the session, and with it who once
/// held an open browser would have the account.
pub(super) async fn make_recovery_codes(
    visitor: Visitor,
    password: String,
) -> Result<Vec<String>, AccountError> {
    let user = confirmed(&visitor, password, Strictness::Password).await?;
    let mut codes = Vec::new();
    for _ in 0..CODES {
        let mut random = [0; CODE_BYTES];
        getrandom::fill(&mut random).map_err(|error| {
            tracing::error!(%error, "randomness");
            AccountError::Internal
        })?;
        codes.push(code_of(random));
    }
    let hashes: Vec<_> = codes.iter().map(|code| hash_of(code)).collect();
    let store = &visitor.shared.store;
    store.replace_recovery_codes(&user, &hashes).await?;
    tracing::info!("recovery codes were made");
    Ok(codes)
}

/// How many codes this person has left.
pub(super) async fn recovery_codes_left(visitor: Visitor) -> Result<u64, AccountError> {
    let user = visitor.signed()?.user;
    let left = visitor.shared.store.recovery_codes_left(user).await;
    Ok(left?)
}

/// Sets a new password by a code, takes passkeys away, ends all sessions and begins one. An unknown
/// address takes as long and answers the same as a wrong code.
pub(super) async fn recover(
    visitor: Visitor,
    email: String,
    code: String,
    new: String,
) -> Result<Account, AccountError> {
    let email = checked_email(&email)?.to_owned();
    check_password_length(&new)?;
    visitor.shared.passwords.must_be_hard(&new, &email).await?;
    let attempt = visitor.attempt(&email).await?;
    // Made before anything is looked up, so that its time says nothing.
    let hash = visitor.shared.passwords.hash(new).await?;
    let (shared, code) = (visitor.shared.clone(), hash_of(&code));
    let spent = unbroken(async move {
        let store = &shared.store;
        let spent = store.spend_recovery_code(&email, &code, &hash).await?;
        if let Some(user) = &spent {
            poke(&shared, user.id);
        }
        Ok(spent)
    });
    let user = spent.await?.ok_or(AccountError::WrongCode)?;
    attempt.was_right();
    tracing::info!("a recovery code was spent");
    enter(visitor, user).await
}

/// Sixteen signs in groups of four.
fn code_of(random: [u8; CODE_BYTES]) -> String {
    let mut bits = 0_u128;
    for byte in random {
        bits = bits << 8 | u128::from(byte);
    }
    let mut code = String::new();
    for place in 0..16 {
        if place > 0 && place % 4 == 0 {
            code.push('-');
        }
        let five = usize::try_from(bits >> (75 - 5 * place) & 31).unwrap_or_default();
        code.push(char::from(SIGNS[five]));
    }
    code
}

/// The hash of a code as somebody may type it: large letters, other signs between the groups,
/// and the letters that look like numbers are taken for what is meant.
fn hash_of(code: &str) -> SecretHash {
    let meant = code.chars().filter(char::is_ascii_alphanumeric);
    let meant = meant.map(|sign| match sign.to_ascii_lowercase() {
        'o' => '0',
        'i' | 'l' => '1',
        sign => sign,
    });
    Sha256::digest(meant.collect::<String>()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_eighty_bits_in_signs_that_cannot_be_mistaken() {
        assert_eq!(code_of([0; 10]), "0000-0000-0000-0000");
        assert_eq!(code_of([255; 10]), "zzzz-zzzz-zzzz-zzzz");
        assert_eq!(
            code_of([0, 0, 0, 0, 0, 0, 0, 0, 0, 33]),
            "0000-0000-0000-0011"
        );
    }

    #[test]
    fn a_code_is_known_however_it_is_typed() {
        let hash = hash_of("0123-abcd-1111-z0z0");
        assert_eq!(hash_of(" O123 ABCD iIlL ZOzo "), hash);
        assert_ne!(hash_of("0123-abcd-1111-z0z1"), hash);
    }
}
