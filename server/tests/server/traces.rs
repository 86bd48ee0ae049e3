//! What a database has of a person: counted, written out, and put there.

use crate::said::{deleted, edited, written};
use crate::world::{PASSWORD, Visitor, World};
use server::store::dialect::Dialect;
use sync::change::Change;
use sync::id::Id;
use sync::value::Value;

/// Every table and column that names a person or their scope.
async fn places(world: &World) -> Vec<(String, String)> {
    let database = world.database().await;
    let columns = match world.home.dialect() {
        Dialect::Sqlite => {
            "SELECT m.name, p.name FROM sqlite_master AS m, pragma_table_info(m.name) AS p \
             WHERE m.type = 'table' ORDER BY 1, 2"
        }
        Dialect::Postgres => {
            "SELECT table_name::text, column_name::text FROM information_schema.columns \
             WHERE table_schema = 'public' ORDER BY 1, 2"
        }
    };
    let columns: Vec<(String, String)> = sqlx::query_as(columns)
        .fetch_all(&database)
        .await
        .expect("the columns");
    let names_them = |(table, column): &(String, String)| {
        ["scope", "user_id"].contains(&column.as_str()) || (table == "users" && column == "id")
    };
    columns.into_iter().filter(names_them).collect()
}

/// Every row that says something of this person, written out.
pub(crate) async fn written_out(world: &World, user: Id) -> Vec<String> {
    let database = world.database().await;
    let mut rows = Vec::new();
    for (table, column) in places(world).await {
        let whole = match world.home.dialect() {
            Dialect::Postgres => "t::text".to_owned(),
            Dialect::Sqlite => {
                let columns =
                    format!("SELECT 'quote(\"' || name || '\")' FROM pragma_table_info('{table}')");
                let columns: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(columns))
                    .fetch_all(&database)
                    .await
                    .expect("columns");
                columns.join(" || ',' || ")
            }
        };
        let statement = format!(
            "SELECT {whole} FROM \"{table}\" AS t WHERE \"{column}\" IN ($1, $2) ORDER BY 1"
        );
        let found: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(statement))
            .bind(user.to_string())
            .bind(format!("own:{user}"))
            .fetch_all(&database)
            .await
            .expect("rows");
        rows.extend(
            found
                .into_iter()
                .map(|row| format!("{table}.{column}: {row}")),
        );
    }
    rows
}

/// Everything that says something of this person in a database, by table.
pub(crate) async fn traces(world: &World, user: Id) -> Vec<(String, i64)> {
    let database = world.database().await;
    let mut traces = Vec::new();
    for (table, column) in places(world).await {
        let statement = format!("SELECT count(*) FROM \"{table}\" WHERE \"{column}\" IN ($1, $2)");
        let count = sqlx::query_scalar(sqlx::AssertSqlSafe(statement))
            .bind(user.to_string())
            .bind(format!("own:{user}"))
            .fetch_one(&database)
            .await
            .expect("a count");
        traces.push((format!("{table}.{column}"), count));
    }
    traces
}

/// A person with something in every table.
pub(crate) async fn with_everything(world: &World, name: &str) -> (Visitor, Id, Vec<Change>) {
    let (visitor, account) = world.person(name).await;
    let canary = format!("The secret words of {name}.");
    let entry = written(&canary);
    visitor.push_one(&entry).await;
    visitor
        .push_one(&edited(&entry, &format!("{canary} More.")))
        .await;
    // An edit made apart loses, and is kept as a revision.
    visitor
        .push_one(&edited(&entry, &format!("{canary} Else.")))
        .await;
    let mut trashed = written(&format!("{canary} Thrown away."));
    trashed
        .fields
        .insert("trashed_at".into(), Value::Integer(5));
    visitor.push_one(&trashed).await;
    let gone = written("Gone.");
    visitor.push_one(&gone).await;
    visitor.push_one(&deleted(&gone)).await;
    visitor.acknowledge(sync::scope::Marker::START).await;
    let (status, _) = visitor
        .call("make_recovery_codes", &[("password", PASSWORD)])
        .await;
    assert_eq!(status, 200);
    let (status, body) = visitor.call("begin_passkey", &[("password", "")]).await;
    assert_eq!(status, 200, "{body}");
    let user = account.id;
    let database = world.database().await;
    let link = sqlx::query(
        "INSERT INTO password_links (user_id, token_hash, expires_at_ms) VALUES ($1, $2, 1)",
    );
    let link = link
        .bind(user.to_string())
        .bind(vec![name.as_bytes()[0]; 32]);
    link.execute(&database).await.expect("a link");
    let passkey = sqlx::query(
        "INSERT INTO passkeys (user_id, id, credential_id, credential, name, made_at_ms) \
         VALUES ($1, '0000000000000000000001', $1, '{}', 'A device', 1)",
    );
    let done = passkey.bind(user.to_string()).execute(&database).await;
    done.expect("a passkey");
    (visitor, user, vec![entry, trashed])
}
