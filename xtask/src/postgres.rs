//! A PostgreSQL server for the tests alone: a private folder, a private port on this machine, nothing kept.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::program;

/// How long it may take to start.
const START_MAX: Duration = Duration::from_secs(60);
/// How often it is looked at while it starts.
const GLANCE: Duration = Duration::from_millis(100);
/// Who it runs as when we are root, which it refuses to be.
const USER: &str = "postgres";

/// Ends the server and clears its folder away once nobody holds the other end of its standard input any more: also when
/// the chore is killed and cannot do so itself. Without `fsync`, for nothing is to outlive the tests.
const KEEPER: &str = r#"
trap '' INT HUP
"$1/postgres" -D "$2/data" -p "$3" -c listen_addresses=127.0.0.1 -c unix_socket_directories="$2" \
    -c fsync=off -c max_connections=200 >"$2/log" 2>&1 </dev/null &
server=$!
cat >/dev/null
kill -QUIT $server
wait $server
rm -rf "$2"
"#;

/// A server that runs until this is dropped.
pub(crate) struct Postgres {
    folder: PathBuf,
    port: u16,
    keeper: Child,
}

impl Postgres {
    /// Makes a cluster and starts it. It sorts words by a language and not by bytes, as an operator's may.
    pub(crate) fn start(programs: &Path) -> Result<Self> {
        let owner = Owner::find()?;
        let port = free_port()?;
        let folder = std::env::temp_dir().join(format!("daybook-postgres-{}", std::process::id()));
        fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        owner.give(&folder)?;
        let mut initdb = owner.command(&programs.join("initdb"));
        initdb
            .args([
                "--auth=trust",
                "--no-sync",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
            ])
            .args(["--locale-provider=icu", "--icu-locale=en-US"])
            .arg(format!("--username={USER}"))
            .arg("-D")
            .arg(folder.join("data"));
        let made = program::run(initdb.stdout(Stdio::null()));
        if let Err(error) = made {
            fs::remove_dir_all(&folder)?;
            return Err(
                error.context("PostgreSQL (15 or newer) cannot make a database for the tests")
            );
        }
        let keeper = owner
            .command(Path::new("sh"))
            .args(["-c", KEEPER, "sh"])
            .args([programs, &folder])
            .arg(port.to_string())
            .stdin(Stdio::piped())
            .spawn()
            .context("cannot start PostgreSQL")?;
        let mut server = Self {
            folder,
            port,
            keeper,
        };
        server.wait_until_ready(programs)?;
        Ok(server)
    }

    /// Where it is, for programs that speak to it.
    pub(crate) fn url(&self) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/postgres", self.port)
    }

    fn wait_until_ready(&mut self, programs: &Path) -> Result<()> {
        let began = Instant::now();
        let port = self.port.to_string();
        let mut is_ready = Command::new(programs.join("pg_isready"));
        is_ready.args(["-q", "-h", "127.0.0.1", "-p", &port]);
        while program::ask(&mut is_ready).is_none() {
            let ended = self.keeper.try_wait()?.is_some();
            if ended || began.elapsed() > START_MAX {
                let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                bail!("PostgreSQL does not start; its own words:\n{log}");
            }
            sleep(GLANCE);
        }
        Ok(())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // What the keeper waits for.
        drop(self.keeper.stdin.take());
        let ended = self.keeper.wait();
        if ended.is_err() || self.folder.exists() {
            eprintln!("  ! PostgreSQL has left {}", self.folder.display());
        }
    }
}

/// Who the server runs as: ourselves, or as root somebody with fewer rights.
enum Owner {
    Ourselves,
    Other { user: u32, group: u32 },
}

impl Owner {
    fn find() -> Result<Self> {
        let id = |option: &str, name: &[&str]| -> Option<u32> {
            program::ask(Command::new("id").arg(option).args(name))?
                .parse()
                .ok()
        };
        if id("-u", &[]) != Some(0) {
            return Ok(Self::Ourselves);
        }
        let (Some(user), Some(group)) = (id("-u", &[USER]), id("-g", &[USER])) else {
            bail!(
                "PostgreSQL does not run as root, and there is no user `{USER}` for it to run as. Run this as another \
                 user, or make that one:\n  useradd --system {USER}"
            );
        };
        ensure!(user != 0, "the user `{USER}` is root");
        Ok(Self::Other { user, group })
    }

    #[cfg(unix)]
    fn command(&self, program: &Path) -> Command {
        use std::os::unix::process::CommandExt as _;
        let mut command = Command::new(program);
        // Any folder that both may enter: ours may be closed to the other.
        command.current_dir("/");
        if let Self::Other { user, group } = self {
            command.uid(*user).gid(*group);
        }
        command
    }

    #[cfg(unix)]
    fn give(&self, folder: &Path) -> Result<()> {
        if let Self::Other { user, group } = self {
            std::os::unix::fs::chown(folder, Some(*user), Some(*group))?;
        }
        Ok(())
    }
}

#[cfg(not(unix))]
impl Owner {
    fn command(&self, program: &Path) -> Command {
        Command::new(program)
    }

    fn give(&self, _: &Path) -> Result<()> {
        Ok(())
    }
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}
