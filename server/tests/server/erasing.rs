//! Erasing an account while others write into it: nothing of it comes back, and nobody stands in
//! anybody's way.

use crate::said::{own, push_frame, written};
use crate::traces::traces;
use crate::world::{PASSWORD, World};
use futures_util::future::join_all;
use server::clock::{new_id, now_ms};
use server::error::Error;
use server::store::sessions::StoredSession;
use server::store::users::User;
use server::store::{ScopeKey, Store};
use std::sync::Arc;
use std::time::Duration;
use sync::frame::Acknowledged;
use sync::scope::{LIBRARY, Marker, Scope};
use tokio::sync::Barrier;

/// How often it is tried: when two meet is chance.
const ROUNDS: u64 = 12;

/// How many devices push at once.
const PUSHING: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pushes_that_are_under_way_while_an_account_is_erased_write_nothing_into_it() {
    let world = World::open().await;
    for round in 0..ROUNDS {
        let (ann, account) = world.person(&format!("ann{round}")).await;
        ann.push_one(&written("before")).await;
        let pushing = (0..PUSHING).map(|_| {
            let ann = ann.clone();
            tokio::spawn(async move {
                let mut pushed = 0;
                loop {
                    let frame = push_frame(ann.device_id, vec![written("meanwhile")]);
                    match ann.push_frame(frame).await.0 {
                        200 => pushed += 1,
                        refused => return (pushed, refused),
                    }
                }
            })
        });
        let pushing: Vec<_> = pushing.collect();
        tokio::time::sleep(Duration::from_millis(7 * round)).await;
        let (status, body) = ann.call("erase_account", &[("password", PASSWORD)]).await;
        assert_eq!(status, 200, "{body}");
        for (place, count) in traces(&world, account.id).await {
            assert_eq!(count, 0, "{place}, as soon as it is answered");
        }
        let ended = join_all(pushing).await;
        let ended: Vec<_> = ended
            .into_iter()
            .map(|end| end.expect("no panic"))
            .collect();
        assert!(ended.iter().any(|(pushed, _)| *pushed > 0), "{ended:?}");
        for (_, refused) in &ended {
            assert!([401, 410].contains(refused), "{ended:?}");
        }
        for (place, count) in traces(&world, account.id).await {
            assert_eq!(count, 0, "{place}, and for good");
        }
    }
}

/// A person with a session and a challenge that are too old, which the next that come sweep away.
async fn aged(store: &Store, round: u64) -> User {
    let user = User {
        id: new_id().expect("a name"),
        email: format!("{round}@example.org"),
        password_hash: None,
        generation: User::FIRST_GENERATION,
    };
    assert!(store.add_user(&user, 1).await.expect("a person"));
    for number in 0..5 {
        let old = StoredSession {
            data: "{}".to_owned(),
            expires_at_ms: 2,
        };
        let hash = hash(round, number);
        let kept = store.add_session(&hash, user.id, "old", &old, 1).await;
        assert!(kept.expect("a session"));
        let kept = store
            .add_challenge(&hash, "add", Some(user.id), "{}", 1)
            .await;
        kept.expect("a challenge");
    }
    user
}

fn hash(round: u64, number: u64) -> [u8; 32] {
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(&round.to_be_bytes());
    hash[8..16].copy_from_slice(&number.to_be_bytes());
    hash
}

/// What one of several does to an account at the same moment.
async fn meddle(store: &Store, user: &User, round: u64, number: u64) -> Result<(), Error> {
    match number % 3 {
        0 => {
            let scopes = [
                (Scope::named(LIBRARY), ScopeKey::library()),
                (own(), ScopeKey::own(user.id)),
            ];
            let said = Acknowledged {
                device_id: new_id().expect("a name"),
                positions: scopes
                    .clone()
                    .map(|(scope, _)| (scope, Marker::START))
                    .into(),
            };
            store.acknowledge(user.id, &scopes, &said, now_ms()).await
        }
        1 => {
            let session = StoredSession {
                data: "{}".to_owned(),
                expires_at_ms: u64::MAX / 4,
            };
            let hash = hash(round, 100 + number);
            let made = store.add_session(&hash, user.id, "new", &session, now_ms());
            made.await.map(drop)
        }
        _ => {
            let hash = hash(round, 100 + number);
            let made = store.add_challenge(&hash, "add", Some(user.id), "{}", now_ms());
            made.await
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_erases_and_who_acknowledges_or_signs_in_never_wait_for_each_other() {
    const MEDDLERS: usize = 9;
    let world = World::on_postgres().await;
    let store = world.store().await;
    for round in 0..30 {
        let user = aged(&store, round).await;
        let together = Arc::new(Barrier::new(MEDDLERS + 1));
        let meddling = (0..MEDDLERS).map(|number| {
            let (store, user) = (store.clone(), user.clone());
            let together = Arc::clone(&together);
            let number = u64::try_from(number).expect("few");
            tokio::spawn(async move {
                together.wait().await;
                meddle(&store, &user, round, number).await
            })
        });
        let meddling: Vec<_> = meddling.collect();
        together.wait().await;
        tokio::time::sleep(Duration::from_micros(150 * (round % 10))).await;
        let erased = store.erase(&user, now_ms()).await;
        assert!(erased.is_ok(), "{round}: {erased:?}");
        for done in join_all(meddling).await {
            let done = done.expect("no panic");
            // Of an account that is gone there is nothing to write, which is no deadlock.
            assert!(!matches!(done, Err(Error::Busy)), "{round}: {done:?}");
        }
    }
}
