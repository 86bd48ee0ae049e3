//! Passkeys: adding and removing them, and coming in by one.
//!
//! What a passkey signs is checked by `webauthn-rs`. Challenges are kept here and not with the
//! page, so that each is answered once.

use super::call::Visitor;
use super::confirm::{Strictness, confirmed};
use super::secrets::{hash_of, secret};
use super::sign_in::enter;
use crate::clock::{new_id, now_ms};
use crate::error::StartError;
use crate::store::passkeys::{PasskeyAdded, PasskeyRemoved, StoredPasskey};
use crate::store::users::User;
use app::account::{AccountError, Challenge, OtherWays, Passkey, checked_email};
use serde_json::json;
use sync::id::Id;
use sync::local::Account;
use webauthn_rs::prelude::{
    CreationChallengeResponse, CredentialID, DiscoverableAuthentication, PasskeyRegistration,
    PublicKeyCredential, RegisterPublicKeyCredential, Url, Uuid, WebauthnError,
};
use webauthn_rs::{Webauthn, WebauthnBuilder};

const TO_ADD: &str = "add";
const TO_SIGN_IN: &str = "sign_in";
const TO_SIGN_UP: &str = "sign_up";

/// What checks passkeys for the site at this address; nothing where it is a number, for passkeys
/// are bound to a host's name.
///
/// # Errors
/// The address is none that passkeys can be bound to.
pub(crate) fn relying_party(public_url: &str) -> Result<Option<Webauthn>, StartError> {
    let bad = |reason: String| StartError::PublicUrl {
        url: public_url.to_owned(),
        reason,
    };
    let url = Url::parse(public_url).map_err(|error| bad(error.to_string()))?;
    let Some(host) = url.domain() else {
        let number = url.has_host().then_some(None);
        return number.ok_or_else(|| bad("it has no host name".to_owned()));
    };
    let party = WebauthnBuilder::new(host, &url).map(|builder| builder.rp_name("Daybook"));
    party
        .and_then(WebauthnBuilder::build)
        .map(Some)
        .map_err(|error| bad(error.to_string()))
}

/// Which ways in there are.
pub(super) async fn ways_in(visitor: Visitor) -> Result<OtherWays, AccountError> {
    Ok(OtherWays {
        passkeys: visitor.shared.passkeys.is_some(),
        mail: visitor.shared.letters.is_some(),
    })
}

/// The passkeys of this person.
pub(super) async fn passkeys(visitor: Visitor) -> Result<Vec<Passkey>, AccountError> {
    let user = visitor.signed()?.user;
    let kept = visitor.shared.store.passkeys(user).await?;
    Ok(kept.into_iter().map(shown).collect())
}

/// Begins to add a passkey.
pub(super) async fn begin_passkey(
    visitor: Visitor,
    password: String,
) -> Result<Challenge, AccountError> {
    let user = confirmed(&visitor, password, Strictness::Either).await?;
    let kept = visitor.shared.store.passkeys(user.id).await?;
    let has = kept
        .iter()
        .filter_map(|kept| Some(read(kept)?.cred_id().clone()));
    let (options, state) = begin(&visitor, user.id, &user.email, has.collect())?;
    let state = json!({ "registration": state });
    challenge(&visitor, TO_ADD, Some(user.id), &options, &state).await
}

/// Adds the passkey that was made.
pub(super) async fn add_passkey(
    visitor: Visitor,
    challenge: String,
    credential: String,
) -> Result<Passkey, AccountError> {
    let user = visitor.user()?;
    let state = answered(&visitor, &challenge, TO_ADD, Some(user.id)).await?;
    let passkey = registered(&visitor, &state, &credential)?;
    match visitor.shared.store.add_passkey(&user, &passkey).await? {
        PasskeyAdded::Yes => {}
        PasskeyAdded::Taken => return Err(AccountError::PasskeyRefused),
        PasskeyAdded::TooMany => return Err(AccountError::TooManyPasskeys),
    }
    tracing::info!("a passkey was added");
    Ok(shown(passkey))
}

/// Takes a passkey away.
pub(super) async fn remove_passkey(
    visitor: Visitor,
    passkey: Id,
    password: String,
) -> Result<(), AccountError> {
    let user = confirmed(&visitor, password, Strictness::Either).await?;
    match visitor.shared.store.remove_passkey(&user, passkey).await? {
        PasskeyRemoved::Yes => {
            tracing::info!("a passkey was removed");
            Ok(())
        }
        PasskeyRemoved::Unknown => Err(AccountError::Unknown),
        PasskeyRemoved::LastWayIn => Err(AccountError::LastWayIn),
    }
}

