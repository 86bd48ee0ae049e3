//! The program itself, as an operator calls it: `daybook` with its commands, files and signals.

use crate::said::{push_frame, written};
use crate::ways::Socket;
use crate::world::{PASSWORD, SOON, Visitor, session_cookie, write_site};
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;
use sync::frame::ServerFrame;
use sync::scope::Markers;
use tempfile::TempDir;

/// A folder of its own, with a site where a build would leave it.
pub(crate) fn home() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    write_site(&folder.path().join("target/site"));
    folder
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).expect("a file");
}

/// The program in this folder, knowing nothing of the environment of the tests.
fn daybook(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_daybook"));
    command.args(arguments).current_dir(folder).env_clear();
    command
}

/// What a command says, and whether it was content.
pub(crate) fn call(folder: &Path, arguments: &[&str]) -> (bool, String) {
    let output = daybook(folder, arguments).output().expect("a program");
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8(said).expect("text"),
    )
}

/// A server that runs as a process.
struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    base: String,
    log: PathBuf,
}

impl Running {
    /// Its log goes into a file: a pipe that nobody reads would fill up and stop it.
    fn start(home: &TempDir) -> Self {
        let log = home.path().join("log");
        let log_file = std::fs::File::create(&log).expect("a log");
        let mut command = daybook(home.path(), &[]);
        let command = command.stdout(Stdio::piped()).stderr(log_file);
        let mut child = command.spawn().expect("a program");
        let mut stdout = BufReader::new(child.stdout.take().expect("its output"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("a line");
        let base = line.trim().rsplit_once(' ').map(|(_, url)| url.to_owned());
        let base = base.filter(|url| url.starts_with("http://localhost:"));
        let base = base.expect(&line);
        Self {
            child,
            stdout,
            base: base.replace("localhost", "127.0.0.1"),
            log,
        }
    }

    fn visitor(&self) -> Visitor {
        Visitor::of(self.base.clone())
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let answer = reqwest::get(format!("{}{path}", self.base)).await;
        let answer = answer.expect("an answer");
        let status = answer.status().as_u16();
        (status, answer.text().await.expect("a body"))
    }

    /// Asks it to end as a service manager does, and tells everything that it said.
    async fn end(mut self) -> String {
        let asked = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        assert!(asked.expect("kill").success());
        tokio::task::spawn_blocking(move || {
            let mut said = String::new();
            self.stdout.read_to_string(&mut said).expect("text");
            let status = self.child.wait().expect("an end");
            said += &std::fs::read_to_string(&self.log).expect("a log");
            assert!(status.success(), "{status}: {said}");
            said
        })
        .await
        .expect("an end")
    }
}

#[tokio::test]
async fn without_arguments_it_serves_by_what_stands_in_its_folder() {
    let home = home();
    write(home.path(), "daybook.toml", "addr = \"127.0.0.1:0\"\n");
    let running = Running::start(&home);
    for path in ["/", "/healthz", "/readyz", "/metrics"] {
        assert_eq!(running.get(path).await.0, 200, "{path}");
    }
    assert!(home.path().join("data/daybook.sqlite").exists());
    running.end().await;
    let (fine, said) = call(home.path(), &["check"]);
    assert!(fine && said.contains("whole"), "{said}");
}

#[tokio::test]
async fn a_setting_that_is_wrong_is_named_with_its_source() {
    let home = home();
    write(home.path(), "daybook.toml", "adress = \"127.0.0.1:0\"\n");
    let (fine, said) = call(home.path(), &["serve"]);
    assert!(
        !fine && said.contains("daybook.toml") && said.contains("line 1"),
        "{said}"
    );
    write(home.path(), "daybook.toml", "");
    let mut command = daybook(home.path(), &["check"]);
    let output = command
        .env("DAYBOOK_ADDR", "here")
        .output()
        .expect("a program");
    let said = String::from_utf8(output.stderr).expect("text");
    assert!(!output.status.success());
    assert!(
        said.contains("--addr") && said.contains("DAYBOOK_ADDR is set"),
        "{said}"
    );
    let (fine, said) = call(home.path(), &["--keep-deleted-days", "0"]);
    assert!(!fine && said.contains("`keep_deleted_days` is 0"), "{said}");
    let (fine, said) = call(home.path(), &["--config", "other.toml"]);
    assert!(!fine && said.contains("other.toml"), "{said}");
    assert!(!home.path().join("data").exists(), "nothing was started");
}

#[tokio::test]
async fn a_demo_journal_is_made_once_backed_up_and_put_back() {
    let home = home();
    let path = home.path();
    let (fine, said) = call(path, &["migrate"]);
    assert!(fine && said.contains("made migration 1"), "{said}");
    let (fine, said) = call(path, &["migrate"]);
    assert!(fine && said.contains("Nothing to do"), "{said}");
    let (fine, said) = call(path, &["seed", "--until", "2026-11-24"]);
    assert!(fine && said.contains("demo@daybook.example"), "{said}");
    let (fine, said) = call(path, &["seed"]);
    assert!(!fine && said.contains("already"), "{said}");
    let known = server::commands::seed::PASSWORD;
    for reached in [["--addr", "0.0.0.0:0"], ["--https", "true"]] {
        for chosen in [&[][..], &["--password", known]] {
            let wish = ["seed", "--email", "b@b.example"];
            let (fine, said) = call(path, &[&wish, &reached[..], chosen].concat());
            let told = said.contains("--password") && said.contains("Nothing was made");
            assert!(!fine && told, "{reached:?} {chosen:?}: {said}");
        }
    }
    let (fine, said) = call(path, &["seed", "--email", "c@c.example", "--until", "May"]);
    assert!(!fine && said.contains("no day"), "{said}");
    let (fine, said) = call(path, &["check"]);
    assert!(fine, "{said}");
    let (fine, said) = call(path, &["backup", "copy.sqlite"]);
    assert!(fine && said.contains("checked"), "{said}");
    let (fine, said) = call(path, &["restore", "copy.sqlite"]);
    assert!(!fine && said.contains("--replace"), "{said}");
    let (fine, said) = call(
        path,
        &["restore", "copy.sqlite", "--replace", "--end-sessions"],
    );
    assert!(fine && said.contains("before-restore"), "{said}");

    write(path, "daybook.toml", "addr = \"127.0.0.1:0\"\n");
    let running = Running::start(&home);
    let demo = running.visitor();
    let (email, password) = (
        server::commands::seed::EMAIL,
        server::commands::seed::PASSWORD,
    );
    assert_eq!(demo.sign_in(email, password).await.0, 200);
    let mut markers = Markers::default();
    let mut days = std::collections::BTreeSet::new();
    loop {
        let frames = demo.pull(markers.clone()).await;
        let before = markers.clone();
        markers = crate::said::markers_after(&frames);
        for row in crate::said::entries(&frames) {
            days.insert(format!("{:?}", row.fields["day"]));
        }
        if markers == before {
            break;
        }
    }
    assert_eq!(days.len(), 400);
    running.end().await;
}

#[tokio::test]
async fn damage_is_told_and_ends_the_check_with_1() {
    let home = home();
    assert!(call(home.path(), &["migrate"]).0);
    let file = home.path().join("data/daybook.sqlite");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
    let pool = sqlx::SqlitePool::connect_with(options)
        .await
        .expect("a database");
    let damage = "UPDATE scopes SET lsn = 3";
    sqlx::query(damage).execute(&pool).await.expect(damage);
    pool.close().await;
    let mut check = daybook(home.path(), &["check"]);
    let output = check.output().expect("a program");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stdout).expect("text");
    assert!(said.contains("beyond the end of the log at 3"), "{said}");
}

/// What must never be logged or counted by.
const WORDS: &str = "Nobody but me shall read of the marmalade";
const EMAIL: &str = "marmalade.reader@example.org";

#[tokio::test]
async fn nothing_that_people_write_or_are_known_by_is_logged_or_counted() {
    let home = home();
    let settings = "addr = \"127.0.0.1:0\"\nlog_format = \"json\"\n\
                    log_filter = \"trace,axum_login::service=info\"\n";
    write(home.path(), "daybook.toml", settings);
    let running = Running::start(&home);
    let ann = running.visitor();
    let account = ann.sign_up(EMAIL).await;
    let cookie = cookie_of(&ann).await;
    assert!(cookie.len() > 20, "{cookie}");
    assert_eq!(ann.sign_in(EMAIL, "marmalade is not the one").await.0, 401);
    let entry = written(WORDS);
    ann.push_one(&entry).await;
    ann.push_one(&written(" ")).await;
    ann.push_frame(format!("{{\"words\": \"{WORDS}\"}}")).await;
    let old = push_frame(ann.device_id, vec![entry.clone()]).replace("\"insert\"", "\"marmalade\"");
    ann.push_frame(old).await;
    ann.pull(Markers::default()).await;
    let mut events = ann.stream(Markers::default()).await;
    let first = tokio::time::timeout(SOON, events.next());
    first.await.expect("a frame");
    drop(events);
    let mut socket = Socket::open(&ann).await;
    socket.say(ann.hello(Markers::default())).await;
    socket.frames.until_live().await;
    let again = push_frame(ann.device_id, vec![entry.clone()]);
    socket.say(again).await;
    let answered = |frame: &ServerFrame| matches!(frame, ServerFrame::PushResult(_));
    socket.frames.until(answered).await;
    drop(socket);
    running
        .get(&format!("/journal-entries/{}", entry.key))
        .await;
    running.get("/nowhere/marmalade?marmalade=1").await;
    ann.call("sign_out", &[]).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let (_, counted) = running.get("/metrics").await;
    let logged = running.end().await;
    assert!(logged.lines().count() > 50, "{logged}");
    check_named(&logged);
    assert!(logged.contains("\"route\":\"/api/sync/push\""));
    let personal = [
        "marmalade",
        PASSWORD,
        &cookie,
        &entry.key.to_string(),
        &entry.op_id.to_string(),
        &account.id.to_string(),
        "$argon2",
    ];
    for secret in personal {
        let found = logged.lines().find(|line| line.contains(secret));
        assert_eq!(found, None, "{secret} was logged");
        assert!(!counted.contains(secret), "{secret} is counted by");
    }
    check_counted(&counted);
}

/// Signs in, and tells the cookie's value.
async fn cookie_of(visitor: &Visitor) -> String {
    let (email, password) = (EMAIL.replace('@', "%40"), PASSWORD.replace(' ', "+"));
    let form = format!("email={email}&password={password}");
    let kind = "application/x-www-form-urlencoded";
    let answer = visitor.post("/api/account/sign_in", kind, form).await;
    let cookie = session_cookie(&answer);
    let value = cookie.split(['=', ';']).nth(1).expect("a value");
    value.to_owned()
}

/// Every line is an object, and those of what goes on beside a request carry its name too.
fn check_named(logged: &str) {
    let mut ways = Vec::new();
    for line in logged.lines() {
        let said: serde_json::Value = serde_json::from_str(line).expect(line);
        let message = said["message"].as_str().unwrap_or_default();
        if !["push", "a session"].contains(&message) {
            continue;
        }
        let around = said["spans"].as_array().expect(line);
        let request = around.iter().find(|span| span["name"] == "request");
        let request = request.expect(line);
        assert!(request["id"].as_str().is_some_and(|id| id.len() == 22));
        let route = request["route"].as_str().expect(line);
        ways.push(format!("{message} by {route}"));
    }
    ways.sort();
    let expected = [
        "a session by /api/sync/socket",
        "a session by /api/sync/stream",
        "push by /api/sync/push",
        "push by /api/sync/push",
        "push by /api/sync/socket",
    ];
    assert_eq!(ways, expected);
}

/// Every kind of metric that this story touches, and only labels from lists.
fn check_counted(text: &str) {
    for part in [
        "daybook_requests_total{method=\"POST\",route=\"/api/sync/push\",status=\"200\"} 2",
        "daybook_requests_total{method=\"GET\",route=\"/api/sync/socket\",status=\"101\"} 1",
        "daybook_request_seconds_bucket{route=\"/api/sync/push\",le=\"0.5\"}",
        "daybook_pushes_total 3",
        "daybook_changes_total{outcome=\"applied\"} 1",
        "daybook_changes_total{outcome=\"duplicate\"} 1",
        "daybook_changes_total{outcome=\"rejected\"} 1",
        "daybook_sign_in_failures_total{reason=\"credentials\"} 1",
        "daybook_streams_open 0",
        "daybook_feed_rows_sent_total ",
        "daybook_collected_rows_total{kind=\"tombstones\"} 0",
        "daybook_write_wait_seconds_count ",
        "daybook_pool_connections{pool=\"read\",state=\"busy\"}",
        "daybook_connections_open ",
        "daybook_errors_total{code=\"not_found\"}",
        "daybook_build_info{",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let routes = text.split("route=\"").skip(1);
    let routes = routes.filter_map(|rest| rest.split('"').next());
    for route in routes {
        let known = route == "other" || route.starts_with('/');
        assert!(known && !route.contains("/journal-entries/"), "{route}");
    }
}
