//! Passkeys, with a device in software that holds one.

use crate::world::{PASSWORD, Visitor, World};
use app::account::{Challenge, Passkey as Listed};
use passkey::authenticator::{Authenticator, UiHint, UserCheck, UserValidationMethod};
use passkey::client::{Client, DefaultClientData};
use passkey::crypto::rust_crypto::RustCryptoBackend;
use passkey::types::Passkey;
use passkey::types::ctap2::{Aaguid, Ctap2Error};
use passkey::types::encoding::base64url;
use passkey::types::webauthn::{CredentialCreationOptions, CredentialRequestOptions};
use serde::Serialize;
use serde_json::Value as Json;
use server::store::passkeys::{PASSKEYS_MAX, PasskeyAdded, PasskeyRemoved, StoredPasskey};
use server::store::users::User;
use sync::id::Id;
use webauthn_rs::prelude::Url;

/// A person who always puts their finger on it.
struct Finger;

#[async_trait::async_trait]
impl UserValidationMethod for Finger {
    type PasskeyItem = Passkey;

    async fn check_user<'a>(
        &self,
        _: UiHint<'a, Passkey>,
        presence: bool,
        verification: bool,
    ) -> Result<UserCheck, Ctap2Error> {
        Ok(UserCheck {
            presence,
            verification,
        })
    }

    fn is_presence_enabled(&self) -> bool {
        true
    }

    fn is_verification_enabled(&self) -> Option<bool> {
        Some(true)
    }
}

/// A device that holds one passkey.
#[derive(Clone)]
pub(crate) struct Key {
    held: Option<Passkey>,
    site: Url,
}

impl Key {
    pub(crate) fn of(world: &World) -> Self {
        Self::on(&format!("http://localhost:{}", world.server.address.port()))
    }

    pub(crate) fn on(site: &str) -> Self {
        Self {
            held: None,
            site: site.parse().expect("a site"),
        }
    }

    fn authenticator(&self) -> Authenticator<Option<Passkey>, Finger, RustCryptoBackend> {
        let aaguid = Aaguid::new_empty();
        let mut device = Authenticator::new(aaguid, self.held.clone(), Finger, RustCryptoBackend);
        device.set_make_credentials_with_signature_counter(true);
        device
    }

    /// Makes a passkey; the answer as a page sends it.
    pub(crate) async fn make(&mut self, options: &str) -> String {
        let public_key = serde_json::from_str(options).expect("options");
        let mut client = Client::new(self.authenticator()).allows_insecure_localhost(true);
        let options = CredentialCreationOptions { public_key };
        let made = client
            .register(&self.site, options, DefaultClientData)
            .await;
        let made = as_page_sends(&made.expect("a passkey"));
        self.held = client.authenticator().store().clone();
        made
    }

    /// Signs a challenge with it.
    pub(crate) async fn sign(&mut self, options: &str) -> String {
        let public_key = serde_json::from_str(options).expect("options");
        let mut client = Client::new(self.authenticator()).allows_insecure_localhost(true);
        let options = CredentialRequestOptions { public_key };
        let signed = client
            .authenticate(&self.site, options, DefaultClientData)
            .await;
        let signed = as_page_sends(&signed.expect("a signature"));
        self.held = client.authenticator().store().clone();
        signed
    }
}

/// Browsers write bytes as base64url.
fn as_page_sends(credential: &impl Serialize) -> String {
    fn written(value: Json) -> Json {
        match value {
            Json::Array(items) => {
                let bytes: Option<Vec<u8>> = items
                    .iter()
                    .map(|item| u8::try_from(item.as_u64()?).ok())
                    .collect();
                match bytes.filter(|bytes| !bytes.is_empty()) {
                    Some(bytes) => base64url(&bytes).into(),
                    None => items.into_iter().map(written).collect(),
                }
            }
            Json::Object(fields) => {
                let fields = fields.into_iter();
                fields.map(|(name, value)| (name, written(value))).collect()
            }
            other => other,
        }
    }
    written(serde_json::to_value(credential).expect("JSON")).to_string()
}

pub(crate) async fn begin(visitor: &Visitor, function: &str, pairs: &[(&str, &str)]) -> Challenge {
    let (status, body) = visitor.call(function, pairs).await;
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).expect("a challenge")
}

pub(crate) async fn answer(
    visitor: &Visitor,
    function: &str,
    challenge: &Challenge,
    credential: &str,
) -> (u16, String) {
    let pairs = [
        ("challenge", challenge.name.as_str()),
        ("credential", credential),
    ];
    visitor.call(function, &pairs).await
}