/// Begins to sign in, whoever it is.
pub(super) async fn begin_passkey_sign_in(visitor: Visitor) -> Result<Challenge, AccountError> {
    visitor.shared.throttle.knock(visitor.address)?;
    let begun = party(&visitor)?.start_discoverable_authentication();
    let (mut options, state) = begun.map_err(|error| inside(&error))?;
    // Whether it waits in a field or behind a button is the page's to say.
    options.mediation = None;
    let options = json!(options.public_key).to_string();
    let state = json!({ "authentication": state });
    challenge(&visitor, TO_SIGN_IN, None, &options, &state).await
}

/// Signs in by the passkey that answered. One that is unknown is refused like a wrong answer.
pub(super) async fn sign_in_with_passkey(
    visitor: Visitor,
    challenge: String,
    credential: String,
) -> Result<Account, AccountError> {
    let state = answered(&visitor, &challenge, TO_SIGN_IN, None).await?;
    let state: DiscoverableAuthentication = part(&state, "authentication")?;
    let answer: PublicKeyCredential =
        serde_json::from_str(&credential).map_err(|_| AccountError::BadRequest)?;
    let party = party(&visitor)?;
    let named = party.identify_discoverable_authentication(&answer);
    let (user, credential_id) = named.map_err(|error| refused(&error))?;
    let user = Id::from_u128(user.as_u128());
    let store = &visitor.shared.store;
    let kept = store.passkeys(user).await?;
    let mut known = kept.iter().filter_map(|kept| Some((kept, read(kept)?)));
    let found = known.find(|(_, passkey)| passkey.cred_id().as_slice() == credential_id);
    let (kept, mut passkey) = found.ok_or(AccountError::PasskeyRefused)?;
    let checked = party.finish_discoverable_authentication_v2(&answer, state, &passkey);
    let checked = checked.map_err(|error| refused(&error))?;
    passkey.update_credential(&checked);
    let credential = json!(passkey).to_string();
    let used = store.use_passkey(user, kept, &credential, now_ms()).await?;
    enter(visitor, used.ok_or(AccountError::PasskeyRefused)?).await
}

/// Begins an account with a passkey and no password. Whether the address is taken is told at the
/// end, to who has made a passkey for it.
pub(super) async fn begin_passkey_sign_up(
    visitor: Visitor,
    email: String,
) -> Result<Challenge, AccountError> {
    let email = checked_email(&email)?;
    visitor.shared.throttle.sign_up(visitor.address)?;
    let id = new_id().ok_or(AccountError::Internal)?;
    let (options, state) = begin(&visitor, id, email, Vec::new())?;
    let state = json!({ "registration": state, "id": id, "email": email });
    challenge(&visitor, TO_SIGN_UP, None, &options, &state).await
}

/// Makes the account with the passkey that was made.
pub(super) async fn sign_up_with_passkey(
    visitor: Visitor,
    challenge: String,
    credential: String,
) -> Result<Account, AccountError> {
    let state = answered(&visitor, &challenge, TO_SIGN_UP, None).await?;
    let passkey = registered(&visitor, &state, &credential)?;
    let user = User {
        id: part(&state, "id")?,
        email: part(&state, "email")?,
        password_hash: None,
        generation: User::FIRST_GENERATION,
    };
    let store = &visitor.shared.store;
    let added = store
        .add_user_with_passkey(&user, &passkey, now_ms())
        .await?;
    if added != PasskeyAdded::Yes {
        return Err(AccountError::EmailTaken);
    }
    tracing::info!("an account was made");
    enter(visitor, user).await
}

fn party(visitor: &Visitor) -> Result<&Webauthn, AccountError> {
    visitor
        .shared
        .passkeys
        .as_ref()
        .ok_or(AccountError::PasskeysOff)
}

/// Options for making a passkey that its device can name by itself.
fn begin(
    visitor: &Visitor,
    user: Id,
    email: &str,
    has: Vec<CredentialID>,
) -> Result<(String, PasskeyRegistration), AccountError> {
    let handle = Uuid::from_u128(user.number());
    let begun = party(visitor)?.start_passkey_registration(handle, email, email, Some(has));
    let (options, state) = begun.map_err(|error| inside(&error))?;
    let mut options: CreationChallengeResponse = options;
    if let Some(selection) = &mut options.public_key.authenticator_selection {
        let wanted = serde_json::from_value(json!("required"));
        selection.resident_key = wanted.ok();
        selection.require_resident_key = true;
    }
    Ok((json!(options.public_key).to_string(), state))
}

