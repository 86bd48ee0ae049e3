//! How the connections to the database are used, for whoever looks after the server.

use super::Store;
use super::dialect::Dialect;
use crate::telemetry::metrics::POOL_CONNECTIONS;
use metrics::gauge;

impl Store {
    /// Counts the connections of each pool as they are now.
    pub(crate) fn measure(&self) {
        let pools: &[_] = match self.dialect {
            Dialect::Sqlite => &[(&self.writer, "write"), (&self.reader, "read")],
            Dialect::Postgres => &[(&self.writer, "both")],
        };
        for (pool, name) in pools {
            let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
            let busy = pool.size().saturating_sub(idle);
            gauge!(POOL_CONNECTIONS, "pool" => *name, "state" => "idle").set(idle);
            gauge!(POOL_CONNECTIONS, "pool" => *name, "state" => "busy").set(busy);
        }
    }
}
