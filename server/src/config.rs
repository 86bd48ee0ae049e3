//! What an operator can set, by flag or by environment.

use clap::Parser;
use std::net::SocketAddr;
use std::path::PathBuf;

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
}

impl Config {
    /// Whether cookies are marked `Secure` and browsers are told to stay with https. Off only
    /// where plain HTTP cannot be overheard: on this very machine, or where the operator says so.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.https.unwrap_or(!self.addr.ip().is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn https(arguments: &[&str]) -> bool {
        let arguments = ["daybook"].iter().chain(arguments);
        Config::try_parse_from(arguments)
            .expect("a configuration")
            .is_https()
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
