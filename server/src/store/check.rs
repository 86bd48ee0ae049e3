//! Whether a database is whole: the file, the schema, and what the engine relies on.

use super::backup::{BackupError, connect, file_of};
use super::dialect::Dialect;
use super::schema::{AROUND, columns, known, seen_by};
use sqlx::any::install_default_drivers;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Row as _, SqliteConnection};
use std::collections::BTreeMap;
use sync::table::TableSpec;

/// How many faults of one kind are told.
const FAULTS_MAX: i64 = 20;

/// What is wrong with the database at this address, a sentence each; nothing when it is whole.
/// A server may go on meanwhile.
///
/// # Errors
/// There is no database, or it cannot be read at all.
pub async fn faults(url: &str) -> Result<Vec<String>, BackupError> {
    let dialect = Dialect::of(url).unwrap_or(Dialect::Sqlite);
    let mut faults = match dialect {
        Dialect::Sqlite => {
            let file = file_of(url)?;
            if !file.exists() {
                return Err(BackupError::NoDatabase(file));
            }
            faults_of_file(&mut connect(&file).await?).await?
        }
        // It looks after its files and its foreign keys itself.
        Dialect::Postgres => Vec::new(),
    };
    install_default_drivers();
    let mut connection = AnyConnection::connect(url).await?;
    // One snapshot for all that is compared.
    let mut snapshot = connection.begin_with(dialect.begin_read()).await?;
    faults.extend(faults_of_schema(&mut snapshot, dialect).await?);
    // Without its tables nothing more can be asked.
    if faults.is_empty() {
        faults.extend(faults_of_feed(&mut snapshot).await?);
    }
    Ok(faults)
}

/// What SQLite itself finds wrong.
pub(super) async fn faults_of_file(connection: &mut SqliteConnection) -> sqlx::Result<Vec<String>> {
    let found: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check(20)")
        .fetch_all(&mut *connection)
        .await?;
    let found = found.into_iter().filter(|line| line != "ok");
    let mut faults: Vec<_> = found
        .map(|line| format!("the file is damaged: {line}"))
        .collect();
    let orphans = sqlx::query("PRAGMA foreign_key_check")
        .fetch_all(connection)
        .await?;
    let mut by_table: BTreeMap<(String, String), u64> = BTreeMap::new();
    for row in orphans {
        let names = (row.try_get("table")?, row.try_get("parent")?);
        *by_table.entry(names).or_default() += 1;
    }
    let orphans = by_table.into_iter();
    faults.extend(orphans.map(|((table, parent), count)| {
        format!("{count} rows of {table} belong to rows of {parent} that are not there")
    }));
    Ok(faults)
}

pub(super) async fn faults_of_schema(
    connection: &mut AnyConnection,
    dialect: Dialect,
) -> sqlx::Result<Vec<String>> {
    let seen = seen_by(connection, dialect).await?;
    let mut faults = Vec::new();
    for missing in known().iter().filter(|one| !seen.contains(one)) {
        let (version, name) = (missing.version, &missing.name);
        faults.push(format!(
            "migration {version} ({name}) was not made yet: `daybook migrate` makes it"
        ));
    }
    for newer in seen.iter().filter(|one| !known().contains(one)) {
        let (version, name) = (newer.version, &newer.name);
        faults.push(format!(
            "migration {version} ({name}) is not this program's: a newer Daybook made it"
        ));
    }
    for table in domain::SCHEMA.tables {
        faults.extend(faults_of_columns(connection, dialect, table).await?);
    }
    Ok(faults)
}

/// A column that is missing is told with the statement that adds it.
async fn faults_of_columns(
    connection: &mut AnyConnection,
    dialect: Dialect,
    table: &TableSpec,
) -> sqlx::Result<Vec<String>> {
    let columns = columns(connection, dialect, table.name).await?;
    let name = table.name;
    if columns.is_empty() {
        return Ok(vec![format!("the table {name} is missing")]);
    }
    let mut faults = Vec::new();
    for field in table.fields {
        let (field, wanted) = (field.name, dialect.column_type(field.kind));
        match columns.get(field) {
            None => faults.push(format!(
                "{name}.{field} is missing: ALTER TABLE {name} ADD COLUMN {field} {wanted};"
            )),
            Some(found) if found.kind != wanted => {
                faults.push(format!("{name}.{field} is {}, not {wanted}", found.kind));
            }
            Some(found) if found.is_required => {
                faults.push(format!(
                    "{name}.{field} does not allow NULL, as tombstones need"
                ));
            }
            Some(_) => {}
        }
    }
    let around = AROUND
        .iter()
        .filter(|around| !columns.contains_key(**around));
    faults.extend(around.map(|around| format!("{name}.{around} is missing")));
    Ok(faults)
}

/// What devices rely on: every row has a position of its own, no position is beyond its scope's
/// end, and the history says which change stands there.
pub(super) async fn faults_of_feed(connection: &mut AnyConnection) -> sqlx::Result<Vec<String>> {
    let tables = domain::SCHEMA.tables.iter();
    let parts = tables.map(|table| format!("SELECT scope, lsn, op_id FROM {}", table.name));
    let rows = parts.collect::<Vec<_>>().join(" UNION ALL ");
    let checks = [
        format!(
            "SELECT 'scope ' || scope || ': position ' || lsn || ' is given to ' || count(*) || \
             ' rows' FROM ({rows}) AS feed GROUP BY scope, lsn HAVING count(*) > 1"
        ),
        format!(
            "SELECT 'scope ' || scopes.scope || ': a row is at ' || max(feed.lsn) || ', beyond the end \
             of the log at ' || scopes.lsn FROM ({rows}) AS feed JOIN scopes USING (scope) \
             GROUP BY scopes.scope, scopes.lsn HAVING max(feed.lsn) > scopes.lsn"
        ),
        "SELECT 'scope ' || scopes.scope || ': the history goes to ' || max(outcomes.lsn) || ', beyond \
         the end of the log at ' || scopes.lsn FROM outcomes JOIN scopes USING (scope) \
         GROUP BY scopes.scope, scopes.lsn HAVING max(outcomes.lsn) > scopes.lsn"
            .to_owned(),
        format!(
            "SELECT 'scope ' || feed.scope || ': the history has another change or none at ' || \
             feed.lsn FROM ({rows}) AS feed JOIN scopes ON scopes.scope = feed.scope \
             LEFT JOIN outcomes ON outcomes.scope = feed.scope AND outcomes.lsn = feed.lsn \
             WHERE feed.lsn >= scopes.floor AND outcomes.op_id IS DISTINCT FROM feed.op_id"
        ),
        "SELECT 'account ' || id || ' has no log' FROM users \
         WHERE 'own:' || id NOT IN (SELECT scope FROM scopes)"
            .to_owned(),
    ];
    let mut faults = Vec::new();
    for check in checks {
        let query = sqlx::query_scalar(AssertSqlSafe(format!("{check} LIMIT {FAULTS_MAX}")));
        let found: Vec<String> = query.fetch_all(&mut *connection).await?;
        faults.extend(found);
    }
    Ok(faults)
}
