//! Commits that a reader by position would not see: many write at once, in transactions that stay
//! open for a while, and readers follow by position. Beside our log one whose positions come from
//! a sequence, which loses rows, and which tells what our order of commits costs.

use crate::Wish;
use crate::entries::{WORDS, name, written};
use crate::naive::Naive;
use crate::place::{Kind, Place};
use crate::table::Table;
use anyhow::{Result, ensure};
use server::clock::{now_ms, random_below};
use server::error::Error;
use server::store::users::User;
use server::store::writing::{Kept, Writing};
use server::store::{ScopeKey, Store};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use sync::frame::Outcome;
use sync::id::Id;
use sync::row::Row;
use sync::scope::Lsn;
use sync::table::Synced as _;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

const ROWS: u64 = 1_000_000;

/// How many rows the log loses by a sequence is seen with fewer.
const ROWS_OF_CONTROL: u64 = 200_000;

const SCOPES: u64 = 1_000;
const WRITERS: usize = 64;

/// Nodes, each with connections of its own. Two share a file of SQLite, to come out of order if
/// they can; PostgreSQL has four.
const fn nodes(kind: Kind) -> usize {
    match kind {
        Kind::Sqlite => 2,
        Kind::Postgres => 4,
    }
}

/// A transaction stays open for less than this before it is committed.
const HOLD_MS: u64 = 31;

/// How long each run for the costs lasts, and how many there are of each, in turns.
const COST_RUN: Duration = Duration::from_secs(6);
const COST_TURNS: usize = 3;

/// How writers go about it.
#[derive(Clone, Copy)]
struct Manner {
    /// Rows in one transaction: 1 to this many.
    rows_max: u64,
    /// Whether the number is always that one.
    always: bool,
    hold_ms: u64,
}

/// Where they write.
#[derive(Clone)]
enum Log {
    Ours {
        stores: Vec<Store>,
        scopes: Arc<Vec<ScopeKey>>,
        /// Hears of each commit, as streams do.
        poke: Option<mpsc::UnboundedSender<usize>>,
    },
    Naive(Naive),
}

pub(crate) async fn run(wish: &Wish) -> Result<()> {
    let mut hidden = Table::new(&["log", "database", "rows", "rows/s", "skipped", "%"]);
    let mut cost = Table::new(&[
        "database",
        "rows a commit, held open",
        "ours, commits/s",
        "naïve, commits/s",
        "cost, %",
    ]);
    let mut skipped_by_us = 0;
    for kind in wish.kinds() {
        let place = Place::new(wish, kind).await?;
        let stores = stores(kind, &place.url).await?;
        let scopes = Arc::new(people(&stores[0]).await?);
        let rows = wish
            .rows
            .unwrap_or(if wish.quick { ROWS / 50 } else { ROWS });
        let skipped = ours(&stores, &scopes, kind, rows, &mut hidden).await?;
        skipped_by_us += skipped;
        let naive = Naive::new(kind, &place.url, nodes(kind)).await?;
        control(&naive, kind, rows.min(ROWS_OF_CONTROL), &mut hidden).await?;
        let ours = Log::Ours {
            stores: stores.clone(),
            scopes: Arc::clone(&scopes),
            poke: None,
        };
        for manner in costs(kind) {
            compare(
                wish,
                kind,
                &ours,
                &Log::Naive(naive.clone()),
                manner,
                &mut cost,
            )
            .await?;
        }
        for store in stores {
            store.close().await;
        }
        naive.close().await;
    }
    hidden.print("64 writers over 1,000 scopes, transactions open for 0–30 ms");
    cost.print("What the order of commits costs");
    ensure!(skipped_by_us == 0, "the feed skipped {skipped_by_us} rows");
    Ok(())
}

/// SQLite has one writer at a time: held open, each commit has more rows, or it would take hours.
const fn held(kind: Kind) -> Manner {
    let rows_max = match kind {
        Kind::Sqlite => 100,
        Kind::Postgres => 40,
    };
    Manner {
        rows_max,
        always: false,
        hold_ms: HOLD_MS,
    }
}

fn costs(kind: Kind) -> Vec<Manner> {
    let at_once = |rows_max| Manner {
        rows_max,
        always: true,
        hold_ms: 0,
    };
    let one_held = Manner {
        hold_ms: HOLD_MS,
        ..at_once(1)
    };
    match kind {
        Kind::Sqlite => vec![at_once(1), at_once(20)],
        Kind::Postgres => vec![at_once(1), at_once(20), one_held],
    }
}

