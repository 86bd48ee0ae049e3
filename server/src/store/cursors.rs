//! How far each device has stored each scope, by its own word; what collection goes by.

use super::{ScopeKey, Store, from_sql, to_sql};
use crate::error::Error;
use sqlx::{AnyConnection, Row as _};
use sync::frame::Acknowledged;
use sync::hub::collect::DeviceCursor;
use sync::id::Id;
use sync::scope::Scope;

/// How many devices of one person are remembered; beyond that the longest silent are forgotten,
/// and take the state anew should they ever come too late.
pub const DEVICES_MAX: i64 = 100;

impl Store {
    /// Notes how far a device of this person has stored these scopes. A position that names a
    /// change which the log does not have there is the start: it holds everything back until the
    /// device knows better.
    ///
    /// # Errors
    /// The database failed.
    pub async fn acknowledge(
        &self,
        user: Id,
        scopes: &[(Scope, ScopeKey)],
        said: &Acknowledged,
        now_ms: u64,
    ) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        self.dialect.keep_user(&mut transaction, user).await?;
        for (scope, key) in scopes {
            let Some(marker) = said.positions.get(scope) else {
                continue;
            };
            sqlx::query(
                "INSERT INTO device_cursors (scope, user_id, device_id, acknowledged, heard_at_ms) \
                 VALUES ($1, $2, $3, coalesce((SELECT lsn FROM outcomes \
                 WHERE scope = $1 AND lsn = $4 AND op_id = $5), 0), $6) \
                 ON CONFLICT (scope, user_id, device_id) DO UPDATE SET \
                 acknowledged = excluded.acknowledged, heard_at_ms = excluded.heard_at_ms",
            )
            .bind(key.as_str())
            .bind(user.to_string())
            .bind(said.device_id.to_string())
            .bind(to_sql(marker.lsn))
            .bind(marker.op_id.to_string())
            .bind(to_sql(now_ms))
            .execute(&mut *transaction)
            .await?;
            forget_the_longest_silent(&mut transaction, key, user).await?;
        }
        Ok(transaction.commit().await?)
    }
}

async fn forget_the_longest_silent(
    connection: &mut AnyConnection,
    scope: &ScopeKey,
    user: Id,
) -> Result<(), Error> {
    sqlx::query(
        "DELETE FROM device_cursors WHERE scope = $1 AND user_id = $2 AND device_id IN \
         (SELECT device_id FROM device_cursors WHERE scope = $1 AND user_id = $2 \
         ORDER BY heard_at_ms DESC LIMIT $4 OFFSET $3)",
    )
    .bind(scope.as_str())
    .bind(user.to_string())
    .bind(DEVICES_MAX)
    .bind(i64::MAX)
    .execute(connection)
    .await?;
    Ok(())
}

/// Of the devices that were heard of since then, the one that is furthest behind: the others
/// hold nothing back.
pub(super) async fn slowest(
    connection: &mut AnyConnection,
    scope: &ScopeKey,
    since_ms: u64,
) -> Result<Option<DeviceCursor>, Error> {
    let found = sqlx::query(
        "SELECT acknowledged, heard_at_ms FROM device_cursors \
         WHERE scope = $1 AND heard_at_ms >= $2 ORDER BY acknowledged LIMIT 1",
    )
    .bind(scope.as_str())
    .bind(to_sql(since_ms))
    .fetch_optional(connection)
    .await?;
    found
        .map(|row| {
            Ok(DeviceCursor {
                acknowledged: from_sql(row.try_get("acknowledged")?)?,
                heard_at_ms: from_sql(row.try_get("heard_at_ms")?)?,
            })
        })
        .transpose()
}