async fn challenge(
    visitor: &Visitor,
    purpose: &str,
    user: Option<Id>,
    options: &str,
    state: &serde_json::Value,
) -> Result<Challenge, AccountError> {
    let name = secret()?;
    let (hash, state) = (hash_of(&name), state.to_string());
    let store = &visitor.shared.store;
    let kept = store.add_challenge(&hash, purpose, user, &state, now_ms());
    kept.await?;
    Ok(Challenge {
        name,
        options: options.to_owned(),
    })
}

/// The state of a challenge that is being answered; it cannot be answered again.
async fn answered(
    visitor: &Visitor,
    name: &str,
    purpose: &str,
    user: Option<Id>,
) -> Result<serde_json::Value, AccountError> {
    party(visitor)?;
    visitor.shared.throttle.knock(visitor.address)?;
    let store = &visitor.shared.store;
    let name = hash_of(name);
    let taken = store.take_challenge(&name, purpose, user, now_ms()).await?;
    let state = taken.ok_or(AccountError::PasskeyRefused)?;
    serde_json::from_str(&state).map_err(|_| AccountError::Internal)
}

/// The passkey that answers the challenge, ready to be kept.
fn registered(
    visitor: &Visitor,
    state: &serde_json::Value,
    credential: &str,
) -> Result<StoredPasskey, AccountError> {
    let state: PasskeyRegistration = part(state, "registration")?;
    let answer: RegisterPublicKeyCredential =
        serde_json::from_str(credential).map_err(|_| AccountError::BadRequest)?;
    let passkey = party(visitor)?.finish_passkey_registration(&answer, &state);
    let passkey = passkey.map_err(|error| refused(&error))?;
    let credential_id = passkey.cred_id().iter();
    Ok(StoredPasskey {
        id: new_id().ok_or(AccountError::Internal)?,
        credential_id: credential_id.map(|byte| format!("{byte:02x}")).collect(),
        credential: json!(passkey).to_string(),
        name: visitor.device.clone(),
        made_at_ms: now_ms(),
        used_at_ms: None,
    })
}

fn part<T: serde::de::DeserializeOwned>(
    state: &serde_json::Value,
    name: &str,
) -> Result<T, AccountError> {
    let part = state.get(name).cloned().unwrap_or_default();
    serde_json::from_value(part).map_err(|error| {
        tracing::error!(%error, name, "a challenge's state");
        AccountError::Internal
    })
}

/// A passkey as the library has it; nothing for one that an incompatible version kept.
fn read(kept: &StoredPasskey) -> Option<webauthn_rs::prelude::Passkey> {
    let passkey = serde_json::from_str(&kept.credential);
    passkey
        .inspect_err(|error| tracing::error!(%error, "a passkey that cannot be read"))
        .ok()
}

fn shown(kept: StoredPasskey) -> Passkey {
    Passkey {
        id: kept.id,
        name: kept.name,
        made_at_ms: kept.made_at_ms,
        used_at_ms: kept.used_at_ms,
    }
}

fn refused(error: &WebauthnError) -> AccountError {
    tracing::info!(%error, "a passkey was refused");
    AccountError::PasskeyRefused
}

fn inside(error: &WebauthnError) -> AccountError {
    tracing::error!(%error, "passkeys");
    AccountError::Internal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passkeys_are_bound_to_a_host_name_by_https_or_on_this_machine() {
        for good in ["https://daybook.example.org", "http://localhost:3000"] {
            assert!(
                relying_party(good).is_ok_and(|party| party.is_some()),
                "{good}"
            );
        }
        for number in [
            "https://192.0.2.1",
            "http://127.0.0.1:3000",
            "https://[::1]",
        ] {
            assert!(
                relying_party(number).is_ok_and(|party| party.is_none()),
                "{number}"
            );
        }
        for bad in ["daybook.example.org", "nonsense", ""] {
            let error = relying_party(bad).err().map(|error| error.to_string());
            assert!(
                error.is_some_and(|words| words.contains("DAYBOOK_PUBLIC_URL")),
                "{bad}"
            );
        }
    }
}
