//! How fast changes are taken, beside the same rows written by plain SQL, many at a time.

use super::hidden::{applied, entry};
use crate::Wish;
use crate::entries::{WORDS, name, written};
use crate::line::Line;
use crate::load::PUSH_MAX;
use crate::naive::{begin, pool};
use crate::person::Person;
use crate::place::{Kind, Place};
use crate::table::Table;
use anyhow::{Result, ensure};
use server::clock::now_ms;
use sqlx::{AnyPool, AssertSqlSafe};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use sync::frame::{Outcome, ServerFrame};
use sync::row::Row;
use sync::table::text;
use tokio::task::JoinSet;

/// Changes of one person alone, and of all of many.
const CHANGES: usize = 19_200;

const PEOPLE: [usize; 2] = [1, 64];

/// Times that each is measured, in turns; the median counts.
const TURNS: usize = 3;

const CLEAR: [&str; 2] = [
    "DELETE FROM outcomes WHERE scope LIKE 'plain:%'",
    "DELETE FROM journal_entries WHERE scope LIKE 'plain:%'",
];

pub(crate) async fn run(wish: &Wish) -> Result<()> {
    let mut table = Table::new(&[
        "database",
        "people",
        "changes",
        "server, changes/s",
        "plain SQL, changes/s",
        "server of plain, %",
    ]);
    for kind in wish.kinds() {
        let place = Place::new(wish, kind).await?;
        let node = place.node().await?;
        let most = PEOPLE[PEOPLE.len() - 1];
        let everybody = Person::crowd(node.address, most).await?;
        let plain = pool(kind, &place.url).await?;
        let scopes = scopes(&plain, most).await?;
        for people in PEOPLE {
            let each = wish.about(CHANGES) / people / PUSH_MAX * PUSH_MAX;
            let each = each.max(PUSH_MAX);
            let mut rates = [Vec::new(), Vec::new()];
            for turn in 0..TURNS {
                let took = by_server(node.address, &everybody[..people], each).await?;
                rates[0].push((each * people) as f64 / took.as_secs_f64());
                let begins_at = turn * each;
                let took = by_hand(kind, &plain, &scopes[..people], each, begins_at).await?;
                rates[1].push((each * people) as f64 / took.as_secs_f64());
            }
            let [server, hand] = rates.map(|mut rates| {
                rates.sort_by(f64::total_cmp);
                rates[TURNS / 2]
            });
            table.row(&[
                &kind,
                &people,
                &(each * people),
                &format!("{server:.0}"),
                &format!("{hand:.0}"),
                &format!("{:.0}", 100.0 * server / hand),
            ]);
            // The next ones begin in journals of their own.
            for statement in CLEAR {
                sqlx::raw_sql(statement).execute(&plain).await?;
            }
        }
        plain.close().await;
    }
    table.print("Pushes of 100 changes, over HTTP; plain SQL writes the same rows of both tables, 100 a commit");
    Ok(())
}

/// All pushes of all people, made before the clock runs.
async fn by_server(address: SocketAddr, people: &[Person], each: usize) -> Result<Duration> {
    let mut ready = Vec::new();
    for person in people {
        let mut frames = Vec::new();
        for _ in 0..each / PUSH_MAX {
            let some = (0..PUSH_MAX).map(|_| written(person.device_id, WORDS));
            frames.push(person.frame(some.collect::<Result<_>>()?));
        }
        ready.push((person.clone(), Line::open(address).await?, frames));
    }
    let began = Instant::now();
    let mut pushing = JoinSet::new();
    for (person, mut line, frames) in ready {
        pushing.spawn(async move {
            let mut said = Vec::new();
            for frame in frames {
                said.push(line.ask("/api/sync/push", &person.cookie, frame).await?);
            }
            Ok::<_, anyhow::Error>(said)
        });
    }
    let mut all = Vec::new();
    while let Some(said) = pushing.join_next().await {
        all.extend(said??);
    }
    let took = began.elapsed();
    let mut count = 0;
    for (status, said) in all {
        ensure!(status == 200, "a push was refused: {status} {said}");
        let ServerFrame::PushResult(result) = ServerFrame::decode(&said)? else {
            anyhow::bail!("a push was answered otherwise: {said}");
        };
        let applied = |outcome: &&Outcome| matches!(outcome, Outcome::Applied { .. });
        count += result.outcomes.values().filter(applied).count();
    }
    ensure!(count == each * people.len(), "{count} changes were applied");
    Ok(took)
}

