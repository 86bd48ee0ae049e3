//! Devices that do not read: they cost the server no memory, and after a while nothing at all.

use crate::said::{entries, kinds, markers_after, own, standing_at, written};
use crate::ways::{Events, Way, each_way};
use crate::world::{SOON, Visitor, World, write_site};
use server::accounts::export::PIECE_WAIT_MAX;
use server::sync::live::SEND_MAX;
use server::sync::socket::SILENCE_MAX;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use sync::change::Change;
use sync::frame::ServerFrame;
use sync::limits::BODY_BYTES_MAX;
use sync::scope::{Marker, Markers};
use tokio::time::{Instant, sleep, timeout};

/// How many entries there are, each as long as an entry may be: more than sockets hold.
const ENTRIES: usize = 35;

/// How many streams a person has unless the operator says otherwise.
const STREAMS_MAX: usize = 20;

/// What one session may cost in memory: a page of rows, the frames made of it, and the one that
/// waits for room.
const SESSION_BYTES_MAX: usize = 3 * 1024 * 1024;

/// How long a slow device takes over each frame: over all of them, longer than it may be silent.
const SLOWLY: Duration = Duration::from_secs(1);

each_way! {
    a_device_that_does_not_read_is_let_go_and_resumes_from_its_markers,
    a_device_that_takes_a_long_catch_up_slowly_gets_it_in_one_session,
    a_session_that_ends_is_closed_even_while_its_device_does_not_read,
    devices_that_do_not_read_cost_the_server_little_memory,
}

/// Where devices stand that have the first entry of a long journal, and all of it.
struct Written {
    first: Markers,
    all: Markers,
}

async fn write_much(ann: &Visitor) -> Written {
    let text = "x".repeat(BODY_BYTES_MAX);
    let first = written("The first one.");
    ann.push_one(&first).await;
    let mut last = first.clone();
    for _ in 0..ENTRIES / 5 {
        let some: Vec<_> = (0..5).map(|_| written(&text)).collect();
        last = some[4].clone();
        ann.push(some).await;
    }
    let at = |lsn, change: &Change| Marker {
        lsn,
        op_id: change.op_id,
    };
    let end = u64::try_from(ENTRIES + 1).expect("few");
    Written {
        first: standing_at(at(1, &first)),
        all: standing_at(at(end, &last)),
    }
}

/// A session that is read up to its welcome and then no more.
async fn stuck(way: Way, ann: &Visitor, markers: Markers) -> Events {
    let mut events = way.open(ann, markers).await;
    let first = events.next().await.expect("a frame");
    assert_eq!(first.kind(), "welcome");
    events
}

/// How many more sessions this person can have, of devices that have everything. They have left
/// when this returns.
async fn places(ann: &Visitor, there: &Written) -> usize {
    let mut open = Vec::new();
    loop {
        let answer = ann.stream_answer(there.all.clone()).await;
        if answer.status() != 200 {
            break;
        }
        open.push(answer);
    }
    let count = open.len();
    drop(open);
    let left = async {
        while ann.stream_answer(there.all.clone()).await.status() != 200 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(SOON, left).await.expect("they leave");
    count
}

/// Everything that was on its way.
async fn rest(mut events: Events) -> Vec<ServerFrame> {
    let mut frames = Vec::new();
    let ended = timeout(SOON, async {
        while let Some(frame) = events.next().await {
            frames.push(frame);
        }
    });
    ended.await.expect("an end");
    frames
}

async fn a_device_that_does_not_read_is_let_go_and_resumes_from_its_markers(way: Way) {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let there = write_much(&ann).await;
    let events = stuck(way, &ann, there.first.clone()).await;
    sleep(SEND_MAX / 2).await;
    assert_eq!(
        places(&ann, &there).await,
        STREAMS_MAX - 1,
        "it still has its place"
    );
    sleep(SEND_MAX / 2 + Duration::from_secs(3)).await;
    assert_eq!(
        places(&ann, &there).await,
        STREAMS_MAX,
        "it has none any more"
    );
    let came = rest(events).await;
    assert!(!kinds(&came).contains(&"delta_complete"));
    // What came is whole, and the rest follows from there.
    let mut markers = markers_after(&came);
    if markers.get(&own(), "journal_entries") == Marker::START {
        markers = there.first;
    }
    let mut again = way.open(&ann, markers).await;
    let live = |frame: &ServerFrame| matches!(frame, ServerFrame::DeltaComplete {});
    let missed = again.until_within(4 * SOON, live).await;
    let (before, after) = (entries(&came), entries(&missed));
    assert!(before.len() < ENTRIES && !after.is_empty());
    let lsns = before.iter().chain(&after).map(|row| row.lsn);
    let all = 2..=u64::try_from(ENTRIES + 1).expect("few");
    assert!(lsns.eq(all), "{} and {}", before.len(), after.len());
}

async fn a_device_that_takes_a_long_catch_up_slowly_gets_it_in_one_session(way: Way) {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let there = write_much(&ann).await;
    let mut events = way.open(&ann, there.first).await;
    let began = Instant::now();
    let mut came = Vec::new();
    while !matches!(came.last(), Some(ServerFrame::DeltaComplete {})) {
        let frame = timeout(SOON, events.next()).await.expect("a frame");
        let so_far = || (began.elapsed(), kinds(&came).join(" "));
        came.push(frame.unwrap_or_else(|| unreachable!("it was cut off: {:?}", so_far())));
        sleep(SLOWLY).await;
    }
    assert!(began.elapsed() > SILENCE_MAX, "that was no slow device");
    assert_eq!(entries(&came).len(), ENTRIES);
    // What was on its way arrives in any case; this tells that the session goes on.
    ann.push_one(&written("Afterwards.")).await;
    let news = |frame: &ServerFrame| matches!(frame, ServerFrame::Change(_));
    assert_eq!(entries(&events.until(news).await).len(), 1);
}

async fn a_session_that_ends_is_closed_even_while_its_device_does_not_read(way: Way) {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let there = write_much(&ann).await;
    let events = stuck(way, &ann, there.first.clone()).await;
    let laptop = world.other_device("ann").await;
    // So that the network is full.
    sleep(Duration::from_secs(2)).await;
    assert_eq!(places(&laptop, &there).await, STREAMS_MAX - 1);
    ann.call("sign_out", &[]).await;
    sleep(Duration::from_secs(3)).await;
    assert_eq!(places(&laptop, &there).await, STREAMS_MAX);
    let came = kinds(&rest(events).await).join(" ");
    assert!(!came.contains("delta_complete"), "{came}");
}

#[tokio::test]
async fn a_socket_whose_device_gives_no_sign_of_life_is_let_go() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let there = write_much(&ann).await;
    // There is nothing to send that could get stuck; but nobody answers pings either.
    let mute = stuck(Way::Socket, &ann, there.all.clone()).await;
    let heard = Way::Events.open(&ann, there.all.clone()).await;
    sleep(SILENCE_MAX - Duration::from_secs(2)).await;
    assert_eq!(places(&ann, &there).await, STREAMS_MAX - 2);
    sleep(Duration::from_secs(4)).await;
    assert_eq!(places(&ann, &there).await, STREAMS_MAX - 1);
    drop((mute, heard));
}

