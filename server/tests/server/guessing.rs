//! Guessing at passwords, and the person whose password it is.

use crate::world::{PASSWORD, Visitor, World};
use reqwest::header::{CONTENT_TYPE, COOKIE};
use server::accounts::throttle::{ATTEMPTS_BURST, SIGN_UPS_BURST};

const WRONG: &str = "guessing at night";
const ANN: &str = "ann@example.org";

/// Guesses from the tests' own address until that is refused.
async fn besiege(world: &World, email: &str) -> Visitor {
    let stranger = world.visitor();
    for _ in 0..ATTEMPTS_BURST {
        assert_eq!(stranger.sign_in(email, WRONG).await.0, 401);
    }
    assert_eq!(stranger.sign_in(email, WRONG).await.0, 429);
    stranger
}

#[tokio::test]
async fn a_stranger_locks_nobody_out_of_a_device_where_they_have_signed_in() {
    let world = World::open().await;
    let (ann, account) = world.person("ann").await;
    assert_eq!(ann.call("sign_out", &[]).await.0, 200);
    let (bob, _) = world.person("bob").await;
    let stranger = besiege(&world, ANN).await;
    assert_eq!(stranger.sign_in(ANN, PASSWORD).await.0, 429);
    let known = bob.sign_in(ANN, PASSWORD).await;
    assert_eq!(known.0, 429, "known to somebody else: {}", known.1);
    for _ in 0..2 {
        let (status, body) = ann.sign_in(ANN, PASSWORD).await;
        assert_eq!(status, 200, "{body}");
        assert_eq!(ann.who_am_i().await, Some(account.clone()));
    }
    // It may mistype as well, and as seldom as anybody.
    for _ in 0..ATTEMPTS_BURST {
        assert_eq!(ann.sign_in(ANN, WRONG).await.0, 401);
    }
    assert_eq!(ann.sign_in(ANN, PASSWORD).await.0, 429);
}

#[tokio::test]
async fn who_is_signed_in_is_asked_once_more_whatever_strangers_do() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    besiege(&world, ANN).await;
    let pairs = [("present", PASSWORD), ("new", "snow on the slate roof")];
    let (status, body) = ann.call("change_password", &pairs).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(ann.call("sign_out", &[]).await.0, 200);
    let again = ann.sign_in(ANN, "snow on the slate roof").await;
    assert_eq!(again.0, 200, "{}", again.1);
}

#[tokio::test]
async fn a_device_that_only_says_that_it_is_known_is_a_stranger() {
    let world = World::open().await;
    world.person("ann").await;
    besiege(&world, ANN).await;
    let form = format!(
        "email=ann%40example.org&password={}",
        PASSWORD.replace(' ', "+")
    );
    for name in ["daybook_known", "__Host-daybook_known"] {
        let request = world.visitor().http.post(world.url("/api/account/sign_in"));
        let request = request.header(COOKIE, format!("{name}=ann.{}", "0".repeat(64)));
        let request = request.header("sec-fetch-site", "same-origin");
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let answer = request.body(form.clone()).send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 429, "{name}");
    }
}

#[tokio::test]
async fn one_network_signs_up_few_people_in_a_row() {
    let world = World::open().await;
    let sign_up = async |function: &str, number: u32, from: &str| {
        let path = format!("/api/account/{function}");
        let request = world.visitor().http.post(world.url(&path));
        let request = request.header("x-forwarded-for", from);
        let request = request.header("sec-fetch-site", "same-origin");
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let form = format!("email=x{number}%40example.org&password=rain+on+the+tin+roof");
        let answer = request.body(form).send().await.expect("an answer");
        answer.status().as_u16()
    };
    for number in 0..SIGN_UPS_BURST {
        let function = ["sign_up", "begin_passkey_sign_up"][number as usize % 2];
        assert_eq!(sign_up(function, number, "192.0.2.1").await, 200);
    }
    for function in ["sign_up", "begin_passkey_sign_up"] {
        assert_eq!(sign_up(function, 99, "192.0.2.1").await, 429);
    }
    assert_eq!(sign_up("sign_up", 99, "192.0.2.2").await, 200);
}
