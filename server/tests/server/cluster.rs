//! A PostgreSQL server for one run of the tests: a private folder, a private port on this machine,
//! and nothing that stays.

mod installed;

use installed::{USER, free_port, give_away, programs, run_as_other};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Names a server that is there already; its databases of other names are left alone.
const GIVEN: &str = "DAYBOOK_TEST_POSTGRES_URL";

/// How long it may take to start.
const START_MAX: Duration = Duration::from_secs(60);

/// What a person reads who has none.
const NOT_FOUND: &str = "This test needs PostgreSQL (15 or newer), and there is no `initdb`. Run \
                         `cargo xtask setup --tests`, which installs it, or set \
                         DAYBOOK_TEST_POSTGRES_URL to a server where databases may be made and \
                         dropped, such as postgres://postgres@localhost/postgres";

/// Ends the server and clears its folder away once nobody holds the other end of its standard
/// input any more, which is when the tests have ended, however they did. Without `fsync`, for
/// nothing is to outlive them. It is told to end until it has: a server that has only just begun
/// does not hear it.
const KEEPER: &str = r#"
trap '' INT HUP
"$1/postgres" -D "$2/data" -p "$3" -c listen_addresses=127.0.0.1 -c unix_socket_directories="$2" \
    -c fsync=off -c max_connections=300 >"$2/log" 2>&1 </dev/null &
server=$!
cat >/dev/null
while kill -QUIT $server 2>/dev/null; do sleep 0.1; done
rm -rf "$2"
"#;

/// Where the server is on which this run of the tests makes its databases.
pub(crate) fn url() -> String {
    static OWN: OnceLock<(u16, Child)> = OnceLock::new();
    std::env::var(GIVEN).unwrap_or_else(|_| {
        let (port, _) = OWN.get_or_init(start);
        format!("postgres://{USER}@127.0.0.1:{port}/postgres")
    })
}

fn start() -> (u16, Child) {
    let programs = programs().expect(NOT_FOUND);
    let port = free_port().expect("a port");
    let name = format!("daybook-postgres-{}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    fs::create_dir(&folder).expect("a folder");
    give_away(&folder).expect("a folder to give away");
    // It sorts words by a language and not by bytes, as an operator's may.
    let made = run_as_other(programs.join("initdb"))
        .args(["--auth=trust", "--no-sync", "--encoding=UTF8"])
        .args(["--locale=C.UTF-8", "--locale-provider=icu"])
        .args(["--icu-locale=en-US", "--username", USER, "-D"])
        .arg(folder.join("data"))
        .output()
        .expect("initdb");
    let words = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "initdb: {words}");
    let keeper = run_as_other("sh")
        .args(["-c", KEEPER, "sh"])
        .args([&programs, &folder])
        .arg(port.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell");
    wait_until_ready(&programs, port, &folder.join("log"));
    (port, keeper)
}

fn wait_until_ready(programs: &Path, port: u16, log: &Path) {
    let began = Instant::now();
    let is_ready = || {
        let mut is_ready = Command::new(programs.join("pg_isready"));
        is_ready.args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]);
        is_ready.status().expect("pg_isready").success()
    };
    while !is_ready() {
        let words = || fs::read_to_string(log).unwrap_or_default();
        assert!(began.elapsed() < START_MAX, "PostgreSQL: {}", words());
        sleep(Duration::from_millis(50));
    }
}
