//! A way back in for who forgot a password: recovery codes.

use crate::world::{PASSWORD, Visitor, World};
use server::accounts::recovery::CODES;

const NEW: &str = "snow on the slate roof";

fn check(answer: &(u16, String), status: u16, code: &str) {
    let has = answer.1.contains(&format!("\"code\":\"{code}\""));
    assert_eq!((answer.0, has), (status, true), "{}", answer.1);
}

async fn codes(visitor: &Visitor, password: &str) -> Vec<String> {
    let (status, body) = visitor
        .call("make_recovery_codes", &[("password", password)])
        .await;
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).expect("codes")
}

async fn recover(visitor: &Visitor, email: &str, code: &str, new: &str) -> (u16, String) {
    let pairs = [("email", email), ("code", code), ("new", new)];
    visitor.call("recover", &pairs).await
}

#[tokio::test]
async fn a_recovery_code_sets_a_new_password_once() {
    let world = World::open().await;
    let (ann, account) = world.person("ann").await;
    assert_eq!(ann.call("recovery_codes_left", &[]).await.1, "0");
    let codes = codes(&ann, "").await;
    assert_eq!(codes.len(), CODES);
    assert_eq!(ann.call("recovery_codes_left", &[]).await.1, "10");
    let lost = world.visitor();
    let typed = codes[3].replace('-', " ").to_uppercase();
    check(
        &recover(&lost, "ann@example.org", &typed, "short").await,
        422,
        "weak_password",
    );
    let (status, body) = recover(&lost, "ANN@example.org", &typed, NEW).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(lost.who_am_i().await, Some(account.clone()));
    assert_eq!(ann.who_am_i().await, None, "all other sessions have ended");
    assert_eq!(ann.sign_in("ann@example.org", NEW).await.0, 200);
    assert_eq!(ann.call("recovery_codes_left", &[]).await.1, "9");
    let visitor = world.visitor();
    let again = recover(&visitor, "ann@example.org", &codes[3], PASSWORD).await;
    check(&again, 401, "wrong_code");
    assert_eq!(visitor.who_am_i().await, None);
    // A code that was refused for its password is not spent, and any other still works.
    assert_eq!(
        recover(&visitor, "ann@example.org", &codes[0], PASSWORD)
            .await
            .0,
        200
    );
}

#[tokio::test]
async fn new_codes_replace_the_old_ones_and_belong_to_one_person() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    world.person("bob").await;
    let old = codes(&ann, "").await;
    let new = codes(&ann, PASSWORD).await;
    let visitor = world.visitor();
    let refused = [
        recover(&visitor, "ann@example.org", &old[0], NEW).await,
        recover(&visitor, "bob@example.org", &new[0], NEW).await,
        recover(&visitor, "eve@example.org", &new[0], NEW).await,
    ];
    for answer in &refused {
        check(answer, 401, "wrong_code");
        assert_eq!(answer, &refused[0], "the same for known and unknown people");
    }
    assert_eq!(
        recover(&visitor, "ann@example.org", &new[0], NEW).await.0,
        200
    );
}

#[tokio::test]
async fn codes_are_made_only_by_who_has_just_shown_who_they_are() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    world
        .execute("UPDATE sessions SET created_at_ms = created_at_ms - 660000")
        .await;
    let refused = ann.call("make_recovery_codes", &[("password", "")]).await;
    check(&refused, 403, "confirm_first");
    let refused = ann
        .call("make_recovery_codes", &[("password", "guessing")])
        .await;
    check(&refused, 401, "wrong_credentials");
    assert_eq!(codes(&ann, PASSWORD).await.len(), CODES);
}
