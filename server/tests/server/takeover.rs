//! Who was in an account before its person, or beside them, and what they are left with.

use crate::passkeys::{Key, answer, begin, passkeys, sign_in, with_key};
use crate::ways_back::{check, codes, recover, reset, token_in, with_mail};
use crate::world::{PASSWORD, Visitor, World};
use server::accounts::recovery::CODES;
use server::error::Error;
use server::store::passkeys::StoredPasskey;
use server::store::users::User;
use sync::id::Id;

const NEW: &str = "snow on the slate roof";

/// Where passkeys are bound to on a server that sends mail.
const SITE: &str = "https://daybook.example.org";

#[tokio::test]
async fn a_mailed_link_takes_passkeys_and_codes_of_before_away() {
    let (world, mut postbox) = with_mail().await;
    // Whoever this is, the mailbox is not theirs.
    let (eve, account) = world.person("ann").await;
    let (bob, _) = world.person("bob").await;
    let mut key = with_key(&eve, Key::on(SITE)).await;
    let mut his = with_key(&bob, Key::on(SITE)).await;
    let codes = codes(&eve, PASSWORD).await;
    let ann = world.visitor();
    ann.call("forgot_password", &[("email", "ann@example.org")])
        .await;
    let token = token_in(&postbox.next().await);
    assert_eq!(reset(&ann, &token, NEW).await.0, 200);
    assert_eq!(ann.who_am_i().await, Some(account));
    let refused = sign_in(&world.visitor(), &mut key).await;
    check(&refused, 401, "passkey_refused");
    let refused = recover(&eve, "ann@example.org", &codes[0], PASSWORD).await;
    check(&refused, 401, "wrong_code");
    assert!(passkeys(&ann).await.is_empty());
    assert_eq!(ann.call("recovery_codes_left", &[]).await.1, "0");
    assert_eq!(sign_in(&world.visitor(), &mut his).await.0, 200);
}

#[tokio::test]
async fn a_recovery_code_takes_passkeys_away_and_leaves_the_other_codes() {
    let (world, _postbox) = with_mail().await;
    let (thief, _) = world.person("ann").await;
    let mut key = with_key(&thief, Key::on(SITE)).await;
    let codes = codes(&thief, PASSWORD).await;
    let ann = world.visitor();
    assert_eq!(
        recover(&ann, "ann@example.org", &codes[0], NEW).await.0,
        200
    );
    let refused = sign_in(&world.visitor(), &mut key).await;
    check(&refused, 401, "passkey_refused");
    assert!(passkeys(&ann).await.is_empty());
    assert_eq!(ann.call("recovery_codes_left", &[]).await.1, "9");
    let mut hers = with_key(&ann, Key::on(SITE)).await;
    assert_eq!(sign_in(&world.visitor(), &mut hers).await.0, 200);
}

#[tokio::test]
async fn of_a_key_and_its_copy_that_sign_in_at_once_one_comes_in() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let mut key = with_key(&ann, Key::of(&world)).await;
    for _ in 0..5 {
        let mut copy = key.clone();
        let (one, other) = (world.visitor(), world.visitor());
        let (first, second) = tokio::join!(sign_in(&one, &mut key), sign_in(&other, &mut copy));
        let mut statuses = [first.0, second.0];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 401], "{first:?} {second:?}");
    }
}

/// A person who is in the database alone.
fn person() -> User {
    User {
        id: Id::from_u128(1),
        email: "ann@example.org".to_owned(),
        password_hash: None,
        generation: User::FIRST_GENERATION,
    }
}

fn passkey(number: u128) -> StoredPasskey {
    StoredPasskey {
        id: Id::from_u128(number),
        credential_id: number.to_string(),
        credential: "counted to 1".to_owned(),
        name: "A device".to_owned(),
        made_at_ms: 1,
        used_at_ms: None,
    }
}

