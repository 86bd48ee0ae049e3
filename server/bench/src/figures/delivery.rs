//! How soon a change is told to others: to one, to a thousand, and from one node to another.

use super::streams::{markers, stream};
use crate::Wish;
use crate::entries::{WORDS, written};
use crate::line::{Events, Line};
use crate::person::Person;
use crate::place::{Kind, Place};
use crate::spread::Spread;
use crate::table::Table;
use anyhow::{Context, Result, ensure};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

/// Changes told to one.
const CHANGES: usize = 2_000;

/// Changes told to many.
const CHANGES_TO_MANY: usize = 100;

/// Those many.
const SUBSCRIBERS: usize = 1_000;

/// The first ones are not counted: connections to the database are opened by them.
const WARM_UP: usize = 20;

/// Between two changes.
const PAUSE: Duration = Duration::from_millis(5);

/// The same, where a thousand have to be ready again.
const PAUSE_OF_MANY: Duration = Duration::from_millis(50);

/// How long a change may take to arrive.
const ARRIVAL_MAX: Duration = Duration::from_secs(10);

/// How long things took, from a change's sending on.
#[derive(Default)]
struct Told {
    /// Until it was acknowledged, and so durable.
    acknowledged: Spread,
    /// Until another had it.
    arrived: Spread,
    /// From the acknowledgement until another had it; 0 where it was there before.
    after: Spread,
}

/// Where it is sent, where others listen, and how often.
struct Setting {
    from: SocketAddr,
    to: SocketAddr,
    subscribers: usize,
    changes: usize,
    pause: Duration,
}

pub(crate) async fn run(wish: &Wish) -> Result<()> {
    let mut table = Table::new(&[
        "one change to",
        "database",
        "deliveries",
        "acknowledged, p50 / p99, ms",
        "sent → there, p50 / p99, ms",
        "durable → there, p50 / p99 / most, ms",
    ]);
    for kind in wish.kinds() {
        let place = Place::new(wish, kind).await?;
        let node = place.node().await?;
        let one = Setting {
            from: node.address,
            to: node.address,
            subscribers: 1,
            changes: wish.about(CHANGES),
            pause: PAUSE,
        };
        row(&mut table, "one other subscriber", kind, &one).await?;
        let many = Setting {
            subscribers: wish.about(SUBSCRIBERS),
            changes: wish.about(CHANGES_TO_MANY),
            pause: PAUSE_OF_MANY,
            ..one
        };
        let name = format!("{} subscribers of one journal", many.subscribers);
        row(&mut table, &name, kind, &many).await?;
        if kind == Kind::Postgres {
            let other = place.node().await?;
            let across = Setting {
                to: other.address,
                subscribers: 1,
                changes: wish.about(CHANGES),
                pause: PAUSE,
                ..many
            };
            row(&mut table, "one on another node", kind, &across).await?;
        }
    }
    table.print("A change on its way to others");
    Ok(())
}

async fn row(table: &mut Table, name: &str, kind: Kind, setting: &Setting) -> Result<()> {
    let told = measure(setting).await?;
    let two = |spread: &Spread| format!("{} / {}", spread.ms(50.0), spread.ms(99.0));
    table.row(&[
        &name,
        &kind,
        &told.arrived.len(),
        &two(&told.acknowledged),
        &two(&told.arrived),
        &format!("{} / {}", two(&told.after), told.after.ms_max()),
    ]);
    Ok(())
}

async fn measure(setting: &Setting) -> Result<Told> {
    let name = crate::entries::name()?.to_string().replace('_', "x");
    let person = Person::sign_up(setting.from, &name).await?;
    let markers = markers(setting.to, &person).await?;
    let (arrive, mut arrived) = mpsc::unbounded_channel();
    for _ in 0..setting.subscribers {
        let events = stream(setting.to, &person, markers.clone()).await?;
        tokio::spawn(report(events, arrive.clone()));
    }
    let mut line = Line::open(setting.from).await?;
    let mut told = Told::default();
    for number in 0..WARM_UP + setting.changes {
        let change = written(person.device_id, WORDS)?;
        let began = Instant::now();
        person.push_all(&mut line, vec![change]).await?;
        let acknowledged = Instant::now();
        for _ in 0..setting.subscribers {
            let at = timeout(ARRIVAL_MAX, arrived.recv()).await;
            let at: Instant = at
                .context("a change did not arrive")?
                .context("no stream")?;
            if number >= WARM_UP {
                told.arrived.add(at - began);
                told.after.add(at.saturating_duration_since(acknowledged));
            }
        }
        if number >= WARM_UP {
            told.acknowledged.add(acknowledged - began);
        }
        sleep(setting.pause).await;
    }
    let deliveries = setting.changes * setting.subscribers;
    ensure!(
        told.arrived.len() == u64::try_from(deliveries)?,
        "some did not arrive"
    );
    Ok(told)
}

async fn report(mut events: Events, arrive: mpsc::UnboundedSender<Instant>) -> Result<()> {
    loop {
        let (_, at) = events.until("{\"change\":").await?;
        if arrive.send(at).is_err() {
            return Ok(());
        }
    }
}