async fn stores(kind: Kind, url: &str) -> Result<Vec<Store>> {
    let mut stores = Vec::new();
    for _ in 0..nodes(kind) {
        stores.push(Store::open(url).await?);
    }
    Ok(stores)
}

/// The journals of so many people.
async fn people(store: &Store) -> Result<Vec<ScopeKey>> {
    let mut scopes = Vec::new();
    for number in 0..SCOPES {
        let user = User {
            id: name()?,
            email: format!("person{number}@example.org"),
            password_hash: None,
            generation: User::FIRST_GENERATION,
        };
        ensure!(store.add_user(&user, now_ms()).await?, "an account twice");
        scopes.push(ScopeKey::own(user.id));
    }
    Ok(scopes)
}

/// Writes so many rows while readers follow by position, and tells how many they did not see.
async fn ours(
    stores: &[Store],
    scopes: &Arc<Vec<ScopeKey>>,
    kind: Kind,
    rows: u64,
    table: &mut Table,
) -> Result<u64> {
    let (poke, pokes) = mpsc::unbounded_channel();
    let log = Log::Ours {
        stores: stores.to_vec(),
        scopes: Arc::clone(scopes),
        poke: Some(poke),
    };
    let reading = tokio::spawn(follow(stores[0].clone(), Arc::clone(scopes), pokes));
    let began = Instant::now();
    let written = write(&log, rows, None, held(kind)).await?.rows;
    let took = began.elapsed();
    // The readers end when nobody can poke any more.
    drop(log);
    let seen = reading.await??;
    row(table, "ours", kind, written, took, written - seen);
    Ok(written - seen)
}

/// Follows each scope that was poked from where it stands, as sessions do; and all of them at
/// the end. Tells how many rows were seen.
async fn follow(
    store: Store,
    scopes: Arc<Vec<ScopeKey>>,
    mut pokes: mpsc::UnboundedReceiver<usize>,
) -> Result<u64> {
    let mut cursors: BTreeMap<usize, Lsn> = BTreeMap::new();
    let mut seen = 0;
    while let Some(scope) = pokes.recv().await {
        seen += read_on(&store, &scopes[scope], cursors.entry(scope).or_default()).await?;
    }
    for (number, scope) in scopes.iter().enumerate() {
        seen += read_on(&store, scope, cursors.entry(number).or_default()).await?;
    }
    Ok(seen)
}

async fn read_on(store: &Store, scope: &ScopeKey, cursor: &mut Lsn) -> Result<u64> {
    let mut seen = 0;
    loop {
        let tables = [domain::JournalEntry::TABLE];
        let found = store.page(scope, &tables, *cursor, None).await?;
        for row in &found.rows {
            ensure!(row.lsn > *cursor, "a row was brought twice");
            *cursor = row.lsn;
            seen += 1;
        }
        if found.exhausted {
            // What a session does: it stands at the end, whether or not the last change left a row.
            *cursor = (*cursor).max(found.end.lsn);
            return Ok(seen);
        }
    }
}

async fn control(naive: &Naive, kind: Kind, rows: u64, table: &mut Table) -> Result<()> {
    let writing = Arc::new(AtomicU64::new(1));
    let reading = tokio::spawn(naive.clone().follow(Arc::clone(&writing)));
    let began = Instant::now();
    let written = write(&Log::Naive(naive.clone()), rows, None, held(kind))
        .await?
        .rows;
    let took = began.elapsed();
    writing.store(0, Ordering::Release);
    let seen = reading.await??;
    row(
        table,
        "by a sequence (control)",
        kind,
        written,
        took,
        written - seen,
    );
    Ok(())
}

fn row(table: &mut Table, log: &str, kind: Kind, rows: u64, took: Duration, skipped: u64) {
    let rate = rows as f64 / took.as_secs_f64();
    let percent = 100.0 * skipped as f64 / rows as f64;
    table.row(&[
        &log,
        &kind,
        &rows,
        &format!("{rate:.0}"),
        &skipped,
        &format!("{percent:.2}"),
    ]);
}

