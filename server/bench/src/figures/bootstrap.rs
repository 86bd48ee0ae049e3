//! How fast a new device gets a long journal, over a stream and over pulls.

use crate::Wish;
use crate::entries::{WORDS, written};
use crate::line::Line;
use crate::load::PUSH_MAX;
use crate::person::{Person, pass};
use crate::place::{Kind, Place};
use crate::table::Table;
use anyhow::{Result, ensure};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use sync::frame::ServerFrame;
use sync::scope::Markers;

const ROWS: usize = 100_000;

pub(crate) async fn run(wish: &Wish) -> Result<()> {
    let mut table = Table::new(&["database", "way", "rows", "MB", "seconds", "rows/s", "MB/s"]);
    let count = wish.about(ROWS);
    for kind in wish.kinds() {
        let place = Place::new(wish, kind).await?;
        let node = place.node().await?;
        let person = Person::sign_up(node.address, "longwriter").await?;
        write(node.address, &person, count).await?;
        let (rows, bytes, took) = by_stream(node.address, &person).await?;
        ensure!(rows == count, "a stream brought {rows} of {count} rows");
        row(&mut table, kind, "stream", rows, bytes, took);
        let (rows, bytes, took) = by_pull(node.address, &person).await?;
        ensure!(rows == count, "pulls brought {rows} of {count} rows");
        row(&mut table, kind, "pull", rows, bytes, took);
    }
    table.print("A new device takes a long journal");
    Ok(())
}

fn row(table: &mut Table, kind: Kind, way: &str, rows: usize, bytes: usize, took: Duration) {
    let (megabytes, seconds) = (bytes as f64 / 1e6, took.as_secs_f64());
    table.row(&[
        &kind,
        &way,
        &rows,
        &format!("{megabytes:.1}"),
        &format!("{seconds:.2}"),
        &format!("{:.0}", rows as f64 / seconds),
        &format!("{:.1}", megabytes / seconds),
    ]);
}

async fn write(address: SocketAddr, person: &Person, count: usize) -> Result<()> {
    let mut line = Line::open(address).await?;
    let mut left = count;
    while left > 0 {
        let some = (0..left.min(PUSH_MAX)).map(|_| written(person.device_id, WORDS));
        let some = some.collect::<Result<Vec<_>>>()?;
        left -= some.len();
        person.push_all(&mut line, some).await?;
    }
    Ok(())
}

fn entries(frame: &ServerFrame) -> usize {
    match frame {
        ServerFrame::Delta(delta) if delta.table == "journal_entries" => delta.rows.len(),
        _ => 0,
    }
}

/// Rows, bytes of events, and how long they took. They are read afterwards: a device is no part
/// of what is measured.
async fn by_stream(address: SocketAddr, person: &Person) -> Result<(usize, usize, Duration)> {
    let hello = person.other_device()?.hello(Markers::default());
    let line = Line::open(address).await?;
    let began = Instant::now();
    let mut events = line.stream(&person.cookie, hello).await?;
    let mut texts = Vec::new();
    let took = loop {
        let (text, at) = events.next().await?;
        let is_complete = text.contains("{\"delta_complete\":");
        texts.push(text);
        if is_complete {
            break at - began;
        }
    };
    let mut rows = 0;
    for text in &texts {
        rows += entries(&ServerFrame::decode(text)?);
    }
    Ok((rows, texts.iter().map(String::len).sum(), took))
}

/// The same by pulls, one after the other. Here a device has to read before it can ask on.
async fn by_pull(address: SocketAddr, person: &Person) -> Result<(usize, usize, Duration)> {
    let mut line = Line::open(address).await?;
    let began = Instant::now();
    let (mut markers, mut rows, mut bytes) = (Markers::default(), 0, 0);
    loop {
        let (frames, weight) = person.pull(&mut line, markers.clone()).await?;
        bytes += weight;
        for frame in &frames {
            rows += entries(frame);
            pass(&mut markers, frame);
        }
        if frames.iter().any(|frame| frame.kind() == "delta_complete") {
            return Ok((rows, bytes, began.elapsed()));
        }
    }
}
