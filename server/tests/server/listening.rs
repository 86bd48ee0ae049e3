//! What a listener puts up with, and how it ends.

use crate::said::{push_frame, written};
use crate::world::{SOON, World};
use server::serve::HEAD_MAX;
use server::store::ScopeKey;
use std::time::{Duration, Instant};
use sync::scope::Markers;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

const ASK: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
const MOMENT: Duration = Duration::from_millis(300);

async fn connect(world: &World) -> TcpStream {
    let address = world.server.address;
    TcpStream::connect(address).await.expect("a connection")
}

/// What comes after these bytes; nothing when the connection is closed instead.
async fn ask(connection: &mut TcpStream, bytes: &[u8]) -> String {
    let mut answer = vec![0; 4_096];
    if connection.write_all(bytes).await.is_err() {
        return String::new();
    }
    let read = connection.read(&mut answer).await.unwrap_or_default();
    String::from_utf8_lossy(&answer[..read]).into_owned()
}

#[tokio::test]
async fn a_head_that_comes_too_slowly_ends_its_connection() {
    let world = World::open().await;
    let began = Instant::now();
    let mut slow = connect(&world).await;
    let mut idle = connect(&world).await;
    assert!(ask(&mut idle, ASK).await.starts_with("HTTP/1.1 200"));
    let begun = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ";
    slow.write_all(begun).await.expect("a beginning");
    let dripping = async {
        // Each byte is in time; all of them together are not.
        while slow.write_all(b"x").await.is_ok() {
            let mut byte = [0];
            match timeout(MOMENT, slow.read(&mut byte)).await {
                Err(_) => {}
                Ok(_) => return,
            }
        }
    };
    let ended = timeout(HEAD_MAX + SOON, dripping).await;
    assert!(ended.is_ok(), "it still listens");
    assert!(began.elapsed() >= HEAD_MAX - Duration::from_secs(1));
    let left = timeout(SOON, ask(&mut idle, b"")).await.expect("an end");
    assert_eq!(left, "", "a connection that asks nothing ends as well");
}

#[tokio::test]
async fn beyond_the_last_place_connections_wait_for_one() {
    let world = World::open_with(|config| {
        config.connections_max = 2;
        config.connections_per_address_max = 2;
    })
    .await;
    let (mut one, mut two) = (connect(&world).await, connect(&world).await);
    for connection in [&mut one, &mut two] {
        assert!(ask(connection, ASK).await.starts_with("HTTP/1.1 200"));
    }
    let mut three = connect(&world).await;
    three.write_all(ASK).await.expect("a question");
    let answer = timeout(MOMENT, ask(&mut three, b"")).await;
    assert!(answer.is_err(), "it was answered: {answer:?}");
    drop(one);
    let answer = timeout(SOON, ask(&mut three, b""))
        .await
        .expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn one_address_cannot_take_all_places_unless_it_is_a_proxys() {
    let limited = World::open_with(|config| {
        config.connections_per_address_max = 3;
        config.trusted_proxies = "".parse().expect("nobody");
    })
    .await;
    let mut taken = Vec::new();
    for _ in 0..3 {
        let mut connection = connect(&limited).await;
        assert!(ask(&mut connection, ASK).await.starts_with("HTTP/1.1 200"));
        taken.push(connection);
    }
    let mut more = connect(&limited).await;
    let answer = timeout(SOON, ask(&mut more, ASK)).await.expect("an end");
    assert_eq!(answer, "");
    taken.pop();
    let freed = async {
        while !ask(&mut connect(&limited).await, ASK)
            .await
            .starts_with("HTTP/1.1 200")
        {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, freed)
        .await
        .expect("a place that was given back");

    let trusting = World::open_with(|config| config.connections_per_address_max = 3).await;
    for _ in 0..6 {
        let mut connection = connect(&trusting).await;
        assert!(ask(&mut connection, ASK).await.starts_with("HTTP/1.1 200"));
        taken.push(connection);
    }
}

#[tokio::test]
async fn a_server_that_will_end_says_so_before_it_stops_answering() {
    let world = World::open_with(|config| config.drain_wait_s = 1).await;
    let (ann, _) = world.person("ann").await;
    let get = async |path: &str| {
        let answer = reqwest::get(world.url(path)).await.expect("an answer");
        let status = answer.status().as_u16();
        (status, answer.text().await.expect("a body"))
    };
    assert_eq!(get("/readyz").await, (200, "ok".to_owned()));
    let (ready, healthy) = (world.url("/readyz"), world.url("/healthz"));
    let began = Instant::now();
    let mut ending = std::pin::pin!(world.server.end());
    assert!(timeout(MOMENT, &mut ending).await.is_err());
    let answer = reqwest::get(&ready).await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 503);
    let body = answer.text().await.expect("a body");
    assert!(body.contains("server_ending"), "{body}");
    let answer = reqwest::get(&healthy).await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 200, "it is well all the same");
    ann.push_one(&written("Taken until the last moment.")).await;
    ending.await;
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert!(reqwest::get(&healthy).await.is_err(), "it is gone");
}

#[tokio::test]
async fn a_push_under_way_is_answered_and_a_stream_ended_before_the_server_is_gone() {
    let world = World::open().await;
    let (ann, account) = world.person("ann").await;
    let mut events = ann.stream(Markers::default()).await;
    events.until_live().await;
    let (store, database) = (world.store().await, world.database().await);
    let lock = store.write(ScopeKey::own(account.id)).await;
    let lock = lock.expect("the lock");
    let pushing = tokio::spawn({
        let ann = ann.clone();
        async move { ann.push(vec![written("On its way.")]).await }
    });
    sleep(MOMENT).await;
    let mut ending = std::pin::pin!(world.server.end());
    assert!(
        timeout(MOMENT, &mut ending).await.is_err(),
        "it waits for the push"
    );
    assert_eq!(timeout(SOON, events.next()).await.expect("an end"), None);
    assert!(!pushing.is_finished());
    lock.commit().await.expect("the lock is free");
    let (result, ()) = tokio::join!(pushing, ending);
    assert_eq!(result.expect("an answer").outcomes.len(), 1);
    let scope = format!("own:{}", account.id);
    let end: i64 = sqlx::query_scalar("SELECT lsn FROM scopes WHERE scope = $1")
        .bind(scope)
        .fetch_one(&database)
        .await
        .expect("a log");
    assert_eq!(end, 1);
    store.close().await;
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_cut_off_at_the_end() {
    let world = World::open_with(|config| config.drain_limit_s = 1).await;
    let (ann, _) = world.person("ann").await;
    let body = push_frame(ann.device_id, vec![written("Half of this.")]);
    let mut slow = connect(&world).await;
    let head = format!(
        "POST /api/sync/push HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-origin\r\n\
         Content-Length: {}\r\n\r\n{}",
        body.len(),
        &body[..body.len() / 2]
    );
    slow.write_all(head.as_bytes()).await.expect("half a push");
    sleep(MOMENT).await;
    let began = Instant::now();
    timeout(SOON, world.server.end()).await.expect("an end");
    let took = began.elapsed();
    let limit = Duration::from_secs(1);
    assert!(took >= limit && took < 2 * limit, "{took:?}");
}
