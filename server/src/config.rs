//! What an operator can set, by flag or by environment.

use clap::Parser;
use std::net::SocketAddr;
use std::path::PathBuf;
use sync::hub::collect::Retention;

/// Daybook: a journal that opens and saves without a network.
#[derive(Clone, Debug, Parser)]
#[command(name = "daybook", version)]
pub struct Config {
    /// Where to listen. Another address than loopback needs a proxy with TLS in front.
    #[arg(long, env = "DAYBOOK_ADDR", default_value = "127.0.0.1:3000")]
    pub addr: SocketAddr,

    /// The database; made, with its folder, when there is none.
    #[arg(
        long,
        env = "DATABASE_URL",
        default_value = "sqlite:data/daybook.sqlite"
    )]
    pub database_url: String,

    /// The folder with the site's files.
    #[arg(long, env = "DAYBOOK_SITE", default_value = "target/site")]
    pub site: PathBuf,

    /// Whether people reach this server by https. Without it: on loopback no, elsewhere yes.
    #[arg(long, env = "DAYBOOK_HTTPS")]
    pub https: Option<bool>,

    /// For how many days deletions and answers to pushes are remembered. A device that was away
    /// for longer takes everything anew.
    #[arg(long, env = "DAYBOOK_KEEP_DELETED_DAYS", default_value_t = 400, value_parser = days())]
    pub keep_deleted_days: u16,

    /// For how many days earlier versions of an entry are kept.
    #[arg(long, env = "DAYBOOK_KEEP_REVISIONS_DAYS", default_value_t = 90, value_parser = days())]
    pub keep_revisions_days: u16,
}

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

fn days() -> clap::builder::RangedI64ValueParser<u16> {
    clap::value_parser!(u16).range(1..)
}

impl Config {
    /// Whether cookies are marked `Secure` and browsers are told to stay with https. Off only
    /// where plain HTTP cannot be overheard: on this very machine, or where the operator says so.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.https.unwrap_or(!self.addr.ip().is_loopback())
    }

    /// How long things are kept.
    #[must_use]
    pub fn retention(&self) -> Retention {
        Retention {
            tombstone_ms: u64::from(self.keep_deleted_days) * DAY_MS,
            revision_ms: u64::from(self.keep_revisions_days) * DAY_MS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Config, clap::Error> {
        Config::try_parse_from(["daybook"].iter().chain(arguments))
    }

    fn https(arguments: &[&str]) -> bool {
        parsed(arguments).expect("a configuration").is_https()
    }

    #[test]
    fn things_are_kept_as_long_as_the_engine_says_unless_the_operator_says_otherwise() {
        let retention = |arguments: &[&str]| parsed(arguments).map(|config| config.retention());
        assert_eq!(
            retention(&[]).expect("a configuration"),
            Retention::default()
        );
        let set = retention(&["--keep-deleted-days", "30", "--keep-revisions-days", "7"]);
        assert_eq!(set.expect("a configuration").revision_ms, 7 * DAY_MS);
        assert!(retention(&["--keep-deleted-days", "0"]).is_err());
    }

    #[test]
    fn only_loopback_is_plain_unless_the_operator_says_otherwise() {
        assert!(!https(&["--addr", "127.0.0.1:3000"]));
        assert!(!https(&["--addr", "[::1]:3000"]));
        assert!(https(&["--addr", "0.0.0.0:3000"]));
        assert!(https(&["--addr", "127.0.0.1:3000", "--https", "true"]));
        assert!(!https(&["--addr", "0.0.0.0:3000", "--https", "false"]));
    }
}
