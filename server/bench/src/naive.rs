//! What a log is without a scope's lock: positions from a sequence, given when a row is written
//! and not when it is committed. A control: a reader by position loses rows of it.

use crate::figures::hidden::{applied, entry};
use crate::place::Kind;
use anyhow::{Context, Result};
use server::clock::now_ms;
use sqlx::any::{AnyPoolOptions, install_default_drivers};
use sqlx::{AnyPool, Row as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use sync::row::Row;
use sync::table::text;
use tokio::time::sleep;

/// Connections of one node to PostgreSQL, as the server has them.
const CONNECTIONS: u32 = 16;

/// How many rows a reader takes at a time.
const PAGE: i64 = 1_000;

/// How the file of SQLite is written, as the server does.
const SETTINGS: &str = "PRAGMA busy_timeout = 60000; PRAGMA journal_mode = WAL; \
                        PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON";

const SQLITE: &str = "
CREATE TABLE naive_entries (id INTEGER PRIMARY KEY AUTOINCREMENT, scope TEXT NOT NULL, \
key TEXT NOT NULL, day TEXT, title TEXT, body TEXT, written_at INTEGER, op_id TEXT NOT NULL, \
deleted INTEGER NOT NULL, stamps TEXT NOT NULL, UNIQUE (scope, key)); \
CREATE TABLE naive_outcomes (scope TEXT NOT NULL, op_id TEXT NOT NULL, lsn INTEGER NOT NULL, \
outcome TEXT NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (scope, op_id))";

const POSTGRES: &str = "
CREATE TABLE naive_entries (id BIGSERIAL PRIMARY KEY, scope TEXT COLLATE \"C\" NOT NULL, \
key TEXT COLLATE \"C\" NOT NULL, day TEXT, title TEXT, body TEXT, written_at BIGINT, \
op_id TEXT NOT NULL, deleted BOOLEAN NOT NULL, stamps JSONB NOT NULL, UNIQUE (scope, key)); \
CREATE TABLE naive_outcomes (scope TEXT COLLATE \"C\" NOT NULL, op_id TEXT COLLATE \"C\" NOT NULL, \
lsn BIGINT NOT NULL, outcome TEXT NOT NULL, at_ms BIGINT NOT NULL, PRIMARY KEY (scope, op_id))";

/// What both need to find a row by its position in its scope, and to keep positions apart.
const INDEXES: &str = "
CREATE UNIQUE INDEX naive_entries_by_id ON naive_entries (scope, id); \
CREATE UNIQUE INDEX naive_outcomes_by_lsn ON naive_outcomes (scope, lsn)";

/// The log, with the pools of several nodes.
#[derive(Clone)]
pub(crate) struct Naive {
    kind: Kind,
    pools: Vec<AnyPool>,
}

/// A way into a database as the server has it.
pub(crate) async fn pool(kind: Kind, url: &str) -> Result<AnyPool> {
    install_default_drivers();
    let (connections, settings) = match kind {
        Kind::Sqlite => (1, SETTINGS),
        Kind::Postgres => (CONNECTIONS, "SET lock_timeout = '10s'"),
    };
    let options = AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(60))
        .after_connect(move |connection, _| {
            Box::pin(async move {
                sqlx::raw_sql(settings).execute(&mut *connection).await?;
                Ok(())
            })
        });
    options.connect(url).await.context("the database")
}

/// How a transaction that writes begins.
pub(crate) const fn begin(kind: Kind) -> &'static str {
    match kind {
        Kind::Sqlite => "BEGIN IMMEDIATE",
        Kind::Postgres => "BEGIN",
    }
}

impl Naive {
    pub(crate) async fn new(kind: Kind, url: &str, nodes: usize) -> Result<Self> {
        let mut pools = Vec::new();
        for _ in 0..nodes {
            pools.push(pool(kind, url).await?);
        }
        let tables = match kind {
            Kind::Sqlite => SQLITE,
            Kind::Postgres => POSTGRES,
        };
        sqlx::raw_sql(tables).execute(&pools[0]).await?;
        sqlx::raw_sql(INDEXES).execute(&pools[0]).await?;
        Ok(Self { kind, pools })
    }

    pub(crate) async fn close(&self) {
        for pool in &self.pools {
            pool.close().await;
        }
    }

    /// One transaction.
    pub(crate) async fn write(
        &self,
        writer: usize,
        scope: usize,
        count: u64,
        hold: Duration,
    ) -> Result<()> {
        let pool = &self.pools[writer % self.pools.len()];
        let scope = format!("own:{scope:022}");
        let mut transaction = pool.begin_with(begin(self.kind)).await?;
        for _ in 0..count {
            let row = entry()?;
            let id: i64 = self
                .insert(&scope, &row)?
                .fetch_one(&mut *transaction)
                .await?
                .get(0);
            let outcome = serde_json::to_string(&applied(u64::try_from(id)?))?;
            sqlx::query("INSERT INTO naive_outcomes VALUES ($1, $2, $3, $4, $5)")
                .bind(&scope)
                .bind(row.op_id.to_string())
                .bind(id)
                .bind(outcome)
                .bind(i64::try_from(now_ms())?)
                .execute(&mut *transaction)
                .await?;
        }
        sleep(hold).await;
        Ok(transaction.commit().await?)
    }

    fn insert(
        &self,
        scope: &str,
        row: &Row,
    ) -> Result<sqlx::query::Query<'static, sqlx::Any, sqlx::any::AnyArguments>> {
        const SQLITE: &str = "INSERT INTO naive_entries \
            (scope, key, day, title, body, written_at, op_id, deleted, stamps) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id";
        const POSTGRES: &str = "INSERT INTO naive_entries \
            (scope, key, day, title, body, written_at, op_id, deleted, stamps) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb) RETURNING id";
        let words = |field: &str| row.fields.get(field).and_then(text).cloned();
        let insert = match self.kind {
            Kind::Sqlite => SQLITE,
            Kind::Postgres => POSTGRES,
        };
        Ok(sqlx::query(insert)
            .bind(scope.to_owned())
            .bind(row.key.to_string())
            .bind(words("day"))
            .bind(words("title"))
            .bind(words("body"))
            .bind(1_i64)
            .bind(row.op_id.to_string())
            .bind(false)
            .bind(serde_json::to_string(&row.stamps)?))
    }

    /// Follows the whole log by position while there is writing, and once more afterwards; tells
    /// how many rows were seen.
    pub(crate) async fn follow(self, writing: Arc<AtomicU64>) -> Result<u64> {
        let (mut cursor, mut seen) = (0_i64, 0);
        loop {
            let is_last = writing.load(Ordering::Acquire) == 0;
            loop {
                let ids: Vec<i64> = sqlx::query_scalar(
                    "SELECT id FROM naive_entries WHERE id > $1 ORDER BY id LIMIT $2",
                )
                .bind(cursor)
                .bind(PAGE)
                .fetch_all(&self.pools[0])
                .await?;
                let Some(last) = ids.last() else { break };
                cursor = *last;
                seen += u64::try_from(ids.len())?;
            }
            if is_last {
                return Ok(seen);
            }
            sleep(Duration::from_millis(1)).await;
        }
    }
}