/// Adds a passkey to a person's account and gives the device that holds it.
async fn with_passkey(world: &World, visitor: &Visitor) -> Key {
    with_key(visitor, Key::of(world)).await
}

/// Adds a passkey that this device makes to a person's account.
pub(crate) async fn with_key(visitor: &Visitor, mut key: Key) -> Key {
    let challenge = begin(visitor, "begin_passkey", &[("password", "")]).await;
    let made = key.make(&challenge.options).await;
    let (status, body) = answer(visitor, "add_passkey", &challenge, &made).await;
    assert_eq!(status, 200, "{body}");
    key
}

pub(crate) async fn sign_in(visitor: &Visitor, key: &mut Key) -> (u16, String) {
    let challenge = begin(visitor, "begin_passkey_sign_in", &[]).await;
    let signed = key.sign(&challenge.options).await;
    answer(visitor, "sign_in_with_passkey", &challenge, &signed).await
}

pub(crate) async fn passkeys(visitor: &Visitor) -> Vec<Listed> {
    let (status, body) = visitor.call("passkeys", &[]).await;
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).expect("passkeys")
}

fn check(answer: &(u16, String), status: u16, code: &str) {
    let has = answer.1.contains(&format!("\"code\":\"{code}\""));
    assert_eq!((answer.0, has), (status, true), "{}", answer.1);
}

#[tokio::test]
async fn a_passkey_is_added_signs_in_without_an_address_and_is_removed() {
    let world = World::open().await;
    let (ann, account) = world.person("ann").await;
    world.person("bob").await;
    let mut key = with_passkey(&world, &ann).await;
    let listed = passkeys(&ann).await;
    assert_eq!((listed.len(), listed[0].used_at_ms), (1, None));
    let phone = world.visitor();
    for _ in 0..2 {
        assert_eq!(sign_in(&phone, &mut key).await.0, 200);
        assert_eq!(phone.who_am_i().await, Some(account.clone()));
    }
    assert!(passkeys(&phone).await[0].used_at_ms.is_some());
    let id = listed[0].id.to_string();
    let remove = [("passkey", id.as_str()), ("password", PASSWORD)];
    assert_eq!(ann.call("remove_passkey", &remove).await.0, 200);
    check(&ann.call("remove_passkey", &remove).await, 404, "unknown");
    check(
        &sign_in(&world.visitor(), &mut key).await,
        401,
        "passkey_refused",
    );
    assert!(passkeys(&ann).await.is_empty());
}

#[tokio::test]
async fn an_account_may_have_a_passkey_and_no_password() {
    let world = World::open().await;
    let ann = world.visitor();
    let mut key = Key::of(&world);
    let email = [("email", "ann@example.org")];
    let challenge = begin(&ann, "begin_passkey_sign_up", &email).await;
    assert!(challenge.options.contains("\"residentKey\":\"required\""));
    assert!(
        challenge
            .options
            .contains("\"userVerification\":\"required\"")
    );
    let made = key.make(&challenge.options).await;
    let (status, body) = answer(&ann, "sign_up_with_passkey", &challenge, &made).await;
    assert_eq!(status, 200, "{body}");
    let account = ann.who_am_i().await.expect("signed in");
    assert_eq!(account.email, "ann@example.org");
    let phone = world.visitor();
    assert_eq!(sign_in(&phone, &mut key).await.0, 200);
    assert_eq!(phone.who_am_i().await, Some(account));
    // No password is the right one, not even none.
    for password in ["", PASSWORD] {
        let refused = world.visitor().sign_in("ann@example.org", password).await;
        check(&refused, 401, "wrong_credentials");
    }
    let id = passkeys(&ann).await[0].id.to_string();
    let remove = [("passkey", id.as_str()), ("password", "")];
    check(
        &ann.call("remove_passkey", &remove).await,
        409,
        "last_way_in",
    );
    assert_eq!(passkeys(&ann).await.len(), 1);
    // With a password it is one of two ways in.
    let set = [("present", ""), ("new", PASSWORD)];
    assert_eq!(ann.call("change_password", &set).await.0, 200);
    assert_eq!(
        world.visitor().sign_in("ann@example.org", PASSWORD).await.0,
        200
    );
    assert_eq!(ann.call("remove_passkey", &remove).await.0, 200);
    // The address is taken now, for a passkey too.
    let challenge = begin(&phone, "begin_passkey_sign_up", &email).await;
    let made = Key::of(&world).make(&challenge.options).await;
    let refused = answer(&phone, "sign_up_with_passkey", &challenge, &made).await;
    check(&refused, 409, "email_taken");
}

