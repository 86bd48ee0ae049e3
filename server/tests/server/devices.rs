//! Where a person is signed in: the list, ending one, ending all.

use crate::said::{push_frame, written};
use crate::ways::{Way, each_way};
use crate::world::{PASSWORD, SOON, Visitor, World, session_cookie};
use app::account::Device;
use reqwest::header::USER_AGENT;
use server::accounts::sessions::{PLAIN_COOKIE, SEEN_EVERY_MS};
use server::store::sessions::SESSIONS_MAX;
use std::time::Instant;
use sync::frame::ServerFrame;
use sync::scope::Markers;

each_way! {
    a_revoked_device_loses_its_stream_at_once_and_hears_that_it_is_to_erase,
    signing_out_everywhere_ends_all_sessions_and_asks_nobody_to_erase,
}

async fn devices(visitor: &Visitor) -> Vec<Device> {
    let (status, body) = visitor.call("devices", &[]).await;
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).expect("devices")
}

/// The device of somebody else's choice: not the one that asks.
fn other(devices: &[Device]) -> &Device {
    let mut others = devices.iter().filter(|device| !device.here);
    others.next().expect("another device")
}

#[tokio::test]
async fn a_person_sees_their_devices_by_name_and_which_one_they_hold() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    world.person("bob").await;
    let phone = world.visitor();
    let form = "email=ann%40example.org&password=rain+on+the+tin+roof";
    let request = phone
        .http
        .post(world.url("/api/account/sign_in"))
        .body(form);
    let request = request
        .header("content-type", "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin")
        .header(
            USER_AGENT,
            "Mozilla/5.0 (Linux; Android 15) Chrome/140.0 Safari/537",
        );
    assert_eq!(request.send().await.expect("an answer").status(), 200);
    let listed = devices(&ann).await;
    let names: Vec<_> = listed.iter().map(|device| &device.name).collect();
    assert_eq!(names, ["Chrome on Android", "A device"], "and not Bob's");
    let here: Vec<_> = listed.iter().map(|device| device.here).collect();
    assert_eq!(here, [false, true]);
    let there = devices(&phone).await;
    let there = there
        .iter()
        .find(|device| device.here)
        .map(|device| &device.name);
    assert_eq!(there, Some(&"Chrome on Android".to_owned()));
    let now_ms = server::clock::now_ms();
    for device in listed {
        assert!(now_ms - device.signed_in_at_ms < 60_000);
        assert!(now_ms - device.seen_at_ms < 60_000);
    }
}

#[tokio::test]
async fn a_device_is_seen_again_when_it_calls_after_a_while() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    devices(&ann).await;
    world
        .execute(
            "UPDATE sessions SET seen_at_ms = 1, data = replace(data, '\"seen\":', '\"seen\":1')",
        )
        .await;
    ann.push_one(&written("Rain.")).await;
    let seen_at_ms = devices(&ann).await[0].seen_at_ms;
    assert!(server::clock::now_ms() - seen_at_ms < SEEN_EVERY_MS);
}

async fn a_revoked_device_loses_its_stream_at_once_and_hears_that_it_is_to_erase(way: Way) {
    let world = World::open().await;
    let (ann, account) = world.person("ann").await;
    let phone = world.other_device("ann").await;
    let mut hers = way.open(&ann, Markers::default()).await;
    let mut stream = way.open(&phone, Markers::default()).await;
    hers.until_live().await;
    stream.until_live().await;
    let lost = other(&devices(&ann).await).id.to_string();
    let asked = Instant::now();
    assert_eq!(ann.call("revoke_device", &[("device", &lost)]).await.0, 200);
    let said = stream
        .until(|frame| matches!(frame, ServerFrame::Error(_)))
        .await;
    assert!(asked.elapsed() < SOON);
    let code = match said.last() {
        Some(ServerFrame::Error(error)) => &error.code,
        _ => "",
    };
    assert_eq!(code, "revoked_erase");
    assert!(stream.next().await.is_none(), "the stream has ended");
    assert_eq!(way.status(&phone).await, 401, "nor does it get another");
    // Every call says so until somebody signs in, for an answer may get lost.
    for _ in 0..2 {
        let frame = push_frame(phone.device_id, vec![written("late")]);
        let (status, body) = phone.push_frame(frame).await;
        assert_eq!(
            (status, body.contains("\"revoked_erase\"")),
            (401, true),
            "{body}"
        );
        let (status, body) = phone.call("who_am_i", &[]).await;
        assert_eq!(
            (status, body.contains("\"revoked_erase\"")),
            (401, true),
            "{body}"
        );
    }
    assert_eq!(world.end_of(&account).await, 0, "nothing was taken from it");
    let (status, body) = ann.call("revoke_device", &[("device", &lost)]).await;
    assert_eq!(
        (status, body.contains("\"unknown\"")),
        (404, true),
        "{body}"
    );
    // The other device goes on, and its person may come back on this one.
    ann.push_one(&written("on")).await;
    hers.until(|frame| matches!(frame, ServerFrame::Change(_)))
        .await;
    assert_eq!(phone.sign_in("ann@example.org", PASSWORD).await.0, 200);
    assert_eq!(phone.who_am_i().await, Some(account));
}

