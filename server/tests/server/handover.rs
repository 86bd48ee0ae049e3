//! Streams on bare sockets: the server's HTTP ends with the head of the answer, and none of its
//! clients may notice.

use crate::said::written;
use crate::world::{SOON, Visitor, World};
use axum::body::Body;
use axum::http::Request;
use server::serve::SURPLUS_BYTES_MAX;
use std::collections::BTreeMap;
use std::time::Duration;
use sync::scope::Markers;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tower::ServiceExt as _;

const ASK: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// The last event of a catch-up, the end of an event, and the end of a chunked body.
const LIVE: &str = "delta_complete";
const END_OF_EVENT: &str = "\n\n";
const END: &str = "0\r\n\r\n";

/// Less than what passes until a write would notice that nobody is there.
const AT_ONCE: Duration = Duration::from_secs(1);

/// A request for a stream.
fn asking(visitor: &Visitor, version: &str) -> String {
    let hello = visitor.hello(Markers::default());
    format!(
        "POST /api/sync/stream {version}\r\nHost: localhost\r\nSec-Fetch-Site: same-origin\r\n\
         Content-Type: application/json\r\nCookie: {}\r\nContent-Length: {}\r\n\r\n{hello}",
        visitor.cookies(),
        hello.len()
    )
}

/// A connection, and what came by it.
struct Raw {
    socket: TcpStream,
    came: String,
}

impl Raw {
    async fn saying(world: &World, words: &str) -> Self {
        let address = world.server.address;
        let mut socket = TcpStream::connect(address).await.expect("a connection");
        socket.write_all(words.as_bytes()).await.expect("said");
        let came = String::new();
        Self { socket, came }
    }

    async fn live(world: &World, visitor: &Visitor) -> Self {
        let mut raw = Self::saying(world, &asking(visitor, "HTTP/1.1")).await;
        raw.until(LIVE).await;
        raw
    }

    /// Reads up to this, and gives everything so far.
    async fn until(&mut self, mark: &str) -> String {
        let reading = async {
            while !self.came.contains(mark) {
                assert!(self.read().await, "it ended: {}", self.came);
            }
        };
        timeout(SOON, reading).await.expect(mark);
        let end = self.came.find(mark).expect("it came") + mark.len();
        self.came.drain(..end).collect()
    }

    /// Whether more came.
    async fn read(&mut self) -> bool {
        let mut bytes = [0; 4_096];
        let count = self.socket.read(&mut bytes).await.unwrap_or(0);
        self.came
            .push_str(&String::from_utf8_lossy(&bytes[..count]));
        count > 0
    }

    /// Reads to the end.
    async fn rest(mut self) -> String {
        let reading = async { while self.read().await {} };
        timeout(SOON, reading).await.expect("an end");
        self.came
    }
}

/// The headers of an answer but those that are the connection's, or differ each time.
fn headers(head: &str) -> BTreeMap<String, String> {
    let lines = head.trim_end().lines().skip(1);
    let pairs = lines.filter_map(|line| line.split_once(": "));
    let varying = ["date", "x-request-id", "connection", "transfer-encoding"];
    pairs
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .filter(|(name, _)| !varying.contains(&name.as_str()))
        .collect()
}

/// The next stream of somebody who may have but one, and that at once.
async fn next_one(world: &World, ann: &Visitor) -> Raw {
    let began = Instant::now();
    loop {
        let mut raw = Raw::saying(world, &asking(ann, "HTTP/1.1")).await;
        if raw.until("\r\n\r\n").await.starts_with("HTTP/1.1 200") {
            return raw;
        }
        assert!(began.elapsed() < AT_ONCE, "its place is still taken");
    }
}

#[tokio::test]
async fn the_head_of_a_stream_is_the_one_that_the_routes_give() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    // The first request of a session renews its cookie.
    ann.pull(Markers::default()).await;
    let mut raw = Raw::saying(&world, &asking(&ann, "HTTP/1.1")).await;
    let head = raw.until("\r\n\r\n").await;
    let request = Request::post("/api/sync/stream")
        .header("host", "localhost")
        .header("sec-fetch-site", "same-origin")
        .header("content-type", "application/json")
        .header("cookie", ann.cookies())
        .body(Body::from(ann.hello(Markers::default())));
    let answer = world.server.routes().oneshot(request.expect("a request"));
    let answer = answer.await.expect("an answer");
    let given = answer.headers().iter().map(|(name, value)| {
        let value = value.to_str().expect("text");
        format!("{name}: {value}\r\n")
    });
    let given = format!("HTTP/1.1 200 OK\r\n{}", given.collect::<String>());
    assert_eq!(headers(&head), headers(&given));
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    for line in [
        "transfer-encoding: chunked",
        "connection: close",
        "x-request-id: ",
        "date: ",
    ] {
        assert_eq!(
            head.matches(&format!("\r\n{line}")).count(),
            1,
            "{line} in {head}"
        );
    }
}