#[tokio::test]
async fn who_has_no_password_erases_the_account_after_a_fresh_sign_in() {
    let world = World::open().await;
    let ann = world.visitor();
    let mut key = Key::of(&world);
    let email = [("email", "ann@example.org")];
    let challenge = begin(&ann, "begin_passkey_sign_up", &email).await;
    let made = key.make(&challenge.options).await;
    assert_eq!(
        answer(&ann, "sign_up_with_passkey", &challenge, &made)
            .await
            .0,
        200
    );
    world
        .execute("UPDATE sessions SET created_at_ms = created_at_ms - 660000")
        .await;
    let erase = [("password", "")];
    check(
        &ann.call("erase_account", &erase).await,
        403,
        "confirm_first",
    );
    assert_eq!(sign_in(&ann, &mut key).await.0, 200);
    assert_eq!(ann.call("erase_account", &erase).await.0, 200);
    check(
        &sign_in(&world.visitor(), &mut key).await,
        401,
        "passkey_refused",
    );
}

#[tokio::test]
async fn a_challenge_is_answered_once_in_time_for_its_purpose_and_by_its_person() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let (bob, _) = world.person("bob").await;
    let mut key = with_passkey(&world, &ann).await;
    let visitor = world.visitor();

    let challenge = begin(&visitor, "begin_passkey_sign_in", &[]).await;
    let signed = key.sign(&challenge.options).await;
    assert_eq!(
        answer(&visitor, "sign_in_with_passkey", &challenge, &signed)
            .await
            .0,
        200
    );
    let again = answer(
        &world.visitor(),
        "sign_in_with_passkey",
        &challenge,
        &signed,
    )
    .await;
    check(&again, 401, "passkey_refused");

    let challenge = begin(&visitor, "begin_passkey_sign_in", &[]).await;
    let other = begin(&visitor, "begin_passkey_sign_in", &[]).await;
    let signed = key.sign(&challenge.options).await;
    let refused = answer(&visitor, "sign_in_with_passkey", &other, &signed).await;
    check(&refused, 401, "passkey_refused");

    world
        .execute("UPDATE challenges SET made_at_ms = made_at_ms - 300000")
        .await;
    let late = answer(&visitor, "sign_in_with_passkey", &challenge, &signed).await;
    check(&late, 401, "passkey_refused");

    let challenge = begin(&ann, "begin_passkey", &[("password", "")]).await;
    let made = Key::of(&world).make(&challenge.options).await;
    let other = begin(&visitor, "begin_passkey_sign_in", &[]).await;
    let refused = answer(&visitor, "sign_up_with_passkey", &other, &made).await;
    check(&refused, 401, "passkey_refused");
    for (who, function) in [(&bob, "add_passkey"), (&bob, "sign_up_with_passkey")] {
        check(
            &answer(who, function, &challenge, &made).await,
            401,
            "passkey_refused",
        );
    }
    assert!(passkeys(&bob).await.is_empty());
    assert_eq!(answer(&ann, "add_passkey", &challenge, &made).await.0, 200);
}

#[tokio::test]
async fn another_site_a_changed_answer_and_a_copied_key_are_refused() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let mut key = with_passkey(&world, &ann).await;
    let visitor = world.visitor();

    let challenge = begin(&visitor, "begin_passkey_sign_in", &[]).await;
    let mut elsewhere = Key {
        site: "http://localhost:1".parse().expect("a site"),
        ..key.clone()
    };
    let signed = elsewhere.sign(&challenge.options).await;
    let refused = answer(&visitor, "sign_in_with_passkey", &challenge, &signed).await;
    check(&refused, 401, "passkey_refused");

    let challenge = begin(&visitor, "begin_passkey_sign_in", &[]).await;
    let signed = key.sign(&challenge.options).await;
    let mut changed: Json = serde_json::from_str(&signed).expect("JSON");
    let signature = changed["response"]["signature"]
        .as_str()
        .expect("a signature");
    let signature = format!("{}AAAA", &signature[..signature.len() - 4]);
    changed["response"]["signature"] = signature.into();
    let changed = changed.to_string();
    let refused = answer(&visitor, "sign_in_with_passkey", &challenge, &changed).await;
    check(&refused, 401, "passkey_refused");
    let refused = answer(&visitor, "sign_in_with_passkey", &challenge, "nonsense").await;
    check(&refused, 401, "passkey_refused");

    let mut copy = key.clone();
    assert_eq!(sign_in(&visitor, &mut key).await.0, 200);
    check(
        &sign_in(&world.visitor(), &mut copy).await,
        401,
        "passkey_refused",
    );
}

