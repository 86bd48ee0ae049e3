//! Figures of the server, measured on the program as it is released: what it keeps when it or its
//! database is killed, what streams cost and how soon they tell, and how fast it writes and reads.
//!
//! # Layout, in reading order
//! - [`figures`]: one file a figure
//! - [`place`], [`node`], [`cluster`], [`relay`]: databases and programs to measure, and to kill
//! - [`line`], [`socket`], [`person`], [`entries`]: devices that know only HTTP and the protocol
//! - [`ledger`], [`load`]: what was acknowledged, in a list of our own, while many write
//! - [`table`], [`spread`]: how it is told

mod cluster;
mod entries;
mod figures;
mod ledger;
mod line;
mod load;
mod naive;
mod node;
mod person;
mod place;
mod relay;
mod socket;
mod spread;
mod table;

use clap::{Parser, ValueEnum};
use place::Kind;
use std::path::PathBuf;
use std::process::ExitCode;

/// Measures the server
#[derive(Parser)]
#[command(name = "server-bench")]
pub(crate) struct Wish {
    /// The program to measure
    #[arg(long, default_value = "target/release/daybook")]
    program: PathBuf,
    /// The site that it serves, if there is none in it
    #[arg(long)]
    site: Option<PathBuf>,
    /// Only this figure; by default, all
    #[arg(long)]
    figure: Option<Figure>,
    /// Only on this database; by default, on both
    #[arg(long)]
    database: Option<Kind>,
    /// Some tenth of everything, to see that it works
    #[arg(long)]
    quick: bool,
    /// How many rows are written to look for hidden commits
    #[arg(long)]
    rows: Option<u64>,
    /// How many times the program is killed, on each database
    #[arg(long)]
    kills: Option<usize>,
    /// How many times the database is taken away
    #[arg(long)]
    outages: Option<usize>,
    /// Spoils the list of what was acknowledged, to see that the checks notice
    #[arg(long)]
    planted: bool,
}

/// What can be measured alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Figure {
    /// The program killed while devices push
    Kills,
    /// PostgreSQL restarted, killed and cut off while devices push
    Outages,
    /// What an idle stream costs
    Streams,
    /// How soon a change is told to others
    Delivery,
    /// Commits that a reader by position does not see
    Hidden,
    /// How fast changes are taken
    Pushes,
    /// How fast a new device gets a long journal
    Bootstrap,
}

impl Wish {
    fn has(&self, figure: Figure) -> bool {
        self.figure.is_none_or(|only| only == figure)
    }

    /// The databases to measure on.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = Kind> {
        let only = self.database;
        let both = [Kind::Sqlite, Kind::Postgres].into_iter();
        both.filter(move |kind| only.is_none_or(|only| only == *kind))
    }

    /// A number of things, or a tenth of it.
    pub(crate) const fn about(&self, number: usize) -> usize {
        if self.quick {
            number.div_ceil(10)
        } else {
            number
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let wish = Wish::parse();
    match figures::all(&wish).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\n{error:#}");
            ExitCode::FAILURE
        }
    }
}
