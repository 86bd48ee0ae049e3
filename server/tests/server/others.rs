//! One person with the names of what is another's: their devices, passkeys, challenges and
//! addresses, as somebody may have seen them. Every route is asked with these, and nothing of the
//! other changes or is told.

use crate::examples::{About, address, example_about};
use crate::passkeys::{Key, begin, passkeys, with_key};
use crate::said::written;
use crate::traces::{with_everything, written_out};
use crate::world::{PASSWORD, Visitor, World};
use app::account::Device;
use axum::http::Method;
use server::router::{Access, ROUTES};
use std::time::Duration;
use sync::id::Id;
use tokio::time::timeout;

/// What is told to nobody but Ann. Her address is not: whoever types it reads it again.
const HERS: [&str; 2] = ["words of ann", "Ann's own passkey"];

/// The names of what is Ann's.
async fn names(world: &World, ann: &Visitor) -> About {
    with_key(ann, Key::of(world)).await;
    let listed = passkeys(ann).await;
    world
        .execute("UPDATE passkeys SET name = 'Ann''s own passkey'")
        .await;
    let (_, devices) = ann.call("devices", &[]).await;
    let devices: Vec<Device> = serde_json::from_str(&devices).expect("devices");
    let other = devices.iter().find(|device| !device.here).expect("another");
    let challenge = begin(ann, "begin_passkey", &[("password", PASSWORD)]).await;
    About {
        device_id: ann.device_id,
        device: other.id,
        passkey: listed.last().expect("a passkey").id,
        challenge: challenge.name,
        email: "ann@example.org".to_owned(),
        password: PASSWORD.to_owned(),
    }
}

/// What a route answers to Bob, as far as it comes at once.
async fn asked(world: &World, bob: &Visitor, path: &str, about: &About) -> (u16, String) {
    let (kind, body) = example_about(path, about).expect(path);
    let path = address(&world.server.build, path);
    let mut answer = bob.post(&path, kind, body).await;
    let status = answer.status().as_u16();
    let mut said = Vec::new();
    // A stream has no end of its own.
    let _ = timeout(Duration::from_millis(500), async {
        while let Ok(Some(part)) = answer.chunk().await {
            said.extend(part);
        }
    })
    .await;
    (status, String::from_utf8_lossy(&said).into_owned())
}

#[tokio::test]
async fn who_knows_the_names_of_what_is_anothers_changes_and_learns_nothing() {
    let world = World::open().await;
    let (ann, user, _) = with_everything(&world, "ann").await;
    let phone = world.other_device("ann").await;
    let about = names(&world, &ann).await;
    assert_ne!(about.device, Id::from_u128(1));
    let (bob, other) = world.person("bob").await;
    bob.push_one(&written("The words of bob.")).await;
    let before = written_out(&world, user).await;
    assert!(before.len() > 10, "{before:?}");
    let posts = ROUTES.iter().filter(|route| route.method == Method::POST);
    for route in posts.filter(|route| route.access != Access::Machine) {
        let (status, said) = asked(&world, &bob, route.path, &about).await;
        let id = user.to_string();
        for hers in HERS.into_iter().chain([id.as_str()]) {
            let told = said.contains(hers);
            assert!(!told, "{}: {status} {said}", route.path);
        }
        match route.path {
            "/api/account/revoke_device" | "/api/account/remove_passkey" => {
                assert_eq!(status, 404, "{}: {said}", route.path);
            }
            "/api/account/add_passkey" | "/api/account/recover" => {
                assert_eq!(status, 401, "{}: {said}", route.path);
            }
            _ => {}
        }
        let now = written_out(&world, user).await;
        assert_eq!(now, before, "{} changed what is another's", route.path);
        if bob.who_am_i().await.is_none() {
            assert_eq!(bob.sign_in("bob@example.org", PASSWORD).await.0, 200);
        }
    }
    assert_eq!(bob.who_am_i().await, Some(other));
    for device in [&ann, &phone] {
        let known = device.who_am_i().await.map(|account| account.id);
        assert_eq!(known, Some(user));
    }
    // And the names are good, for her.
    let pairs = [("device", about.device.to_string())];
    let pairs = pairs
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    assert_eq!(ann.call("revoke_device", &pairs).await.0, 200);
    let passkey = about.passkey.to_string();
    let pairs = [("passkey", passkey.as_str()), ("password", PASSWORD)];
    assert_eq!(ann.call("remove_passkey", &pairs).await.0, 200);
}
