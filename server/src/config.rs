//! What an operator can set. A flag wins over the environment, the environment over the file
//! `daybook.toml`, and the file over the defaults here.
//!
//! - [`given`]: the flags, the environment and the file, put together
//! - [`check`]: what no type can say about a value
//! - [`networks`]: addresses that are trusted; [`secret`]: what is never shown

mod check;
pub mod given;
pub mod networks;
pub mod secret;

pub use given::Given;
pub use networks::Networks;
pub use secret::Secret;

use crate::accounts::mail::{MailSettings, MailTls};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use sync::hub::collect::Retention;
use webauthn_rs::prelude::Url;

/// Everything that can be set, as it is after all sources were read. What each key means stands
/// at [`Given`], in `daybook --help` and in `daybook.example.toml`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where to listen.
    pub addr: SocketAddr,
    /// The database: a file, made with its folder when there is none, or `postgres://…`.
    pub database_url: String,
    /// The folder with the site's files; none for the files inside the program.
    pub site: Option<PathBuf>,
    /// Whether people reach this server by https; none to tell by the address.
    pub https: Option<bool>,
    /// The site as browsers have it; none for what the address says.
    pub public_url: Option<String>,
    /// Through which mail server mails are sent; none for no mails.
    pub mail_host: Option<String>,
    /// Its port.
    pub mail_port: u16,
    /// How the way there is protected.
    pub mail_tls: MailTls,
    /// The name by which it knows this server, if it asks for one.
    pub mail_user: Option<String>,
    /// The password that goes with the name.
    pub mail_password: Option<Secret>,
    /// The sender of mails.
    pub mail_from: Option<String>,
    /// Whose word on where a request comes from is taken.
    pub trusted_proxies: Networks,
    /// How many connections are served at a time.
    pub connections_max: usize,
    /// How many of them one network address may have.
    pub connections_per_address_max: usize,
    /// How many streams one person may have open at a time.
    pub streams_per_person_max: usize,
    /// How long `/readyz` says no before the server stops accepting, in seconds.
    pub drain_wait_s: u64,
    /// How long requests under way get to finish when the server ends, in seconds.
    pub drain_limit_s: u64,
    /// Where metrics are told; none for `/metrics` on this machine alone.
    pub metrics_listen: Option<SocketAddr>,
    /// How log lines look.
    pub log_format: LogFormat,
    /// What is logged.
    pub log_filter: String,
    /// For how many days deletions and answers to pushes are remembered.
    pub keep_deleted_days: u16,
    /// For how many days earlier versions of an entry are kept.
    pub keep_revisions_days: u16,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One object a line, for programs.
    Json,
}

/// What is logged unless somebody says otherwise. The session layer finds every stale cookie
/// suspicious; here they are everyday, for journals are opened on devices that were away.
pub const LOG_FILTER: &str = "info,tower_sessions=error,tower_sessions_core=error";

/// Where the site is built, when the program has none inside.
const BUILT_SITE: &str = "target/site";

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

impl Default for Config {
    fn default() -> Self {
        Self {
            addr: SocketAddr::from(([127, 0, 0, 1], 3000)),
            database_url: "sqlite:data/daybook.sqlite".to_owned(),
            site: None,
            https: None,
            public_url: None,
            mail_host: None,
            mail_port: 465,
            mail_tls: MailTls::Always,
            mail_user: None,
            mail_password: None,
            mail_from: None,
            trusted_proxies: Networks::loopback(),
            connections_max: 1_024,
            connections_per_address_max: 128,
            streams_per_person_max: 20,
            drain_wait_s: 0,
            drain_limit_s: 4,
            metrics_listen: None,
            log_format: LogFormat::Text,
            log_filter: LOG_FILTER.to_owned(),
            keep_deleted_days: 400,
            keep_revisions_days: 90,
        }
    }
}

impl Config {
    /// Whether cookies are marked `Secure` and browsers are told to stay with https. Off only
    /// where plain HTTP cannot be overheard: on this very machine, or where the operator says so.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.https.unwrap_or(!self.addr.ip().is_loopback())
    }

    /// Why nobody can have a passkey here, in words for who runs the server; nothing if they can.
    #[must_use]
    pub fn why_no_passkeys(&self) -> Option<String> {
        let Some(given) = &self.public_url else {
            let named = !self.is_https() && self.addr.ip().is_loopback();
            return (!named).then(|| {
                "Passkeys are off: they are bound to the site's name, and `public_url` is not set"
                    .to_owned()
            });
        };
        let url = Url::parse(given).ok()?;
        url.domain().is_none().then(|| {
            format!(
                "Passkeys are off: `public_url` is {given}, and they cannot be bound to a number. \
                 Give the site a name; passwords and mail work as they are"
            )
        })
    }

    /// How mail leaves this server, if any does.
    #[must_use]
    pub fn mail(&self) -> Option<MailSettings> {
        Some(MailSettings {
            host: self.mail_host.clone()?,
            port: self.mail_port,
            tls: self.mail_tls,
            credentials: self.mail_credentials(),
            from: self.mail_from.clone()?,
        })
    }

    fn mail_credentials(&self) -> Option<(String, String)> {
        let password = self.mail_password.as_ref()?.reveal().to_owned();
        Some((self.mail_user.clone()?, password))
    }

    /// How long things are kept.
    #[must_use]
    pub fn retention(&self) -> Retention {
        Retention {
            tombstone_ms: u64::from(self.keep_deleted_days) * DAY_MS,
            revision_ms: u64::from(self.keep_revisions_days) * DAY_MS,
        }
    }

    /// The folder with the site's files, unless they are inside the program.
    #[must_use]
    pub fn site_folder(&self) -> Option<&Path> {
        let built = (!cfg!(feature = "embedded-site")).then(|| Path::new(BUILT_SITE));
        self.site.as_deref().or(built)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_are_kept_as_long_as_the_engine_says_unless_the_operator_says_otherwise() {
        assert_eq!(Config::default().retention(), Retention::default());
        let config = Config {
            keep_revisions_days: 7,
            ..Config::default()
        };
        assert_eq!(config.retention().revision_ms, 7 * DAY_MS);
    }

    #[test]
    fn who_runs_a_server_without_passkeys_is_told_why() {
        let why = |addr: &str, public_url: Option<&str>| {
            let config = Config {
                addr: addr.parse().expect("an address"),
                public_url: public_url.map(str::to_owned),
                ..Config::default()
            };
            config.why_no_passkeys().unwrap_or_default()
        };
        assert_eq!(why("127.0.0.1:3000", None), "");
        assert_eq!(why("0.0.0.0:3000", Some("https://daybook.example.org")), "");
        let number = why("0.0.0.0:3000", Some("https://192.0.2.1"));
        assert!(
            number.contains("https://192.0.2.1") && number.contains("a name"),
            "{number}"
        );
        assert!(why("0.0.0.0:3000", None).contains("`public_url` is not set"));
    }

    #[test]
    fn only_loopback_is_plain_unless_the_operator_says_otherwise() {
        let is_https = |addr: &str, https| {
            let addr = addr.parse().expect("an address");
            let config = Config {
                addr,
                https,
                ..Config::default()
            };
            config.is_https()
        };
        assert!(!is_https("127.0.0.1:3000", None));
        assert!(!is_https("[::1]:3000", None));
        assert!(is_https("0.0.0.0:3000", None));
        assert!(is_https("127.0.0.1:3000", Some(true)));
        assert!(!is_https("0.0.0.0:3000", Some(false)));
    }
}