#[tokio::test]
async fn a_passkey_is_used_only_as_it_was_read() {
    let world = World::open().await;
    let store = world.store().await;
    let (user, read) = (person(), passkey(2));
    let made = store.add_user_with_passkey(&user, &read, 1).await;
    made.expect("an account");
    let using = async |credential: &str| {
        let used = store.use_passkey(user.id, &read, credential, 1).await;
        used.expect("an answer")
    };
    assert_eq!(using("counted to 2").await, Some(user.clone()));
    assert_eq!(using("counted to 2").await, None);
    let kept = store.passkeys(user.id).await.expect("passkeys");
    assert_eq!(kept[0].credential, "counted to 2");
}

#[tokio::test]
async fn of_two_new_passwords_that_are_set_at_once_one_is_set() {
    let world = World::open().await;
    let (ann, account) = world.person("ann").await;
    let thief = world.other_device("ann").await;
    let change = async |visitor: &Visitor, new: &str| {
        let pairs = [("present", PASSWORD), ("new", new)];
        visitor.call("change_password", &pairs).await
    };
    let other = "hail on the glass roof";
    let (hers, theirs) = tokio::join!(change(&ann, NEW), change(&thief, other));
    let (in_vain, set, not_set) = match hers.0 {
        200 => (&theirs, NEW, other),
        _ => (&hers, other, NEW),
    };
    check(in_vain, 401, "no_session");
    let visitor = world.visitor();
    let refused = visitor.sign_in("ann@example.org", not_set).await;
    check(&refused, 401, "wrong_credentials");
    assert_eq!(visitor.sign_in("ann@example.org", set).await.0, 200);
    let here = [ann.who_am_i().await, thief.who_am_i().await];
    assert!(here.contains(&Some(account)) && here.contains(&None));
}

#[tokio::test]
async fn what_was_confirmed_before_all_sessions_ended_is_not_done_after() {
    let world = World::open().await;
    let store = world.store().await;
    let (user, first) = (person(), passkey(2));
    let made = store.add_user_with_passkey(&user, &first, 1).await;
    made.expect("an account");
    let changed = store.set_password(&user, "a hash").await;
    let changed = changed.expect("an answer").expect("a person");
    assert_ne!(changed.generation, user.generation);
    let no_session = |error: Option<Error>| matches!(error, Some(Error::NoSession));
    let set = store.set_password(&user, "another").await;
    assert!(no_session(set.err()));
    let added = store.add_passkey(&user, &passkey(3)).await;
    assert!(no_session(added.err()));
    let removed = store.remove_passkey(&user, first.id).await;
    assert!(no_session(removed.err()));
    let replaced = store.replace_recovery_codes(&user, &[[1; 32]]).await;
    assert!(no_session(replaced.err()));
    assert!(no_session(store.erase(&user, 1).await.err()));
    let kept = store.passkeys(user.id).await.expect("passkeys");
    assert_eq!(kept.len(), 1);
    assert_eq!(store.recovery_codes_left(user.id).await.ok(), Some(0));
    let found = store.user_by_id(user.id).await.expect("an answer");
    assert_eq!(found, Some(changed.clone()));
    let hash = found.and_then(|user| user.password_hash);
    assert_eq!(hash.as_deref(), Some("a hash"));
    store.erase(&changed, 1).await.expect("erased");
}

#[tokio::test]
async fn who_has_no_password_makes_codes_after_a_fresh_sign_in() {
    let world = World::open().await;
    let ann = world.visitor();
    let mut key = Key::of(&world);
    let email = [("email", "ann@example.org")];
    let challenge = begin(&ann, "begin_passkey_sign_up", &email).await;
    let made = key.make(&challenge.options).await;
    let done = answer(&ann, "sign_up_with_passkey", &challenge, &made).await;
    assert_eq!(done.0, 200, "{}", done.1);
    assert_eq!(codes(&ann, "").await.len(), CODES);
    world
        .execute("UPDATE sessions SET created_at_ms = created_at_ms - 660000")
        .await;
    let refused = ann.call("make_recovery_codes", &[("password", "")]).await;
    check(&refused, 403, "confirm_first");
    assert_eq!(sign_in(&ann, &mut key).await.0, 200);
    assert_eq!(codes(&ann, "").await.len(), CODES);
}
