//! Clearing out one scope: what `sync::hub::collect` plans, done in one short transaction at a
//! time.
//!
//! Age is when the server wrote a thing, as the history says, and not what a device's stamp
//! says: a text written offline long ago may have lost only today, and a row that a device gave
//! back to a restored server is as new as that.

use super::cursors::slowest;
use super::writing::Writing;
use super::{ScopeKey, Store, from_sql, id_from_sql, to_sql};
use crate::error::Error;
use futures_util::TryStreamExt as _;
use sqlx::Row as _;
use sqlx::any::AnyQueryResult;
use std::ops::AddAssign;
use sync::hub::collect::{Plan, Retention, plan};
use sync::hub::revision::tombstone_of;
use sync::row::Row;
use sync::scope::Lsn;
use sync::table::TableSpec;

/// What one transaction, or a whole pass, has cleared out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Revisions that became tombstones. Devices are to be told.
    pub revisions: u64,
    /// Tombstones that are gone.
    pub tombstones: u64,
    /// Outcomes that are gone.
    pub outcomes: u64,
    /// Texts that are gone.
    pub texts: u64,
    /// Devices that are forgotten.
    pub devices: u64,
}

impl Collected {
    /// Whether there may be more than one transaction clears out.
    #[must_use]
    pub fn is_cut_off(&self, rows_max: u32) -> bool {
        let parts = [
            self.revisions,
            self.tombstones,
            self.outcomes,
            self.texts,
            self.devices,
        ];
        parts.iter().any(|part| *part >= u64::from(rows_max))
    }
}

impl AddAssign for Collected {
    fn add_assign(&mut self, more: Self) {
        self.revisions += more.revisions;
        self.tombstones += more.tombstones;
        self.outcomes += more.outcomes;
        self.texts += more.texts;
        self.devices += more.devices;
    }
}

impl Store {
    /// The scopes after this one, in the order of their names.
    ///
    /// # Errors
    /// The database failed.
    pub async fn scopes_after(
        &self,
        scope: Option<&ScopeKey>,
        scopes_max: u32,
    ) -> Result<Vec<ScopeKey>, Error> {
        let names =
            sqlx::query_scalar("SELECT scope FROM scopes WHERE scope > $1 ORDER BY 1 LIMIT $2")
                .bind(scope.map_or("", ScopeKey::as_str))
                .bind(i64::from(scopes_max))
                .fetch_all(&self.reader)
                .await?;
        Ok(names.into_iter().map(ScopeKey).collect())
    }

    /// Clears out some of a scope: at most so many rows of each kind.
    ///
    /// # Errors
    /// The database failed; nothing was cleared out.
    pub async fn collect(
        &self,
        scope: &ScopeKey,
        now_ms: u64,
        retention: Retention,
        rows_max: u32,
    ) -> Result<Collected, Error> {
        let mut writing = self.write(scope.clone()).await?;
        let plan = writing.plan(now_ms, retention).await?;
        let mut collected = Collected::default();
        for table in domain::SCHEMA.tables {
            collected.tombstones += writing.remove_tombstones(table, &plan, rows_max).await?;
            let kept_in = table.revisions.and_then(|name| domain::SCHEMA.table(name));
            if let Some(kept_in) = kept_in {
                collected.revisions += writing.bury_revisions(kept_in, &plan, rows_max).await?;
            }
        }
        collected.outcomes = writing.forget_outcomes(&plan, rows_max).await?;
        collected.texts = writing.forget_texts(&plan, rows_max).await?;
        collected.devices = writing.forget_devices(&plan, rows_max).await?;
        writing.commit().await?;
        Ok(collected)
    }
}

impl Writing {
    async fn plan(&mut self, now_ms: u64, retention: Retention) -> Result<Plan, Error> {
        let end: Option<i64> = sqlx::query_scalar("SELECT lsn FROM scopes WHERE scope = $1")
            .bind(self.scope.as_str())
            .fetch_optional(&mut *self.transaction)
            .await?;
        let end = from_sql(end.unwrap_or(0))?;
        let since_ms = plan(now_ms, end, &[], retention).tombstones_before_ms;
        let slowest = slowest(&mut self.transaction, &self.scope, since_ms).await?;
        Ok(plan(now_ms, end, slowest.as_slice(), retention))
    }