/// The program as a process of its own, so that its memory is nobody else's. Ends when dropped.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Program {
    async fn start(folder: &Path) -> (Self, Visitor) {
        write_site(&folder.join("site"));
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = free.local_addr().expect("an address").to_string();
        drop(free);
        let database = folder.join("daybook.sqlite");
        let program = Command::new(env!("CARGO_BIN_EXE_daybook"))
            .env("DAYBOOK_ADDR", &address)
            .env("DATABASE_URL", format!("sqlite:{}", database.display()))
            .env("DAYBOOK_SITE", folder.join("site"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let program = Self(program.expect("a program"));
        let visitor = Visitor::of(format!("http://{address}"));
        let up = timeout(4 * SOON, async {
            while visitor.http.get(&visitor.base).send().await.is_err() {
                sleep(Duration::from_millis(50)).await;
            }
        });
        up.await.expect("a server");
        (program, visitor)
    }

    /// What it has in memory now.
    fn bytes(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id()));
        let status = status.expect("a process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let words = line.and_then(|line| line.split_whitespace().next());
        let kib: usize = words.and_then(|kib| kib.parse().ok()).expect("a number");
        kib * 1024
    }
}

async fn devices_that_do_not_read_cost_the_server_little_memory(way: Way) {
    if !cfg!(target_os = "linux") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (program, ann) = Program::start(folder.path()).await;
    ann.sign_up("ann@example.org").await;
    let there = write_much(&ann).await;
    // What reading the journal takes once is not what is looked for.
    let mut one = Way::Events.open(&ann, there.first.clone()).await;
    one.until_live().await;
    let before = program.bytes();
    let mut open = Vec::new();
    for _ in 1..STREAMS_MAX {
        open.push(stuck(way, &ann, there.first.clone()).await);
    }
    // They have sent what there is room for.
    sleep(Duration::from_secs(5)).await;
    let grown = program.bytes().saturating_sub(before);
    let each = grown / open.len();
    println!(
        "{way:?}: {} sessions hold {} KiB each",
        open.len(),
        each / 1024
    );
    assert!(each < SESSION_BYTES_MAX, "{each} bytes a session");
}

#[tokio::test]
async fn an_export_that_is_not_read_makes_room_for_another() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    write_much(&ann).await;
    write_much(&ann).await;
    let mut stuck = ann.post("/api/account/export", "", "").await;
    assert_eq!(stuck.status(), 200);
    stuck.chunk().await.expect("a part").expect("a part");
    let begun = Instant::now();
    let until = begun + PIECE_WAIT_MAX * 2;
    while ann.post("/api/account/export", "", "").await.status() == 503 {
        assert!(Instant::now() < until, "it keeps its turn for ever");
        sleep(SLOWLY).await;
    }
    assert!(begun.elapsed() > PIECE_WAIT_MAX / 2, "it was given time");
    let mut read = Vec::new();
    while let Ok(Some(part)) = stuck.chunk().await {
        read.extend(part);
    }
    let read = String::from_utf8(read).expect("text");
    assert!(!read.contains("\"complete\""));
}
