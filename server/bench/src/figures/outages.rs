//! PostgreSQL restarted, killed and cut off while devices push: nothing that was acknowledged is
//! lost, nothing is there twice, and devices are served again soon after it is back.

use crate::Wish;
use crate::cluster::{Cluster, Stop};
use crate::ledger::Faults;
use crate::line::Line;
use crate::load::{Writer, faults, ledgers, writers};
use crate::place::{Kind, Place};
use crate::relay::{Relay, Way};
use crate::spread::Spread;
use crate::table::Table;
use anyhow::{Context, Result};
use server::clock::random_below;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

const OUTAGES: usize = 50;

/// People who push, with two devices each.
const PEOPLE: usize = 4;

/// How long they push before the next outage, at most.
const LOAD_MS_MAX: u64 = 400;

/// How long it is away, at most.
const AWAY_MS_MAX: u64 = 1_000;

/// How long its answers are swallowed before it is cut off, at most.
const DEAF_MS_MAX: u64 = 100;

/// A device that is not served tries again after this.
const AGAIN: Duration = Duration::from_millis(20);

/// Within this after the database's return, service must be back.
const BACK_MAX: Duration = Duration::from_secs(5);

/// After this it is not waited for any more.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is done to the database.
#[derive(Clone, Copy, Debug)]
enum Outage {
    Stop(Stop),
    Cut,
    Deaf,
}

/// Devices that push until they are told to stop.
struct Load {
    stop: watch::Sender<bool>,
    /// When each was answered last.
    served: Vec<watch::Receiver<Instant>>,
    tasks: Vec<JoinHandle<Writer>>,
}

pub(crate) async fn run(wish: &Wish) -> Result<()> {
    if wish.kinds().all(|kind| kind != Kind::Postgres) {
        return Ok(());
    }
    let place = Place::new(wish, Kind::Postgres).await?;
    let cluster = place.cluster.as_ref().context("a server")?;
    let relay = Relay::to(cluster.port()).await?;
    let near = place.node().await?;
    let far = place.node_at(&cluster.url(relay.port)).await?;
    let mut writers = writers(near.address, PEOPLE, wish.planted).await?;
    let stops = [Stop::Fast, Stop::Immediate, Stop::Kill].map(Outage::Stop);
    let cuts = [Outage::Cut, Outage::Deaf];
    let count = wish.outages.unwrap_or_else(|| wish.about(OUTAGES));
    let all = stops.iter().chain(&cuts);
    let mut table = Table::new(&[
        "PostgreSQL is",
        "times",
        "served again after its return, median / most, ms",
    ]);
    let mut all_faults = Faults::default();
    for (number, outage) in all.enumerate() {
        // The one that is cut off reaches the database by the relay.
        let address = match outage {
            Outage::Stop(_) => near.address,
            Outage::Cut | Outage::Deaf => far.address,
        };
        let ways = stops.len() + cuts.len();
        let times = count / ways + usize::from(number < count % ways);
        let load = Load::start(writers, address);
        let mut back = Spread::default();
        for _ in 0..times {
            sleep(Duration::from_millis(random_below(LOAD_MS_MAX))).await;
            let returned = outage.happen(cluster, &relay).await?;
            let took = load.back_after(returned).await;
            if took > BACK_MAX {
                all_faults.other(format!("{outage}: served again only after {took:?}"));
            }
            back.add(took);
        }
        writers = load.end().await?;
        let took = format!("{} / {}", back.ms(50.0), back.ms_max());
        table.row(&[outage, &back.len(), &took]);
        eprintln!("    {outage}: {times} times");
    }
    all_faults += &conclude(&mut table, writers, near.address).await?;
    if let Some(damage) = place.check().await? {
        all_faults.other(damage);
    }
    table.print("PostgreSQL taken away while 8 devices of 4 people push");
    all_faults.verdict()
}

/// Lets what is under way come to its end, and compares everything.
async fn conclude(
    table: &mut Table,
    mut writers: Vec<Writer>,
    address: SocketAddr,
) -> Result<Faults> {
    for writer in &mut writers {
        writer.hang_up().await;
        writer.settle(address).await?;
    }
    let mut ledgers = ledgers(writers);
    let mut line = Line::open(address).await?;
    let mut acknowledged = 0;
    for ledger in &mut ledgers {
        acknowledged += ledger.len();
        ledger.compare_all(&mut line).await?;
    }
    let faults = faults(&ledgers);
    let (lost, doubled) = (faults.lost, faults.doubled);
    let told = format!("lost {lost}, doubled {doubled}");
    table.row(&[&"of all, acknowledged changes", &acknowledged, &told]);
    Ok(faults)
}

impl std::fmt::Display for Outage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Stop(Stop::Fast) => "restarted",
            Self::Stop(Stop::Immediate) => "stopped at once (`-m immediate`)",
            Self::Stop(Stop::Kill) => "killed (`kill -9`)",
            Self::Cut => "cut off",
            Self::Deaf => "cut off after its answers were swallowed",
        })
    }
}

impl Outage {
    /// Takes the database away for a while, and tells when it was back.
    async fn happen(self, cluster: &Cluster, relay: &Relay) -> Result<Instant> {
        let away = Duration::from_millis(random_below(AWAY_MS_MAX));
        match self {
            Self::Stop(how) => {
                cluster.down(how).await?;
                sleep(away).await;
                cluster.up().await
            }
            Self::Cut | Self::Deaf => {
                if matches!(self, Self::Deaf) {
                    relay.set(Way::Deaf);
                    sleep(Duration::from_millis(random_below(DEAF_MS_MAX))).await;
                }
                relay.set(Way::Cut);
                sleep(away).await;
                relay.set(Way::Open);
                Ok(Instant::now())
            }
        }
    }
}

impl Load {
    fn start(writers: Vec<Writer>, address: SocketAddr) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut load = Self {
            stop,
            served: Vec::new(),
            tasks: Vec::new(),
        };
        for writer in writers {
            let (serve, served) = watch::channel(Instant::now());
            load.served.push(served);
            let pushing = push_until_stopped(writer, address, serve, stopped.clone());
            load.tasks.push(tokio::spawn(pushing));
        }
        load
    }

    /// How long after that moment every device had been answered.
    async fn back_after(&self, returned: Instant) -> Duration {
        let mut last = returned;
        for served in &self.served {
            let mut served = served.clone();
            let after = served.wait_for(|at| *at > returned);
            match timeout(PATIENCE, after).await {
                Ok(Ok(at)) => last = last.max(*at),
                _ => return PATIENCE,
            }
        }
        last - returned
    }

    async fn end(self) -> Result<Vec<Writer>> {
        self.stop.send_replace(true);
        let mut writers = Vec::new();
        for task in self.tasks {
            writers.push(task.await?);
        }
        Ok(writers)
    }
}

async fn push_until_stopped(
    mut writer: Writer,
    address: SocketAddr,
    served: watch::Sender<Instant>,
    stopped: watch::Receiver<bool>,
) -> Writer {
    while !*stopped.borrow() {
        match writer.once(address).await {
            Ok(()) => drop(served.send_replace(Instant::now())),
            Err(_) => sleep(AGAIN).await,
        }
    }
    writer
}
