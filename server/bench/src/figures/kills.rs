//! `kill -9` while devices push: nothing that was acknowledged is lost, and nothing is there twice.

use crate::Wish;
use crate::ledger::Faults;
use crate::line::Line;
use crate::load::{Writer, faults, ledgers, writers};
use crate::place::{Kind, Place};
use crate::spread::Spread;
use crate::table::Table;
use anyhow::Result;
use server::clock::random_below;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::time::sleep;

const KILLS: usize = 200;

/// People who push, with two devices each.
const PEOPLE: usize = 4;

/// How long they push before the next kill, at most.
const LOAD_MS_MAX: u64 = 250;

/// What came of it on one database.
#[derive(Default)]
struct Told {
    kills: usize,
    acknowledged: usize,
    /// Pushes that were under way at a kill.
    interrupted: usize,
    /// From a start to its being ready.
    starts: Spread,
    faults: Faults,
}

pub(crate) async fn run(wish: &Wish) -> Result<()> {
    let mut table = Table::new(&[
        "database",
        "kills",
        "acknowledged changes",
        "pushes interrupted",
        "lost",
        "doubled",
        "damage",
        "ready again, median / most, ms",
    ]);
    let mut all = Faults::default();
    for kind in wish.kinds() {
        let kills = wish.kills.unwrap_or_else(|| wish.about(KILLS));
        let told = kill(wish, kind, kills).await?;
        let ready = format!("{} / {}", told.starts.ms(50.0), told.starts.ms_max());
        table.row(&[
            &kind,
            &told.kills,
            &told.acknowledged,
            &told.interrupted,
            &told.faults.lost,
            &told.faults.doubled,
            &told.faults.other,
            &ready,
        ]);
        all += &told.faults;
    }
    table.print("`kill -9` while 8 devices of 4 people push");
    all.verdict()
}

async fn kill(wish: &Wish, kind: Kind, kills: usize) -> Result<Told> {
    let place = Place::new(wish, kind).await?;
    let mut told = Told::default();
    let mut node = place.node().await?;
    let mut writers = writers(node.address, PEOPLE, wish.planted).await?;
    for number in 0..kills {
        let pushing = writers
            .into_iter()
            .map(|writer| push_until_cut(writer, node.address));
        let pushing: Vec<_> = pushing.map(tokio::spawn).collect();
        sleep(Duration::from_millis(1 + random_below(LOAD_MS_MAX))).await;
        node.kill().await?;
        told.kills += 1;
        writers = Vec::new();
        for one in pushing {
            let mut writer = one.await?;
            told.interrupted += usize::from(writer.hang_up().await);
            writers.push(writer);
        }
        if let Some(damage) = place.check().await? {
            told.faults.other(format!("after kill {number}: {damage}"));
        }
        let began = Instant::now();
        node = place.node().await?;
        told.starts.add(began.elapsed());
        settle(&mut writers, node.address).await?;
        if number % 20 == 19 {
            eprintln!("    {kind}: {} kills", number + 1);
        }
    }
    let mut ledgers = ledgers(writers);
    let mut line = Line::open(node.address).await?;
    for ledger in &mut ledgers {
        told.acknowledged += ledger.len();
        ledger.compare_all(&mut line).await?;
    }
    told.faults += &faults(&ledgers);
    Ok(told)
}

async fn push_until_cut(mut writer: Writer, address: SocketAddr) -> Writer {
    while writer.once(address).await.is_ok() {}
    writer
}

/// Sends again what was not answered, and compares what there is with what was acknowledged.
async fn settle(writers: &mut [Writer], address: SocketAddr) -> Result<()> {
    for writer in writers.iter_mut() {
        writer.settle(address).await?;
    }
    let mut line = Line::open(address).await?;
    // Two devices of one person follow each other.
    for writer in writers.iter().step_by(2) {
        writer.compare(&mut line).await?;
    }
    Ok(())
}
