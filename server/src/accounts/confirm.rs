//! Asking once more who it is, before what cannot be taken back or opens a way in.

use super::call::Visitor;
use crate::clock::now_ms;
use crate::store::users::User;
use app::account::AccountError;

/// For how long after a sign-in nobody is asked again.
const FRESH_MS: u64 = 10 * 60 * 1_000;

/// How exactly a session must be the person's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strictness {
    /// The password, if there is one; a fresh session otherwise.
    Password,
    /// The password, or a fresh session.
    Either,
}

/// The person of the session, if they have just shown that it is them: by their password, or by
/// having signed in a moment ago, as somebody does who has only a passkey.
pub(super) async fn confirmed(
    visitor: &Visitor,
    password: String,
    strictness: Strictness,
) -> Result<User, AccountError> {
    let signed = visitor.signed()?;
    let throttle = &visitor.shared.throttle;
    let user = visitor.user()?;
    let asked = match strictness {
        Strictness::Password => user.password_hash.is_some(),
        Strictness::Either => user.password_hash.is_some() && !password.is_empty(),
    };
    if asked {
        // The person has signed in here, whatever strangers do meanwhile.
        let known = Some(signed.session.as_slice());
        let attempt = throttle.attempt(&user.email, visitor.address, known);
        let attempt = attempt.await?;
        let hash = user.password_hash.clone();
        if !visitor.shared.passwords.check(password, hash).await? {
            return Err(AccountError::WrongCredentials);
        }
        attempt.was_right();
        return Ok(user);
    }
    throttle.knock(visitor.address)?;
    let devices = visitor.shared.store.devices(signed.user, now_ms()).await?;
    let here = devices.iter().find(|device| device.hash == signed.session);
    let here = here.ok_or(AccountError::NoSession)?;
    if now_ms().saturating_sub(here.signed_in_at_ms) < FRESH_MS {
        Ok(user)
    } else {
        Err(AccountError::ConfirmFirst)
    }
}
