//! A PostgreSQL server for one run of the tests: a private folder, a private port on this machine,
//! and nothing that stays.

use std::ffi::OsStr;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Names a server that is there already; its databases of other names are left alone.
const GIVEN: &str = "DAYBOOK_TEST_POSTGRES_URL";

/// Where Debian keeps one folder a version; its server programs are not on `PATH`.
const DEBIAN: &str = "/usr/lib/postgresql";

/// Who it runs as when we are root, which it refuses to be.
const USER: &str = "postgres";

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
    let port = free_port();
    let name = format!("daybook-postgres-{}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    make(&folder);
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

/// A port that nobody listens on, below those that the system gives to whoever asks for any: it
/// would give it away again before the server is there.
fn free_port() -> u16 {
    const FIRST: u32 = 20_000;
    const COUNT: u32 = 10_000;
    let mine = std::process::id();
    let ports = (0..COUNT).map(|step| FIRST + mine.wrapping_add(step) % COUNT);
    let mut ports = ports.filter_map(|port| u16::try_from(port).ok());
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    ports.find(is_free).expect("a port")
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

/// The folder of the server's programs.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    // Where a link leads, beside the other programs.
    let real = |folder: PathBuf| Some(folder.join("initdb").canonicalize().ok()?.parent()?.into());
    let on_path = std::env::split_paths(&path).find_map(real);
    let newest = || {
        let versions = fs::read_dir(DEBIAN).ok()?;
        let folders = versions.flatten().map(|version| {
            let number = version.file_name().to_str()?.parse::<u32>().ok()?;
            Some((number, version.path().join("bin")))
        });
        let complete = folders
            .flatten()
            .filter(|(_, bin)| bin.join("initdb").is_file());
        complete.max().map(|(_, bin)| bin)
    };
    on_path.or_else(newest)
}

/// Makes the folder, and gives it to whom the server runs as.
fn make(folder: &Path) {
    fs::create_dir(folder).expect("a folder");
    #[cfg(unix)]
    if let Some((user, group)) = other() {
        std::os::unix::fs::chown(folder, Some(user), Some(group)).expect("a folder to give away");
    }
}

fn run_as_other(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    // Ours may be closed to the other.
    command.current_dir(std::env::temp_dir());
    #[cfg(unix)]
    if let Some((user, group)) = other() {
        use std::os::unix::process::CommandExt as _;
        command.uid(user).gid(group);
    }
    command
}

/// User and group that the server runs as, when we are root.
#[cfg(unix)]
fn other() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| -> Option<u32> {
        let said = Command::new("id").args(arguments).output().expect("id");
        String::from_utf8(said.stdout).ok()?.trim().parse().ok()
    };
    if id(&["-u"]) != Some(0) {
        return None;
    }
    let user = id(&["-u", USER]).filter(|user| *user != 0);
    let user = user.expect("a user `postgres`: PostgreSQL does not run as root");
    Some((user, id(&["-g", USER]).expect("a group of `postgres`")))
}
