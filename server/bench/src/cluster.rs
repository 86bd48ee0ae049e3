//! A PostgreSQL server of our own, to be restarted and killed: a private folder, a private port on
//! this machine, and nothing that stays. It keeps its promises (`fsync`), unlike that of the tests.

#[path = "../../tests/server/cluster/installed.rs"]
mod installed;

use anyhow::{Context, Result, ensure};
use installed::{USER, free_port, give_away, programs, run_as_other};
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::sleep;

/// How long it may take to start: after a kill it mends itself first.
const START_MAX: Duration = Duration::from_secs(60);

/// How often it is asked whether it is there.
const GLANCE: Duration = Duration::from_millis(5);

/// Ends the server once nobody holds the other end of its standard input any more, which is when
/// we have ended, however we did.
const KEEPER: &str = r#"
trap '' INT HUP
cat >/dev/null
"$1/pg_ctl" -D "$2" stop -m immediate
"#;

/// A server that was started.
#[derive(Debug)]
pub(crate) struct Cluster {
    programs: PathBuf,
    data: PathBuf,
    port: u16,
    _keeper: Child,
    _folder: TempDir,
}

/// How it is ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stop {
    /// As an operator does who restarts it.
    Fast,
    /// Without a word to anybody; it mends itself at the next start.
    Immediate,
    /// Its first process is killed; the others find out by themselves.
    Kill,
}

impl Cluster {
    pub(crate) async fn start() -> Result<Self> {
        let programs = programs().context(
            "there is no PostgreSQL (15 or newer); `cargo xtask setup --tests` installs it",
        )?;
        let folder = tempfile::tempdir()?;
        give_away(folder.path())?;
        let data = folder.path().join("data");
        let made = by_other(programs.join("initdb"))
            .args(["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"])
            .args(["--username", USER, "-D"])
            .arg(&data)
            .output()
            .await?;
        let words = String::from_utf8_lossy(&made.stderr);
        ensure!(made.status.success(), "initdb: {words}");
        let keeper = by_other("sh")
            .args(["-c", KEEPER, "sh"])
            .args([&programs, &data])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let cluster = Self {
            programs,
            data,
            port: free_port().context("no port is free")?,
            _keeper: keeper,
            _folder: folder,
        };
        cluster.up().await?;
        Ok(cluster)
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// The database, as it is reached at this port.
    pub(crate) fn url(&self, port: u16) -> String {
        format!("postgres://{USER}@127.0.0.1:{port}/postgres")
    }

    /// Starts it, and tells when it first answered.
    pub(crate) async fn up(&self) -> Result<Instant> {
        let began = Instant::now();
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=300",
            self.port
        );
        let mut next_try = began;
        loop {
            if self.is_ready().await? {
                return Ok(Instant::now());
            }
            ensure!(began.elapsed() < START_MAX, "PostgreSQL: {}", self.log());
            // Again and again, for after a kill it waits until the last of its processes has gone.
            if Instant::now() > next_try {
                next_try = Instant::now() + Duration::from_secs(1);
                let mut start = self.control("start");
                start
                    .args(["-W", "-o", &options, "-l"])
                    .arg(self.log_file());
                start.status().await?;
            }
            sleep(GLANCE).await;
        }
    }

    /// Ends it.
    pub(crate) async fn down(&self, how: Stop) -> Result<()> {
        let mode = match how {
            Stop::Fast => "fast",
            Stop::Immediate => "immediate",
            Stop::Kill => return self.kill().await,
        };
        let mut stop = self.control("stop");
        let stopped = stop.args(["-w", "-m", mode]).status().await?;
        ensure!(stopped.success(), "PostgreSQL did not end: {}", self.log());
        Ok(())
    }

    async fn kill(&self) -> Result<()> {
        let file = std::fs::read_to_string(self.data.join("postmaster.pid"))?;
        let id = file.lines().next().context("a server without a number")?;
        let killed = Command::new("kill").args(["-9", id]).status().await?;
        ensure!(killed.success(), "PostgreSQL was not killed");
        Ok(())
    }

    async fn is_ready(&self) -> Result<bool> {
        let mut ask = Command::new(self.programs.join("pg_isready"));
        ask.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
        Ok(ask.status().await?.success())
    }

    fn control(&self, what: &str) -> Command {
        let mut control = by_other(self.programs.join("pg_ctl"));
        control.arg(what).arg("-D").arg(&self.data);
        control.stdout(Stdio::null()).stderr(Stdio::null());
        control
    }

    fn log_file(&self) -> PathBuf {
        self.data.join("log.txt")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }
}

fn by_other(program: impl AsRef<OsStr>) -> Command {
    run_as_other(program).into()
}
