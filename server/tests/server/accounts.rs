//! People: signing up, in and out.

use crate::said::{push_frame, written};
use crate::world::{PASSWORD, World, session_cookie};
use reqwest::header::COOKIE;
use server::accounts::throttle::ATTEMPTS_BURST;

#[tokio::test]
async fn a_person_signs_up_is_known_signs_out_and_in_again() {
    let world = World::open().await;
    let ann = world.visitor();
    assert_eq!(ann.who_am_i().await, None);
    let account = ann.sign_up("Ann@example.org").await;
    assert_eq!(account.email, "Ann@example.org");
    assert_eq!(ann.who_am_i().await, Some(account.clone()));
    assert_eq!(ann.call("sign_out", &[]).await.0, 200);
    assert_eq!(ann.who_am_i().await, None);
    assert_eq!(
        ann.call("sign_out", &[]).await.0,
        200,
        "there is nothing to end, and no error"
    );
    let (status, body) = ann.sign_in("ann@EXAMPLE.org", PASSWORD).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(ann.who_am_i().await, Some(account));
}

#[tokio::test]
async fn what_is_wrong_is_told_by_code_and_status_and_nothing_is_made() {
    let world = World::open().await;
    let ann = world.visitor();
    ann.sign_up("ann@example.org").await;
    let visitor = world.visitor();
    let cases = [
        ("sign_up", "not an address", PASSWORD, 422, "bad_email"),
        ("sign_up", "bob@example.org", "short", 422, "weak_password"),
        (
            "sign_up",
            "bob@example.org",
            "password1234",
            422,
            "weak_password",
        ),
        ("sign_up", "ANN@example.org", PASSWORD, 409, "email_taken"),
        (
            "sign_in",
            "ann@example.org",
            "rain on the tin rooF",
            401,
            "wrong_credentials",
        ),
        (
            "sign_in",
            "bob@example.org",
            PASSWORD,
            401,
            "wrong_credentials",
        ),
    ];
    for (function, email, password, status, code) in cases {
        let (found, body) = visitor
            .call(function, &[("email", email), ("password", password)])
            .await;
        assert_eq!(found, status, "{function} {email}: {body}");
        assert!(
            body.contains(&format!("\"code\":\"{code}\"")),
            "{function} {email}: {body}"
        );
        assert_eq!(visitor.who_am_i().await, None);
    }
    let (status, body) = visitor
        .call("sign_in", &[("email", "ann@example.org")])
        .await;
    assert_eq!(
        (status, body.contains("bad_request")),
        (400, true),
        "{body}"
    );
    let users: i64 = sqlx::query_scalar("SELECT count(*) FROM users")
        .fetch_one(&world.database().await)
        .await
        .expect("a count");
    assert_eq!(users, 1);
}

#[tokio::test]
async fn who_guesses_is_slowed_down() {
    let world = World::open().await;
    let guesser = world.visitor();
    for _ in 0..ATTEMPTS_BURST {
        assert_eq!(
            guesser
                .sign_in("ann@example.org", "guessing at night")
                .await
                .0,
            401
        );
    }
    let (status, body) = guesser
        .sign_in("ann@example.org", "guessing at night")
        .await;
    assert_eq!(status, 429, "{body}");
    assert!(
        body.contains("too_many_attempts") && body.contains("retry_after_s"),
        "{body}"
    );
    assert_eq!(
        guesser
            .sign_in("bob@example.org", "guessing at night")
            .await
            .0,
        401
    );
}

#[tokio::test]
async fn the_cookie_is_closed_to_scripts_renamed_at_each_sign_in_and_kept_as_a_hash() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let form = format!(
        "email=ann%40example.org&password={}",
        PASSWORD.replace(' ', "+")
    );
    let path = "/api/account/sign_in";
    let mut values = Vec::new();
    for _ in 0..2 {
        let kind = "application/x-www-form-urlencoded";
        let answer = ann.post(path, kind, form.clone()).await;
        let cookie = session_cookie(&answer);
        for part in [
            "daybook_session=",
            "HttpOnly",
            "SameSite=Lax",
            "Path=/",
            "Max-Age=2592000",
        ] {
            assert!(cookie.contains(part), "{part} is missing in {cookie}");
        }
        assert!(
            !cookie.contains("Secure"),
            "plain HTTP on loopback: {cookie}"
        );
        values.push(cookie.split(['=', ';']).nth(1).expect("a value").to_owned());
    }
    assert_ne!(values[0], values[1]);
    // The session before is over, not just forgotten by this browser.
    let old = world
        .visitor()
        .http
        .post(world.url("/api/account/who_am_i"));
    let old = old.header(COOKIE, format!("daybook_session={}", values[0]));
    let old = old
        .header("sec-fetch-site", "same-origin")
        .send()
        .await
        .expect("an answer");
    assert_eq!(old.text().await.expect("a body"), "null");
    world.server.end().await;
    for bytes in world.home.contents().await {
        for secret in [values[1].as_bytes(), PASSWORD.as_bytes()] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret));
        }
    }
}

#[tokio::test]
async fn a_session_that_has_expired_is_none() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    for (column, statement) in [
        ("idle", "UPDATE sessions SET expires_at_ms = 1"),
        (
            "absolute",
            "UPDATE sessions SET expires_at_ms = 1152921504606846976, created_at_ms = 1",
        ),
    ] {
        ann.sign_in("ann@example.org", PASSWORD).await;
        assert!(ann.who_am_i().await.is_some());
        sqlx::query(statement)
            .execute(&world.database().await)
            .await
            .expect("aged");
        assert_eq!(ann.who_am_i().await, None, "{column}");
        let body = push_frame(ann.device_id, vec![written("late")]);
        assert_eq!(ann.push_frame(body).await.0, 401, "{column}");
    }
}
