//! A server as a process of its own, to be measured and killed.

use anyhow::{Context, Result};
use std::fs::OpenOptions;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// How long a start may take: after a kill the database mends itself first.
const START_MAX: Duration = Duration::from_secs(30);

/// A server that runs. Killed when dropped.
#[derive(Debug)]
pub(crate) struct Node {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Node {
    /// Starts it and waits until it says where it is. Its log goes into a file of this folder.
    pub(crate) async fn start(mut command: Command, folder: &Path) -> Result<Self> {
        let log = folder.join("log");
        let log_file = OpenOptions::new().create(true).append(true).open(&log)?;
        let mut child = command.stdout(Stdio::piped()).stderr(log_file).spawn()?;
        let stdout = child.stdout.take().context("a program without output")?;
        let mut lines = BufReader::new(stdout).lines();
        let line = timeout(START_MAX, lines.next_line()).await;
        let said = || std::fs::read_to_string(&log).unwrap_or_default();
        let line = line.ok().and_then(Result::ok).flatten();
        let line = line.with_context(|| format!("a server did not start: {}", said()))?;
        let port = line
            .rsplit_once(':')
            .and_then(|(_, port)| port.trim().parse().ok());
        let port: u16 = port.with_context(|| format!("no port in `{line}`"))?;
        Ok(Self {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], port)),
        })
    }

    /// Ends it as a power cut would end the program: nothing of it runs any more.
    pub(crate) async fn kill(mut self) -> Result<()> {
        self.child.kill().await.context("a kill")
    }

    /// What it has in memory, in KiB.
    pub(crate) fn resident_kib(&self) -> Result<u64> {
        let status = self.told("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let words = line.and_then(|line| line.split_whitespace().next());
        words.context("no memory")?.parse().context("no number")
    }

    /// How long its threads have computed, all together.
    pub(crate) fn computed(&self) -> Result<Duration> {
        // Linux counts in hundredths of a second wherever people use it.
        const TICK: Duration = Duration::from_millis(10);
        let stat = self.told("stat")?;
        // The name in brackets may have blanks in it.
        let (_, rest) = stat.rsplit_once(") ").context("no name")?;
        let mut words = rest.split(' ').skip(11);
        let mut ticks = || -> Result<u32> { Ok(words.next().context("no time")?.parse()?) };
        Ok(TICK * (ticks()? + ticks()?))
    }

    fn told(&self, what: &str) -> Result<String> {
        let id = self.child.id().context("a program that has ended")?;
        let told = std::fs::read_to_string(format!("/proc/{id}/{what}"));
        told.context("what a process takes is read from /proc, which only Linux has")
    }
}