    /// Takes away tombstones that have served their time, and raises the floor to the last.
    async fn remove_tombstones(
        &mut self,
        table: &'static TableSpec,
        plan: &Plan,
        rows_max: u32,
    ) -> Result<u64, Error> {
        let takes = |lsn, at_ms| plan.takes_tombstone(lsn, at_ms);
        let gone = self.aged(table, true, plan.up_to, rows_max, takes).await?;
        let Some(last) = gone.last() else {
            return Ok(0);
        };
        sqlx::query("UPDATE scopes SET floor = $2 WHERE scope = $1 AND floor < $2")
            .bind(self.scope.as_str())
            .bind(to_sql(last.lsn))
            .execute(&mut *self.transaction)
            .await?;
        for row in &gone {
            let remove = self.statements.remove(table, &self.scope, row.key)?;
            remove.execute(&mut *self.transaction).await?;
        }
        Ok(count(&gone))
    }

    /// Makes tombstones of revisions that have served their time; so devices let them go too.
    async fn bury_revisions(
        &mut self,
        table: &'static TableSpec,
        plan: &Plan,
        rows_max: u32,
    ) -> Result<u64, Error> {
        let takes = |lsn, at_ms| plan.takes_revision(lsn, at_ms);
        let outlived = self.aged(table, false, plan.up_to, rows_max, takes).await?;
        let mut step = self.step().await?;
        for row in &outlived {
            let mut tombstone = tombstone_of(row, plan.now_ms);
            step.put_own(table, &mut tombstone, plan.now_ms).await?;
        }
        step.commit().await?;
        Ok(count(&outlived))
    }

    /// Rows by position, without what they say, up to the first that may not go yet: what comes
    /// after it is younger.
    async fn aged(
        &mut self,
        table: &'static TableSpec,
        deleted: bool,
        up_to: Lsn,
        rows_max: u32,
        takes: impl Fn(Lsn, u64) -> bool,
    ) -> Result<Vec<Row>, Error> {
        let limit = i64::from(rows_max);
        let query = self
            .statements
            .aged(table, &self.scope, deleted, up_to, limit)?;
        let mut found = query.fetch(&mut *self.transaction);
        let mut rows = Vec::new();
        while let Some(row) = found.try_next().await? {
            // Without a history it is older than anything is kept.
            let at_ms = from_sql(row.try_get("at_ms")?)?;
            let row = Row {
                lsn: from_sql(row.try_get("lsn")?)?,
                op_id: id_from_sql(row.try_get("op_id")?)?,
                ..Row::empty(table.name, id_from_sql(row.try_get("key")?)?)
            };
            if !takes(row.lsn, at_ms) {
                break;
            }
            rows.push(row);
        }
        Ok(rows)
    }

    /// Forgets what became of changes, but for those that a device may still stand on, and for
    /// those that tell the age of a row.
    async fn forget_outcomes(&mut self, plan: &Plan, rows_max: u32) -> Result<u64, Error> {
        let before_ms = plan.tombstones_before_ms.min(plan.revisions_before_ms);
        let query = sqlx::query(
            "DELETE FROM outcomes WHERE scope = $1 AND op_id IN \
             (SELECT op_id FROM outcomes WHERE scope = $1 AND at_ms < $2 \
             AND lsn < (SELECT floor FROM scopes WHERE scope = $1) ORDER BY lsn LIMIT $3)",
        );
        let query = query.bind(self.scope.as_str()).bind(to_sql(before_ms));
        done(
            query
                .bind(i64::from(rows_max))
                .execute(&mut *self.transaction)
                .await,
        )
    }

    async fn forget_texts(&mut self, plan: &Plan, rows_max: u32) -> Result<u64, Error> {
        let query = sqlx::query(
            "DELETE FROM texts WHERE scope = $1 AND (op_id, field) IN (SELECT op_id, field FROM texts \
             WHERE scope = $1 AND at_ms < $2 ORDER BY at_ms LIMIT $3)",
        );
        let query = query
            .bind(self.scope.as_str())
            .bind(to_sql(plan.revisions_before_ms))
            .bind(i64::from(rows_max));
        done(query.execute(&mut *self.transaction).await)
    }

    /// Forgets devices that hold nothing back any more, unless they are heard of just now.
    async fn forget_devices(&mut self, plan: &Plan, rows_max: u32) -> Result<u64, Error> {
        let query = sqlx::query(
            "DELETE FROM device_cursors WHERE scope = $1 AND heard_at_ms < $2 \
             AND (user_id, device_id) IN (SELECT user_id, device_id FROM device_cursors \
             WHERE scope = $1 AND heard_at_ms < $2 LIMIT $3)",
        );
        let query = query
            .bind(self.scope.as_str())
            .bind(to_sql(plan.tombstones_before_ms));
        done(
            query
                .bind(i64::from(rows_max))
                .execute(&mut *self.transaction)
                .await,
        )
    }
}

fn done(result: sqlx::Result<AnyQueryResult>) -> Result<u64, Error> {
    Ok(result?.rows_affected())
}

fn count(rows: &[Row]) -> u64 {
    u64::try_from(rows.len()).unwrap_or(u64::MAX)
}
