//! Where a test's server keeps things: a file of SQLite, or, when `DAYBOOK_TEST_DATABASE` is
//! `postgres`, a database of its own in PostgreSQL.

use crate::cluster;
use server::store::Store;
use server::store::dialect::Dialect;
use sqlx::any::{AnyPoolOptions, install_default_drivers};
use sqlx::{AnyConnection, AnyPool, AssertSqlSafe, Connection as _};
use std::path::Path;
use std::sync::Mutex;

/// Chooses where all tests keep things that do not need the one or the other.
const CHOICE: &str = "DAYBOOK_TEST_DATABASE";

/// Databases of tests that have ended.
static LEFT: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// An empty database of one test.
pub(crate) struct Database {
    pub(crate) url: String,
    /// Its name, if a server has it.
    name: Option<String>,
}

impl Database {
    /// Wherever this run of the tests keeps things.
    pub(crate) async fn new(folder: &Path) -> Self {
        match std::env::var(CHOICE).as_deref() {
            Ok("postgres") => Self::on_postgres().await,
            Ok("sqlite") | Err(_) => Self::in_file(folder),
            Ok(other) => unreachable!("{CHOICE} is `{other}`, and neither sqlite nor postgres"),
        }
    }

    pub(crate) fn in_file(folder: &Path) -> Self {
        install_default_drivers();
        Self {
            url: format!("sqlite:{}", folder.join("data/daybook.sqlite").display()),
            name: None,
        }
    }

    /// For a test of what only PostgreSQL does.
    pub(crate) async fn on_postgres() -> Self {
        let server = cluster::url();
        install_default_drivers();
        let mut server_itself = AnyConnection::connect(&server).await.expect(&server);
        drop_what_is_left(&mut server_itself).await;
        let name = format!("daybook_test_{:032x}", new_name());
        let make = format!("CREATE DATABASE {name} TEMPLATE template0");
        run(&mut server_itself, make).await;
        server_itself.close().await.expect("closed");
        let (server, options) = server.split_once('?').unwrap_or((&server, ""));
        let (address, _) = server.rsplit_once('/').expect("a database in the address");
        Self {
            url: format!("{address}/{name}?{options}"),
            name: Some(name),
        }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        Dialect::of(&self.url).expect("one of the two")
    }

    /// A way in for looking at what the server wrote.
    pub(crate) async fn pool(&self) -> AnyPool {
        let pool = AnyPoolOptions::new().max_connections(1);
        pool.connect(&self.url).await.expect("the database")
    }

    /// A store's way in, which brings the schema along.
    pub(crate) async fn store(&self) -> Store {
        Store::open(&self.url).await.expect("the store")
    }

    /// From now on the database refuses to take an entry that says this.
    pub(crate) async fn refuse_cursed(&self) {
        self.execute(match self.dialect() {
            Dialect::Sqlite => {
                "CREATE TRIGGER no BEFORE INSERT ON journal_entries WHEN NEW.body = 'cursed' \
                 BEGIN SELECT RAISE(ABORT, 'no'); END"
            }
            Dialect::Postgres => {
                "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS \
                 $$ BEGIN RAISE EXCEPTION 'no'; END $$; \
                 CREATE TRIGGER no BEFORE INSERT ON journal_entries \
                 FOR EACH ROW WHEN (NEW.body = 'cursed') EXECUTE FUNCTION no()"
            }
        })
        .await;
    }

    /// And now it takes it again.
    pub(crate) async fn refuse_nothing(&self) {
        self.execute(match self.dialect() {
            Dialect::Sqlite => "DROP TRIGGER no",
            Dialect::Postgres => "DROP TRIGGER no ON journal_entries",
        })
        .await;
    }

    /// From now on no entry that is written can be read again.
    pub(crate) async fn spoil_entries(&self) {
        self.execute(match self.dialect() {
            Dialect::Sqlite => {
                "CREATE TRIGGER spoil AFTER INSERT ON journal_entries \
                 BEGIN UPDATE journal_entries SET stamps = 'nonsense'; END"
            }
            Dialect::Postgres => {
                "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS \
                 $$ BEGIN NEW.stamps = '\"nonsense\"'; RETURN NEW; END $$; \
                 CREATE TRIGGER spoil BEFORE INSERT ON journal_entries \
                 FOR EACH ROW EXECUTE FUNCTION spoil()"
            }
        })
        .await;
    }

    /// All that is kept: the bytes of SQLite's files, or the rows of PostgreSQL as text. What is
    /// left in PostgreSQL's files is not looked at.
    pub(crate) async fn contents(&self) -> Vec<Vec<u8>> {
        if self.dialect() == Dialect::Sqlite {
            let file = self.url.strip_prefix("sqlite:").expect("a file");
            let folder = Path::new(file).parent().expect("a folder");
            let files = std::fs::read_dir(folder).expect("files");
            let read = |file: std::fs::DirEntry| std::fs::read(file.path()).expect("bytes");
            return files.map(|file| read(file.expect("a file"))).collect();
        }
        let pool = self.pool().await;
        let tables = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'";
        let tables: Vec<String> = sqlx::query_scalar(tables)
            .fetch_all(&pool)
            .await
            .expect("tables");
        let mut contents = Vec::new();
        for table in tables {
            let rows = AssertSqlSafe(format!("SELECT t::text FROM {table} AS t"));
            let rows: Vec<String> = sqlx::query_scalar(rows)
                .fetch_all(&pool)
                .await
                .expect("rows");
            contents.extend(rows.into_iter().map(String::into_bytes));
        }
        assert!(!contents.is_empty());
        contents
    }

    /// Does something to the database behind the server's back.
    pub(crate) async fn execute(&self, statement: &'static str) {
        let done = sqlx::raw_sql(statement).execute(&self.pool().await).await;
        done.expect(statement);
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // Dropped by the next test that makes one: here nothing can be waited for.
        LEFT.lock().expect("names").extend(self.name.take());
    }
}

async fn drop_what_is_left(server: &mut AnyConnection) {
    let left = std::mem::take(&mut *LEFT.lock().expect("names"));
    for name in left {
        run(server, format!("DROP DATABASE {name} WITH (FORCE)")).await;
    }
}

async fn run(server: &mut AnyConnection, statement: String) {
    let done = sqlx::raw_sql(AssertSqlSafe(statement.clone()));
    done.execute(server).await.expect(&statement);
}

fn new_name() -> u128 {
    server::clock::new_id().expect("a name").number()
}
