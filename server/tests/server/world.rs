//! A server in a folder of its own, and people who talk to it.

use crate::database::Database;
use crate::said::{hello, push_frame};
use crate::ways::Events;
use reqwest::StatusCode;
use reqwest::cookie::{CookieStore as _, Jar};
use reqwest::header::{CONTENT_TYPE, SET_COOKIE};
use reqwest::{Body, Client, Response};
use server::Server;
use server::config::Config;
use server::store::Store;
use sqlx::AnyPool;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use sync::change::Change;
use sync::frame::{
    Acknowledged, DeviceFrame, Digests, Outcome, PushResult, ServerFrame, Verified, Verify,
};
use sync::id::Id;
use sync::local::Account;
use sync::scope::{Marker, Markers};
use tempfile::TempDir;

/// How long anything in a test may take.
pub(crate) const SOON: Duration = Duration::from_secs(5);

/// A password that is taken.
pub(crate) const PASSWORD: &str = "rain on the tin roof";

/// A server with a database and a site of its own.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) folder: TempDir,
    pub(crate) home: Database,
}

impl World {
    pub(crate) async fn open() -> Self {
        Self::open_with(|_| ()).await
    }

    /// A server that believes its people come by https.
    pub(crate) async fn with_https() -> Self {
        Self::open_with(|config| config.https = Some(true)).await
    }

    /// A server with some settings of its own.
    pub(crate) async fn open_with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Database::new(folder.path()).await;
        Self::over(home, folder, change).await
    }

    /// A world for a test of what only PostgreSQL does.
    pub(crate) async fn on_postgres() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self::over(Database::on_postgres().await, folder, |_| ()).await
    }

    /// A world for a test of what is done with SQLite's file.
    pub(crate) async fn in_file() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self::over(Database::in_file(folder.path()), folder, |_| ()).await
    }

    pub(crate) async fn over(
        home: Database,
        folder: TempDir,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        write_site(&folder.path().join("site"));
        let server = start(folder.path(), &home.url, change).await;
        Self {
            server,
            folder,
            home,
        }
    }

    /// Another server over the same database.
    pub(crate) async fn another_node(&self) -> Server {
        start(self.folder.path(), &self.home.url, |_| ()).await
    }

    /// Ends the server and starts another over the same database.
    pub(crate) async fn restarted(self) -> Self {
        self.restarted_after(async || ()).await
    }

    /// The same, and does something while no server runs.
    pub(crate) async fn restarted_after(self, work: impl AsyncFnOnce()) -> Self {
        self.server.end().await;
        work().await;
        let server = start(self.folder.path(), &self.home.url, |_| ()).await;
        Self { server, ..self }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.address)
    }

    /// A browser of its own, where nobody is signed in yet.
    pub(crate) fn visitor(&self) -> Visitor {
        Visitor::of(format!("http://{}", self.server.address))
    }

    /// Another device of a person who has an account.
    pub(crate) async fn other_device(&self, name: &str) -> Visitor {
        let visitor = self.visitor();
        let (status, body) = visitor
            .sign_in(&format!("{name}@example.org"), PASSWORD)
            .await;
        assert_eq!(status, 200, "{body}");
        visitor
    }

    /// A browser where a new person is signed in.
    pub(crate) async fn person(&self, name: &str) -> (Visitor, Account) {
        let visitor = self.visitor();
        let account = visitor.sign_up(&format!("{name}@example.org")).await;
        (visitor, account)
    }

    /// The database, for looking at what the server wrote.
    pub(crate) async fn database(&self) -> AnyPool {
        self.home.pool().await
    }

    /// The server's own way into its database.
    pub(crate) async fn store(&self) -> Store {
        self.home.store().await
    }

    /// Does something to the database behind the server's back.
    pub(crate) async fn execute(&self, statement: &'static str) {
        self.home.execute(statement).await;
    }

    /// Where a person's log ends.
    pub(crate) async fn end_of(&self, account: &Account) -> i64 {
        sqlx::query_scalar("SELECT lsn FROM scopes WHERE scope = $1")
            .bind(format!("own:{}", account.id))
            .fetch_one(&self.database().await)
            .await
            .expect("a log")
    }
}

async fn start(folder: &Path, database_url: &str, change: impl FnOnce(&mut Config)) -> Server {
    let mut config = Config {
        addr: "127.0.0.1:0".parse().expect("an address"),
        database_url: database_url.to_owned(),
        site: Some(folder.join("site")),
        ..Config::default()
    };
    change(&mut config);
    server::start(&config).await.expect("a server")
}