#[tokio::test]
async fn a_revoked_device_may_sign_out_and_is_then_nobody() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let phone = world.other_device("ann").await;
    let lost = other(&devices(&ann).await).id.to_string();
    assert_eq!(ann.call("revoke_device", &[("device", &lost)]).await.0, 200);
    assert_eq!(phone.call("sign_out", &[]).await.0, 200);
    assert_eq!(phone.who_am_i().await, None);
}

#[tokio::test]
async fn nobody_ends_another_persons_session() {
    let world = World::open().await;
    let (ann, account) = world.person("ann").await;
    let (bob, _) = world.person("bob").await;
    let hers = devices(&ann).await[0].id.to_string();
    let (status, body) = bob.call("revoke_device", &[("device", &hers)]).await;
    assert_eq!(status, 404, "{body}");
    assert_eq!(bob.call("sign_out_everywhere", &[]).await.0, 200);
    assert_eq!(ann.who_am_i().await, Some(account));
}

async fn signing_out_everywhere_ends_all_sessions_and_asks_nobody_to_erase(way: Way) {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let phone = world.other_device("ann").await;
    let mut stream = way.open(&phone, Markers::default()).await;
    stream.until_live().await;
    assert_eq!(ann.call("sign_out_everywhere", &[]).await.0, 200);
    let said = stream
        .until(|frame| matches!(frame, ServerFrame::Error(_)))
        .await;
    assert!(
        said.iter()
            .any(|frame| matches!(frame, ServerFrame::Error(error) if error.code == "no_session"))
    );
    for device in [&ann, &phone] {
        assert_eq!(device.who_am_i().await, None);
        let frame = push_frame(device.device_id, vec![written("late")]);
        assert_eq!(device.push_frame(frame).await.0, 401);
    }
    assert_eq!(ann.sign_in("ann@example.org", PASSWORD).await.0, 200);
    assert_eq!(devices(&ann).await.len(), 1);
    // For a session that was just being made; see the next test.
    let generation: i64 = sqlx::query_scalar("SELECT generation FROM users")
        .fetch_one(&world.database().await)
        .await
        .expect("a generation");
    assert_eq!(generation, 1);
}

#[tokio::test]
async fn who_ends_another_session_shows_that_it_is_them() {
    let world = World::open().await;
    let (ann, account) = world.person("ann").await;
    let phone = world.other_device("ann").await;
    let listed = devices(&phone).await;
    let hers = listed.iter().find(|device| !device.here).expect("another");
    let hers = hers.id.to_string();
    world
        .execute("UPDATE sessions SET created_at_ms = created_at_ms - 11 * 60 * 1000")
        .await;
    for (password, status) in [("", 403), ("guessing at night", 401)] {
        let pairs = [("device", hers.as_str()), ("password", password)];
        let (found, body) = phone.call("revoke_device", &pairs).await;
        assert_eq!(found, status, "{body}");
    }
    let without = phone.call("revoke_device", &[("device", &hers)]).await;
    assert_eq!(without.0, 403, "{}", without.1);
    assert_eq!(ann.who_am_i().await, Some(account), "so far nothing");
    let pairs = [("device", hers.as_str()), ("password", PASSWORD)];
    let (status, body) = phone.call("revoke_device", &pairs).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(ann.call("who_am_i", &[]).await.0, 401);
}

#[tokio::test]
async fn a_session_that_is_being_made_while_all_end_does_not_hold() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    // As if its row had been written after all the others were taken away.
    world
        .execute("UPDATE users SET generation = generation + 1")
        .await;
    assert_eq!(ann.who_am_i().await, None);
}

#[tokio::test]
async fn a_person_has_so_many_sessions_and_the_longest_unseen_ends_first() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let database = world.database().await;
    for seen in 1..=120_u8 {
        let old = sqlx::query(
            "INSERT INTO sessions \
             (id_hash, user_id, device, data, created_at_ms, seen_at_ms, expires_at_ms) \
             SELECT $1, user_id, 'old', '{}', created_at_ms, $2, expires_at_ms \
             FROM sessions WHERE device <> 'old'",
        );
        let old = old.bind(vec![seen; 32]).bind(i64::from(seen));
        old.execute(&database).await.expect("a session");
    }
    let phone = world.other_device("ann").await;
    let listed = devices(&phone).await;
    assert_eq!(i64::try_from(listed.len()), Ok(SESSIONS_MAX));
    assert!(listed.iter().any(|device| device.here));
    assert!(ann.who_am_i().await.is_some(), "seen lately");
    let oldest = listed.iter().filter(|device| device.name == "old");
    assert_eq!(oldest.map(|device| device.seen_at_ms).min(), Some(23));
}

#[tokio::test]
async fn with_https_the_cookie_is_bound_to_this_host() {
    let world = World::with_https().await;
    let visitor = world.visitor();
    let form = "email=ann%40example.org&password=rain+on+the+tin+roof";
    let kind = "application/x-www-form-urlencoded";
    let answer = visitor.post("/api/account/sign_up", kind, form).await;
    let cookie = session_cookie(&answer);
    assert!(cookie.starts_with("__Host-daybook_session="), "{cookie}");
    for part in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/"] {
        assert!(cookie.contains(part), "{part} is missing in {cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    assert!(!cookie.starts_with(PLAIN_COOKIE));
    let stay = &answer.headers()["strict-transport-security"];
    assert_eq!(stay, server::headers::STAY_WITH_HTTPS);
}
