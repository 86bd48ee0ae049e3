//! Knowing a device again where somebody has signed in, so that strangers' guesses at their
//! account are not counted against them.
//!
//! The device keeps a cookie of a random name and a signature over it. The key of the signature is
//! the hash of the account's password, which nobody sees who does not see the database: so nothing
//! is to be kept here, every node knows the device, and a new password knows none of before. The
//! cookie opens nothing. It says whose guesses these are.

use super::secrets::secret;
use crate::store::users::User;
use app::account::AccountError;
use axum::http::{HeaderMap, HeaderValue};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use std::fmt::Write as _;

/// The cookie's name; see [`super::sessions::COOKIE`].
pub const COOKIE: &str = "__Host-daybook_known";

/// The cookie's name without https.
pub const PLAIN_COOKIE: &str = "daybook_known";

/// For how long a browser keeps it: as long as browsers keep any.
const COOKIE_DAYS: u32 = 400;

const fn cookie_name(secure: bool) -> &'static str {
    if secure { COOKIE } else { PLAIN_COOKIE }
}

/// What the device of a request says that it is.
pub(super) fn shown(headers: &HeaderMap, secure: bool) -> Option<String> {
    super::sessions::cookie(headers, cookie_name(secure))
}

/// The name of a device where this person has signed in, if that is what was shown.
pub(super) fn name_of<'a>(shown: &'a str, user: &User) -> Option<&'a str> {
    let (name, signature) = shown.split_once('.')?;
    let signature = from_hex(signature)?;
    signed(name, user)?.verify_slice(&signature).ok()?;
    Some(name)
}

/// What a device is to keep where this person has just signed in; nothing for who has no password
/// that could be guessed.
pub(super) fn cookie_of(user: &User, secure: bool) -> Result<Option<HeaderValue>, AccountError> {
    let name = secret()?;
    let Some(signature) = signed(&name, user) else {
        return Ok(None);
    };
    let mut cookie = format!("{}={name}.", cookie_name(secure));
    for byte in signature.finalize().into_bytes() {
        // Writing into a text does not fail.
        let _ = write!(cookie, "{byte:02x}");
    }
    let max_age_s = COOKIE_DAYS * 24 * 60 * 60;
    let _ = write!(
        cookie,
        "; HttpOnly; SameSite=Strict; Path=/; Max-Age={max_age_s}"
    );
    if secure {
        cookie.push_str("; Secure");
    }
    let value = HeaderValue::from_str(&cookie);
    value.map(Some).map_err(|_| AccountError::Internal)
}

fn signed(name: &str, user: &User) -> Option<Hmac<Sha256>> {
    let key = user.password_hash.as_ref()?;
    let mut signature = Hmac::<Sha256>::new_from_slice(key.as_bytes()).ok()?;
    signature.update(user.id.to_string().as_bytes());
    signature.update(name.as_bytes());
    Some(signature)
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    let digits = digits.map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok());
    digits.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sync::id::Id;

    fn user(number: u128, password_hash: &str) -> User {
        User {
            id: Id::from_u128(number),
            email: "ann@example.org".to_owned(),
            password_hash: Some(password_hash.to_owned()).filter(|hash| !hash.is_empty()),
            generation: User::FIRST_GENERATION,
        }
    }

    #[test]
    fn a_device_is_known_to_its_person_until_the_password_is_another() {
        let ann = user(1, "$argon2id$one");
        let cookie = cookie_of(&ann, true)
            .expect("randomness")
            .expect("a cookie");
        let cookie = cookie.to_str().expect("text");
        for part in [COOKIE, "HttpOnly", "SameSite=Strict", "Path=/", "Secure"] {
            assert!(cookie.contains(part), "{part}: {cookie}");
        }
        let shown = cookie.split(['=', ';']).nth(1).expect("a value");
        let name = name_of(shown, &ann).expect("known");
        assert_eq!(name.len(), 44);
        for other in [
            user(2, "$argon2id$one"),
            user(1, "$argon2id$two"),
            user(1, ""),
        ] {
            assert_eq!(name_of(shown, &other), None);
        }
        let signature = &shown[45..];
        for forged in [
            format!("{}.{signature}", name.to_uppercase()),
            format!("{name}.{}", "0".repeat(64)),
            format!("{name}."),
            format!("{name}.ü"),
            name.to_owned(),
            String::new(),
        ] {
            assert_eq!(name_of(&forged, &ann), None, "{forged}");
        }
    }

    #[test]
    fn who_has_no_password_keeps_nothing() {
        assert_eq!(cookie_of(&user(1, ""), true), Ok(None));
    }
}