#[tokio::test]
async fn answers_that_are_still_on_their_way_come_before_a_stream() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let mut raw = Raw::saying(&world, ASK).await;
    raw.until("\r\n\r\nok").await;
    // So many answers that they do not leave at once.
    let asked = 300;
    let all = ASK.repeat(asked) + &asking(&ann, "HTTP/1.1");
    raw.socket.write_all(all.as_bytes()).await.expect("said");
    tokio::time::sleep(Duration::from_millis(300)).await;
    let came = raw.until(LIVE).await;
    assert_eq!(came.matches("\r\n\r\nok").count(), asked);
    let (before, after) = came.split_once("text/event-stream").expect("a stream");
    assert!(!before.contains("data: ") && !after.contains("\r\n\r\nok"));
}

#[tokio::test]
async fn what_is_said_behind_the_request_disturbs_nothing_unless_it_is_much() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let mut raw = Raw::saying(&world, &(asking(&ann, "HTTP/1.1") + ASK)).await;
    raw.until(LIVE).await;
    raw.until(END_OF_EVENT).await;
    raw.socket.write_all(ASK.as_bytes()).await.expect("said");
    ann.push_one(&written("Still here.")).await;
    let news = raw.until("Still here.").await;
    assert!(!news.contains("HTTP/1.1"), "{news}");
    let much = vec![b' '; 2 * SURPLUS_BYTES_MAX];
    // It may end before everything is said.
    let _ = raw.socket.write_all(&much).await;
    assert!(!raw.rest().await.contains("HTTP/1.1"));
}

#[tokio::test]
async fn who_hangs_up_gives_its_place_back_at_once() {
    let world = World::open_with(|config| config.streams_per_person_max = 1).await;
    let (ann, _) = world.person("ann").await;
    let mut open = Raw::live(&world, &ann).await;
    let refused = ann.stream_answer(Markers::default()).await;
    assert_eq!(refused.status().as_u16(), 429);
    open.socket.shutdown().await.expect("half an end");
    let next = next_one(&world, &ann).await;
    drop(next);
    for _ in 0..20 {
        // Without waiting even for the head.
        drop(Raw::saying(&world, &asking(&ann, "HTTP/1.1")).await);
        drop(next_one(&world, &ann).await);
    }
}

#[tokio::test]
async fn a_stream_is_one_of_its_addresss_connections_until_it_ends() {
    let world = World::open_with(|config| {
        config.connections_per_address_max = 2;
        config.trusted_proxies = "".parse().expect("nobody");
    })
    .await;
    let (ann, _) = world.person("ann").await;
    let open = Raw::live(&world, &ann).await;
    // The browser that signed up keeps the other one.
    let refused = Raw::saying(&world, ASK).await;
    assert_eq!(refused.rest().await, "");
    drop(open);
    let freed = async {
        loop {
            let mut again = Raw::saying(&world, ASK).await;
            if again.read().await {
                return;
            }
        }
    };
    timeout(AT_ONCE, freed).await.expect("a place that is free");
}

#[tokio::test]
async fn the_end_of_the_server_is_the_end_of_the_answer_and_not_a_broken_one() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let raw = Raw::live(&world, &ann).await;
    let ((), rest) = tokio::join!(world.server.end(), raw.rest());
    assert!(rest.ends_with(END), "{rest}");
}

#[tokio::test]
async fn a_client_of_http_1_0_gets_events_without_chunks() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let mut raw = Raw::saying(&world, &asking(&ann, "HTTP/1.0")).await;
    let head = raw.until("\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.0 200"), "{head}");
    assert!(!head.contains("transfer-encoding"), "{head}");
    let events = raw.until(LIVE).await;
    assert!(events.starts_with("data: "), "{events}");
    ann.push_one(&written("As ever.")).await;
    raw.until("As ever.").await;
    let ((), rest) = tokio::join!(world.server.end(), raw.rest());
    assert!(!rest.contains(END), "{rest}");
}