async fn scopes(pool: &AnyPool, count: usize) -> Result<Vec<String>> {
    let mut scopes = Vec::new();
    for _ in 0..count {
        let scope = format!("plain:{}", name()?);
        let insert = sqlx::query("INSERT INTO scopes (scope, lsn) VALUES ($1, 0)");
        insert.bind(&scope).execute(pool).await?;
        scopes.push(scope);
    }
    Ok(scopes)
}

/// The same rows in the same tables, which a program knows that decides nothing.
async fn by_hand(
    kind: Kind,
    pool: &AnyPool,
    scopes: &[String],
    each: usize,
    begins_at: usize,
) -> Result<Duration> {
    let mut ready = Vec::new();
    for scope in scopes {
        let rows = (0..each).map(|_| entry()).collect::<Result<Vec<_>>>()?;
        ready.push((scope.clone(), rows));
    }
    let began = Instant::now();
    let mut writing = JoinSet::new();
    for (scope, mut rows) in ready {
        let pool = pool.clone();
        writing.spawn(async move {
            let mut lsn = u64::try_from(begins_at)?;
            for some in rows.chunks_mut(PUSH_MAX) {
                for row in some.iter_mut() {
                    lsn += 1;
                    row.lsn = lsn;
                }
                write(kind, &pool, &scope, some).await?;
            }
            Ok::<_, anyhow::Error>(())
        });
    }
    while let Some(written) = writing.join_next().await {
        written??;
    }
    Ok(began.elapsed())
}

/// `count` rows of holes, each of so many.
fn holes(count: usize, each: usize, of: impl Fn(usize, usize) -> String) -> String {
    let row = |row: usize| {
        let row = (0..each).map(|column| of(column, row * each + column + 1));
        format!("({})", row.collect::<Vec<_>>().join(", "))
    };
    (0..count).map(row).collect::<Vec<_>>().join(", ")
}

async fn write(kind: Kind, pool: &AnyPool, scope: &str, rows: &[Row]) -> Result<()> {
    let plain = |_, number| format!("${number}");
    let with_json = |column, number| match (kind, column) {
        (Kind::Postgres, 9) => format!("${number}::jsonb"),
        _ => format!("${number}"),
    };
    let entries = format!(
        "INSERT INTO journal_entries \
         (scope, key, day, title, body, written_at, lsn, op_id, deleted, stamps) VALUES {}",
        holes(rows.len(), 10, with_json)
    );
    let outcomes = format!(
        "INSERT INTO outcomes (scope, op_id, lsn, outcome, at_ms) VALUES {}",
        holes(rows.len(), 5, plain)
    );
    let mut transaction = pool.begin_with(begin(kind)).await?;
    let mut entries = sqlx::query(AssertSqlSafe(entries));
    let mut outcomes = sqlx::query(AssertSqlSafe(outcomes));
    let now = i64::try_from(now_ms())?;
    for row in rows {
        let words = |field: &str| row.fields.get(field).and_then(text).cloned();
        let (op_id, lsn) = (row.op_id.to_string(), i64::try_from(row.lsn)?);
        entries = entries
            .bind(scope)
            .bind(row.key.to_string())
            .bind(words("day"))
            .bind(words("title"))
            .bind(words("body"))
            .bind(1_i64)
            .bind(lsn)
            .bind(op_id.clone())
            .bind(false)
            .bind(serde_json::to_string(&row.stamps)?);
        let outcome = serde_json::to_string(&applied(row.lsn))?;
        outcomes = outcomes
            .bind(scope)
            .bind(op_id)
            .bind(lsn)
            .bind(outcome)
            .bind(now);
    }
    entries.execute(&mut *transaction).await?;
    outcomes.execute(&mut *transaction).await?;
    Ok(transaction.commit().await?)
}