#[tokio::test]
async fn a_passkey_is_one_persons_and_one_person_has_so_many() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let (bob, _) = world.person("bob").await;
    with_passkey(&world, &ann).await;
    // Bob's challenge, and a key that Ann has: what a device would never do, and a thief might.
    let challenge = begin(&bob, "begin_passkey", &[("password", "")]).await;
    let mut his = Key::of(&world);
    let made = his.make(&challenge.options).await;
    let credential_id = his.held.as_ref().expect("a key").credential_id.iter();
    let credential_id: String = credential_id.map(|byte| format!("{byte:02x}")).collect();
    sqlx::query("UPDATE passkeys SET credential_id = $1")
        .bind(credential_id)
        .execute(&world.database().await)
        .await
        .expect("taken");
    let refused = answer(&bob, "add_passkey", &challenge, &made).await;
    check(&refused, 401, "passkey_refused");
    for number in passkeys(&ann).await.len()..usize::try_from(PASSKEYS_MAX).expect("few") {
        sqlx::query(
            "INSERT INTO passkeys (user_id, id, credential_id, credential, name, made_at_ms) \
             SELECT user_id, $1, $2, credential, name, 1 FROM passkeys LIMIT 1",
        )
        .bind(Id::from_u128(number as u128).to_string())
        .bind(number.to_string())
        .execute(&world.database().await)
        .await
        .expect("one more");
    }
    let challenge = begin(&ann, "begin_passkey", &[("password", "")]).await;
    let made = Key::of(&world).make(&challenge.options).await;
    let refused = answer(&ann, "add_passkey", &challenge, &made).await;
    check(&refused, 409, "too_many_passkeys");
}

/// These options as a device gets them that is to ask for no finger, no face and no PIN.
fn without_verification(options: &str) -> String {
    let wanted = "\"userVerification\":\"required\"";
    assert!(options.contains(wanted), "{options}");
    options.replace(wanted, "\"userVerification\":\"discouraged\"")
}

#[tokio::test]
async fn a_passkey_that_asked_for_no_finger_is_refused() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let challenge = begin(&ann, "begin_passkey", &[("password", "")]).await;
    let made = Key::of(&world)
        .make(&without_verification(&challenge.options))
        .await;
    let refused = answer(&ann, "add_passkey", &challenge, &made).await;
    check(&refused, 401, "passkey_refused");
    let mut key = with_passkey(&world, &ann).await;
    let phone = world.visitor();
    let challenge = begin(&phone, "begin_passkey_sign_in", &[]).await;
    let signed = key.sign(&without_verification(&challenge.options)).await;
    let refused = answer(&phone, "sign_in_with_passkey", &challenge, &signed).await;
    check(&refused, 401, "passkey_refused");
    assert_eq!(phone.who_am_i().await, None);
    assert_eq!(
        sign_in(&phone, &mut key).await.0,
        200,
        "the same one with it"
    );
}

#[tokio::test]
async fn of_a_persons_last_two_passkeys_one_stays_though_both_are_taken_away_at_once() {
    let world = World::open().await;
    let store = world.store().await;
    let key = |number: u128| StoredPasskey {
        id: Id::from_u128(number),
        credential_id: number.to_string(),
        credential: "{}".to_owned(),
        name: "A device".to_owned(),
        made_at_ms: 1,
        used_at_ms: None,
    };
    for person in (10..200).step_by(10) {
        let user = User {
            id: Id::from_u128(person),
            email: format!("{person}@example.org"),
            password_hash: None,
            generation: User::FIRST_GENERATION,
        };
        let (one, other) = (key(person + 1), key(person + 2));
        let made = store.add_user_with_passkey(&user, &one, 1).await;
        assert_eq!(made.ok(), Some(PasskeyAdded::Yes));
        let added = store.add_passkey(&user, &other).await;
        assert_eq!(added.ok(), Some(PasskeyAdded::Yes));
        let (one, other) = tokio::join!(
            store.remove_passkey(&user, one.id),
            store.remove_passkey(&user, other.id)
        );
        let mut done = [one.expect("an answer"), other.expect("an answer")];
        done.sort_by_key(|done| *done != PasskeyRemoved::Yes);
        assert_eq!(done, [PasskeyRemoved::Yes, PasskeyRemoved::LastWayIn]);
    }
}

#[tokio::test]
async fn no_passkey_is_bound_to_localhost_where_people_come_by_https() {
    for (public_url, offered) in [(None, false), (Some("https://daybook.example.org"), true)] {
        let world = World::open_with(|config| {
            config.https = Some(true);
            config.public_url = public_url.map(str::to_owned);
        });
        let (_, ways) = world.await.visitor().call("ways_in", &[]).await;
        let said = format!("\"passkeys\":{offered}");
        assert!(ways.contains(&said), "{public_url:?}: {ways}");
    }
}
