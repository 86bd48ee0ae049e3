//! Where a measured server keeps things: a folder that goes with us, and one of two databases.

use crate::Wish;
use crate::cluster::Cluster;
use crate::node::Node;
use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use std::fmt;
use std::path::{PathBuf, absolute};
use tempfile::TempDir;
use tokio::process::Command;

/// One of the two databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// A file.
    Sqlite,
    /// A server of our own.
    Postgres,
}

/// A folder, an empty database, and the program to run on it.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
    /// Where the database is.
    pub(crate) url: String,
    pub(crate) cluster: Option<Cluster>,
    program: PathBuf,
    site: Option<PathBuf>,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        })
    }
}

impl Place {
    /// An empty database of this kind. PostgreSQL is started for it alone.
    pub(crate) async fn new(wish: &Wish, kind: Kind) -> Result<Self> {
        let folder = tempfile::tempdir().context("no folder for what is measured")?;
        let there = |path: &PathBuf| {
            ensure!(
                path.exists(),
                "{} is not there: build it first",
                path.display()
            );
            absolute(path).context("a path of no folder")
        };
        let program = there(&wish.program)?;
        let site = wish.site.as_ref().map(there).transpose()?;
        let cluster = match kind {
            Kind::Sqlite => None,
            Kind::Postgres => Some(Cluster::start().await?),
        };
        let file = folder.path().join("daybook.sqlite");
        let url = match &cluster {
            Some(cluster) => cluster.url(cluster.port()),
            None => format!("sqlite:{}", file.display()),
        };
        Ok(Self {
            folder,
            url,
            cluster,
            program,
            site,
        })
    }

    /// Starts a server on this database.
    pub(crate) async fn node(&self) -> Result<Node> {
        self.node_at(&self.url).await
    }

    /// Starts a server that reaches the database by another way.
    pub(crate) async fn node_at(&self, url: &str) -> Result<Node> {
        let mut command = self.command("serve", url);
        if let Some(site) = &self.site {
            command.arg("--site").arg(site);
        }
        // All who are measured come from one address, and some have more devices than people have.
        let limits = [
            "--connections-max",
            "30000",
            "--streams-per-person-max",
            "2000",
        ];
        command.args(limits).args(["--addr", "127.0.0.1:0"]);
        Node::start(command, self.folder.path()).await
    }

    /// What `daybook check` finds wrong with the database: for SQLite its own `integrity_check`,
    /// and for both what devices rely on.
    pub(crate) async fn check(&self) -> Result<Option<String>> {
        let output = self.command("check", &self.url).output().await?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let said = said + &String::from_utf8_lossy(&output.stderr);
        Ok((!output.status.success()).then_some(said))
    }

    fn command(&self, what: &str, url: &str) -> Command {
        let mut command = Command::new(&self.program);
        // What is set for a server of somebody's own does not reach this one.
        command.env_clear().current_dir(self.folder.path());
        command.args([what, "--database-url", url]);
        command.kill_on_drop(true);
        command
    }
}