pub(crate) fn write_site(site: &Path) {
    let files = [
        ("pkg/daybook.js", "page();"),
        ("pkg/daybook.js.br", "not really brotli"),
        ("pkg/daybook.wasm", "\0asm"),
        ("pkg/daybook.css", "body{}"),
        ("worker/daybook_worker.js", "worker();"),
        ("worker.js", "start();"),
        ("icons/icon-192.png", "png"),
        ("fonts/OFL.txt", "licence"),
        ("manifest.webmanifest", "{}"),
        ("sw.js", "listen();"),
    ];
    for (name, text) in files {
        let path = site.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
}

/// One browser on one device.
#[derive(Clone)]
pub(crate) struct Visitor {
    pub(crate) http: Client,
    jar: Arc<Jar>,
    pub(crate) base: String,
    pub(crate) device_id: Id,
}

impl Visitor {
    /// A browser of its own that visits the server there.
    pub(crate) fn of(base: String) -> Self {
        let jar = Arc::new(Jar::default());
        let http = Client::builder()
            .cookie_provider(Arc::clone(&jar))
            .timeout(Duration::from_secs(60));
        Self {
            http: http.build().expect("a client"),
            jar,
            base,
            device_id: server::clock::new_id().expect("a name"),
        }
    }

    /// The same browser, where it speaks to another node.
    pub(crate) fn at(&self, server: &Server) -> Self {
        Self {
            base: format!("http://{}", server.address),
            ..self.clone()
        }
    }

    pub(crate) async fn post(&self, path: &str, kind: &str, body: impl Into<Body>) -> Response {
        let request = self.http.post(format!("{}{path}", self.base)).body(body);
        let request = request
            .header(CONTENT_TYPE, kind)
            .header("sec-fetch-site", "same-origin");
        request.send().await.expect("an answer")
    }

    /// Calls a server function as the page does.
    pub(crate) async fn call(&self, function: &str, pairs: &[(&str, &str)]) -> (u16, String) {
        let form: Vec<_> = pairs
            .iter()
            .map(|(name, value)| format!("{name}={}", escape(value)))
            .collect();
        let path = format!("/api/account/{function}");
        let answer = self
            .post(&path, "application/x-www-form-urlencoded", form.join("&"))
            .await;
        (
            answer.status().as_u16(),
            answer.text().await.expect("a body"),
        )
    }

    pub(crate) async fn sign_up(&self, email: &str) -> Account {
        let (status, body) = self
            .call("sign_up", &[("email", email), ("password", PASSWORD)])
            .await;
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).expect("an account")
    }

    pub(crate) async fn sign_in(&self, email: &str, password: &str) -> (u16, String) {
        self.call("sign_in", &[("email", email), ("password", password)])
            .await
    }

    pub(crate) async fn who_am_i(&self) -> Option<Account> {
        let (status, body) = self.call("who_am_i", &[]).await;
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).expect("an account or null")
    }

    pub(crate) async fn push_frame(&self, body: impl Into<Body>) -> (u16, String) {
        let answer = self.post("/api/sync/push", "application/json", body).await;
        (
            answer.status().as_u16(),
            answer.text().await.expect("a body"),
        )
    }

    pub(crate) async fn push(&self, changes: Vec<Change>) -> PushResult {
        let (status, body) = self.push_frame(push_frame(self.device_id, changes)).await;
        assert_eq!(status, 200, "{body}");
        match ServerFrame::decode(&body) {
            Ok(ServerFrame::PushResult(result)) => Some(result),
            _ => None,
        }
        .expect("a result")
    }

    /// Pushes one change and tells what became of it.
    pub(crate) async fn push_one(&self, change: &Change) -> Outcome {
        let mut result = self.push(vec![change.clone()]).await;
        result.outcomes.remove(&change.op_id).expect("an outcome")
    }

    pub(crate) async fn pull(&self, markers: Markers) -> Vec<ServerFrame> {
        let answer = self
            .post("/api/sync/pull", "application/json", self.hello(markers))
            .await;
        assert_eq!(answer.status().as_u16(), 200);
        let frames: Vec<serde_json::Value> =
            serde_json::from_str(&answer.text().await.expect("a body")).expect("an array");
        let decode = |frame: &serde_json::Value| ServerFrame::decode(&frame.to_string());
        frames
            .iter()
            .map(|frame| decode(frame).expect("a frame"))
            .collect()
    }

    pub(crate) async fn stream_answer(&self, markers: Markers) -> Response {
        self.post("/api/sync/stream", "application/json", self.hello(markers))
            .await
    }

    pub(crate) async fn stream(&self, markers: Markers) -> Events {
        self.stream_of(self.hello(markers)).await
    }

    /// The stream that answers this very `hello`.
    pub(crate) async fn stream_of(&self, hello: String) -> Events {
        let answer = self
            .post("/api/sync/stream", "application/json", hello)
            .await;
        assert_eq!(answer.status().as_u16(), 200);
        Events::of(answer)
    }

    pub(crate) fn hello(&self, markers: Markers) -> String {
        hello(self.device_id, markers, domain::SCHEMA.version)
    }

    /// Says how far this device has stored its person's journal.
    pub(crate) async fn acknowledge(&self, marker: Marker) {
        let said = DeviceFrame::Ack(Acknowledged {
            device_id: self.device_id,
            positions: [(crate::said::own(), marker)].into(),
        });
        let answer = self.post_frame("/api/sync/cursor", &said).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
        assert_eq!(answer.text().await.expect("a body"), "");
    }

    /// Asks whether this device has the same as the server.
    pub(crate) async fn verify(&self, markers: Markers, digests: Digests) -> Verified {
        let asked = DeviceFrame::Verify(Verify {
            device_id: self.device_id,
            markers,
            digests,
        });
        let answer = self.post_frame("/api/sync/verify", &asked).await;
        let body = answer.text().await.expect("a body");
        match ServerFrame::decode(&body) {
            Ok(ServerFrame::VerifyResult(verified)) => Some(verified),
            _ => None,
        }
        .expect("a comparison")
    }

    /// The cookies as a request says them, once somebody is signed in.
    pub(crate) fn cookies(&self) -> String {
        let url = self.base.parse().expect("an address");
        let said = self.jar.cookies(&url);
        said.map(|said| said.to_str().expect("text").to_owned())
            .unwrap_or_default()
    }

    pub(crate) async fn post_frame(&self, path: &str, frame: &DeviceFrame) -> Response {
        self.post(path, "application/json", frame.encode()).await
    }
}

/// The cookie that an answer sets for its session; there may be others.
pub(crate) fn session_cookie(answer: &Response) -> String {
    let set = answer.headers().get_all(SET_COOKIE).into_iter();
    let mut set = set.map(|cookie| cookie.to_str().expect("text"));
    let ours = set.find(|cookie| cookie.contains("daybook_session="));
    ours.expect("a session").to_owned()
}

fn escape(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
