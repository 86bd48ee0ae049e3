//! What a server takes that has only just begun, and what an idle stream, or socket, adds to that.

use crate::Wish;
use crate::line::Events;
use crate::line::Line;
use crate::node::Node;
use crate::person::{Person, pass};
use crate::place::{Kind, Place};
use crate::socket::Socket;
use crate::table::Table;
use anyhow::{Context, Result, ensure};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use sync::limits::{HEARTBEAT_JITTER_MS, HEARTBEAT_MS};
use sync::scope::Markers;
use tokio::task::JoinSet;
use tokio::time::sleep;

const STREAMS: usize = 10_000;

/// How many devices each person has: as many as may be without the operator's word.
const DEVICES: usize = 20;

/// What is open besides streams, on either side.
const FILES_BESIDES: u64 = 1_000;

/// How a device stays in touch.
#[derive(Clone, Copy)]
enum Way {
    Events,
    Socket,
}

/// What it has open.
enum Open {
    Events(Events),
    Socket(Box<Socket>),
}

/// How long a server that has begun is left alone before it is looked at.
const REST: Duration = Duration::from_secs(2);

/// So many heartbeats later it is looked at again.
const BEATS: u32 = 3;

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Events => "events",
            Self::Socket => "socket",
        })
    }
}

impl Way {
    /// Another device of theirs that has caught up.
    async fn open(self, address: SocketAddr, person: &Person, markers: Markers) -> Result<Open> {
        Ok(match self {
            Self::Events => Open::Events(stream(address, person, markers).await?),
            Self::Socket => {
                let hello = person.other_device()?.hello(markers);
                let mut socket = Socket::open(address, &person.cookie, hello).await?;
                socket.until("{\"delta_complete\":").await?;
                Open::Socket(Box::new(socket))
            }
        })
    }
}

impl Open {
    /// Reads on, until it ends.
    async fn read(self) -> Result<()> {
        match self {
            Self::Events(mut events) => loop {
                events.next().await.context("an idle stream")?;
            },
            Self::Socket(mut socket) => loop {
                socket.next().await.context("an idle socket")?;
            },
        }
    }
}

pub(crate) async fn run(wish: &Wish) -> Result<()> {
    let mut table = Table::new(&[
        "database",
        "way",
        "idle",
        "resident at the start, MB",
        "with all of them, MB",
        "KB each",
        "after 3 heartbeats, KB each",
        "opened a second",
        "computing while idle, % of a core",
    ]);
    let count = wish.about(STREAMS);
    let files = u64::try_from(count)? + FILES_BESIDES;
    let raised = rlimit::increase_nofile_limit(files)?;
    ensure!(
        raised >= files,
        "{files} open files are needed and {raised} may be: raise the hard limit (`ulimit -Hn`), \
         or measure fewer with --quick"
    );
    for kind in wish.kinds() {
        for way in [Way::Events, Way::Socket] {
            measure(wish, kind, way, count, &mut table).await?;
        }
    }
    table.print("Idle streams and sockets on one node");
    Ok(())
}

async fn measure(wish: &Wish, kind: Kind, way: Way, count: usize, table: &mut Table) -> Result<()> {
    let place = Place::new(wish, kind).await?;
    let people = {
        // Hashing so many passwords leaves its traces in a server's memory; another one begins.
        let node = place.node().await?;
        let people = Person::crowd(node.address, count.div_ceil(DEVICES)).await?;
        node.kill().await?;
        people
    };
    let node = place.node().await?;
    sleep(REST).await;
    let at_start = node.resident_kib()?;
    let (mut open, opened) = open_all(node.address, way, people, count).await?;
    sleep(REST).await;
    let with_streams = node.resident_kib()?;
    let beats = Duration::from_millis(HEARTBEAT_MS + HEARTBEAT_JITTER_MS) * BEATS;
    let computed = computing(&node, beats).await?;
    let later = node.resident_kib()?;
    // None of them ended meanwhile.
    if let Some(ended) = open.try_join_next() {
        ended??;
    }
    ensure!(open.len() == count, "{} of {count} are left", open.len());
    let each = |kib: u64| -> Result<String> {
        let bytes = kib.saturating_sub(at_start) * 1024;
        Ok(format!("{:.1}", bytes as f64 / 1_000.0 / count as f64))
    };
    let megabytes = |kib: u64| format!("{:.1}", kib as f64 * 1.024 / 1_000.0);
    table.row(&[
        &kind,
        &way,
        &count,
        &megabytes(at_start),
        &megabytes(with_streams),
        &each(with_streams)?,
        &each(later)?,
        &format!("{:.0}", count as f64 / opened.as_secs_f64()),
        &format!("{computed:.0}"),
    ]);
    Ok(())
}

/// Which part of a core it keeps busy for so long, in percent.
async fn computing(node: &Node, span: Duration) -> Result<f64> {
    let (before, began) = (node.computed()?, Instant::now());
    sleep(span).await;
    let computed = node.computed()? - before;
    Ok(100.0 * computed.as_secs_f64() / began.elapsed().as_secs_f64())
}

/// Opens all streams, each read by a task of its own, and tells how long that took.
async fn open_all(
    address: SocketAddr,
    way: Way,
    people: Vec<Person>,
    count: usize,
) -> Result<(JoinSet<Result<()>>, Duration)> {
    let began = Instant::now();
    let (mut reading, mut opening) = (JoinSet::new(), JoinSet::new());
    let left = Arc::new(AtomicUsize::new(count));
    let people = Arc::new(std::sync::Mutex::new(people));
    // Some at a time, as after a restart that devices answer at random moments.
    for _ in 0..16 {
        let (people, left) = (Arc::clone(&people), Arc::clone(&left));
        opening.spawn(async move {
            let mut open = Vec::new();
            loop {
                let person = people.lock().ok().and_then(|mut people| people.pop());
                let Some(person) = person else {
                    return Ok(open);
                };
                let markers = markers(address, &person).await?;
                for _ in 0..DEVICES {
                    if left.fetch_sub(1, Ordering::Relaxed) == 0 {
                        left.store(0, Ordering::Relaxed);
                        return Ok(open);
                    }
                    open.push(way.open(address, &person, markers.clone()).await?);
                }
            }
        });
    }
    while let Some(some) = opening.join_next().await {
        let some: Result<Vec<Open>> = some?;
        for open in some? {
            reading.spawn(open.read());
        }
    }
    Ok((reading, began.elapsed()))
}

/// Where a device stands that has everything.
pub(crate) async fn markers(address: SocketAddr, person: &Person) -> Result<Markers> {
    let mut line = Line::open(address).await?;
    let mut markers = Markers::default();
    loop {
        let (frames, _) = person.pull(&mut line, markers.clone()).await?;
        for frame in &frames {
            pass(&mut markers, frame);
        }
        if frames.iter().any(|frame| frame.kind() == "delta_complete") {
            return Ok(markers);
        }
    }
}

/// A stream of another device of theirs that has caught up.
pub(crate) async fn stream(
    address: SocketAddr,
    person: &Person,
    markers: Markers,
) -> Result<Events> {
    let hello = person.other_device()?.hello(markers);
    let line = Line::open(address).await?;
    let mut events = line.stream(&person.cookie, hello).await?;
    events.until("{\"delta_complete\":").await?;
    Ok(events)
}