/// Both in turns, for as long, and what the one costs over the other.
async fn compare(
    wish: &Wish,
    kind: Kind,
    ours: &Log,
    naive: &Log,
    manner: Manner,
    table: &mut Table,
) -> Result<()> {
    let span = if wish.quick { COST_RUN / 6 } else { COST_RUN };
    let mut rates = [Vec::new(), Vec::new()];
    for _ in 0..COST_TURNS {
        for (log, rates) in [ours, naive].into_iter().zip(&mut rates) {
            let began = Instant::now();
            let written = write(log, u64::MAX / 2, Some(began + span), manner).await?;
            rates.push(written.commits as f64 / began.elapsed().as_secs_f64());
        }
    }
    let [ours, naive] = rates.map(|mut rates| {
        rates.sort_by(f64::total_cmp);
        rates[COST_TURNS / 2]
    });
    let hold = if manner.hold_ms == 0 {
        "no"
    } else {
        "0–30 ms"
    };
    table.row(&[
        &kind,
        &format!("{}, {hold}", manner.rows_max),
        &format!("{ours:.0}"),
        &format!("{naive:.0}"),
        &format!("{:.0}", 100.0 * (naive / ours - 1.0)),
    ]);
    Ok(())
}

struct Written {
    rows: u64,
    commits: u64,
}

/// Lets all writers write so many rows, or until then.
async fn write(log: &Log, rows: u64, until: Option<Instant>, manner: Manner) -> Result<Written> {
    let left = Arc::new(AtomicI64::new(i64::try_from(rows)?));
    let mut writers = JoinSet::new();
    for number in 0..WRITERS {
        let (log, left) = (log.clone(), Arc::clone(&left));
        writers.spawn(async move {
            let mut written = Written {
                rows: 0,
                commits: 0,
            };
            while until.is_none_or(|until| Instant::now() < until) {
                let count = if manner.always {
                    manner.rows_max
                } else {
                    1 + random_below(manner.rows_max)
                };
                if left.fetch_sub(i64::try_from(count)?, Ordering::Relaxed) <= 0 {
                    break;
                }
                let hold = Duration::from_micros(random_below(manner.hold_ms * 1_000));
                log.write(number, count, hold).await?;
                written.rows += count;
                written.commits += 1;
            }
            Ok::<_, anyhow::Error>(written)
        });
    }
    let mut all = Written {
        rows: 0,
        commits: 0,
    };
    while let Some(written) = writers.join_next().await {
        let written = written??;
        all.rows += written.rows;
        all.commits += written.commits;
    }
    Ok(all)
}

impl Log {
    /// One transaction of one writer, in any scope.
    async fn write(&self, writer: usize, count: u64, hold: Duration) -> Result<()> {
        let scope = usize::try_from(random_below(SCOPES))?;
        match self {
            Self::Naive(naive) => naive.write(writer, scope, count, hold).await,
            Self::Ours {
                stores,
                scopes,
                poke,
            } => {
                let store = &stores[writer % stores.len()];
                let mut writing = turn(store, &scopes[scope]).await?;
                for _ in 0..count {
                    let mut step = writing.step().await?;
                    let mut row = entry()?;
                    let lsn = step.put(domain::JournalEntry::TABLE, &mut row).await?;
                    let kept = Kept {
                        op_id: row.op_id,
                        lsn,
                        outcome: &applied(lsn),
                        claimed: None,
                    };
                    step.keep(kept, now_ms()).await?;
                    step.commit().await?;
                }
                sleep(hold).await;
                writing.commit().await?;
                if let Some(poke) = poke {
                    poke.send(scope)?;
                }
                Ok(())
            }
        }
    }
}

/// A turn to write, however long that takes: so many want one that some are told to come again.
async fn turn(store: &Store, scope: &ScopeKey) -> Result<Writing> {
    loop {
        match store.write(scope.clone()).await {
            Err(Error::Busy) => {}
            other => return Ok(other?),
        }
    }
}

/// An entry as a row, still without a position.
pub(crate) fn entry() -> Result<Row> {
    let change = written(Id::from_u128(7), WORDS)?;
    let stamps = change.fields.keys();
    let stamps = stamps.map(|field| (field.clone(), change.stamp)).collect();
    Ok(Row {
        op_id: change.op_id,
        stamps,
        fields: change.fields,
        ..Row::empty(&change.table, change.key)
    })
}

/// The answer to a change that was taken.
pub(crate) const fn applied(lsn: Lsn) -> Outcome {
    Outcome::Applied {
        lsn,
        stamp: None,
        row: None,
        lost_fields: Vec::new(),
    }
}
