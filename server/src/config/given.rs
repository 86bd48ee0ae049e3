//! Where settings come from: flags, the environment, and one file.

use super::{Config, LogFormat, Networks};
use crate::accounts::mail::MailTls;
use clap::{Args, Command};
use serde::Serialize;
use std::env::VarError;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use toml::Table;

/// The file that is read when nobody names one, if it is in the current folder.
pub const FILE: &str = "daybook.toml";

/// The variable of `mail_password`. It has no flag: everybody on the machine can see those of a
/// program that runs.
pub const MAIL_PASSWORD: &str = "DAYBOOK_MAIL_PASSWORD";

/// The keys of which no error shows what was written for them.
const SECRET_KEYS: [&str; 2] = ["mail_password", "database_url"];

/// What was given by flag or environment. Every key of [`Config`] is here, by the same name, but
/// for [`mail_password`](MAIL_PASSWORD).
#[derive(Clone, Debug, Default, Args, Serialize)]
pub struct Given {
    /// The file with the other settings. Without it: daybook.toml in the current folder, if there
    #[serde(skip)]
    #[arg(long, global = true, value_name = "FILE", env = "DAYBOOK_CONFIG")]
    pub config: Option<PathBuf>,

    /// Where to listen. Another address than loopback needs a proxy with TLS in front
    #[arg(long, global = true, env = "DAYBOOK_ADDR")]
    pub addr: Option<SocketAddr>,

    /// The database: a file, made with its folder when there is none, or `postgres://…`
    #[arg(long, global = true, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,

    /// The folder with the site's files, instead of those inside the program
    #[arg(long, global = true, env = "DAYBOOK_SITE")]
    pub site: Option<PathBuf>,

    /// Whether people reach this server by https. Without it: on loopback no, elsewhere yes
    #[arg(long, global = true, env = "DAYBOOK_HTTPS")]
    pub https: Option<bool>,

    /// The site as browsers have it, such as <https://daybook.example.org>. Passkeys are bound to it
    /// for good, and links in mails begin with it. Without it, on loopback: localhost and the port
    #[arg(long, global = true, env = "DAYBOOK_PUBLIC_URL")]
    pub public_url: Option<String>,

    /// The mail server that sends links to who forgot a password. Without it: no mails
    #[arg(long, global = true, env = "DAYBOOK_MAIL_HOST")]
    pub mail_host: Option<String>,

    /// The mail server's port
    #[arg(long, global = true, env = "DAYBOOK_MAIL_PORT")]
    pub mail_port: Option<u16>,

    /// How the way to the mail server is protected
    #[arg(long, global = true, env = "DAYBOOK_MAIL_TLS")]
    pub mail_tls: Option<MailTls>,

    /// The name by which the mail server knows this one, if it asks for one
    #[arg(long, global = true, env = "DAYBOOK_MAIL_USER")]
    pub mail_user: Option<String>,

    /// The sender of mails, as `Daybook <daybook@example.org>`
    #[arg(long, global = true, env = "DAYBOOK_MAIL_FROM")]
    pub mail_from: Option<String>,

    /// Networks whose X-Forwarded-For and X-Request-Id are believed
    #[arg(long, global = true, env = "DAYBOOK_TRUSTED_PROXIES")]
    pub trusted_proxies: Option<Networks>,

    /// How many connections are served at a time; the next ones wait
    #[arg(long, global = true, env = "DAYBOOK_CONNECTIONS_MAX")]
    pub connections_max: Option<usize>,

    /// How many of them one network address may have, unless it is a trusted proxy's
    #[arg(long, global = true, env = "DAYBOOK_CONNECTIONS_PER_ADDRESS_MAX")]
    pub connections_per_address_max: Option<usize>,

    /// How many streams one person may have open at a time; a stream is one device
    #[arg(long, global = true, env = "DAYBOOK_STREAMS_PER_PERSON_MAX")]
    pub streams_per_person_max: Option<usize>,

    /// When asked to end: for how many seconds /readyz says no before connections are refused
    #[arg(long, global = true, env = "DAYBOOK_DRAIN_WAIT_S")]
    pub drain_wait_s: Option<u64>,

    /// When asked to end: how many seconds requests that are under way get to finish
    #[arg(long, global = true, env = "DAYBOOK_DRAIN_LIMIT_S")]
    pub drain_limit_s: Option<u64>,

    /// An address of its own for /metrics. Without it: /metrics answers this machine alone
    #[arg(long, global = true, env = "DAYBOOK_METRICS_LISTEN")]
    pub metrics_listen: Option<SocketAddr>,

    /// How log lines look
    #[arg(long, global = true, env = "DAYBOOK_LOG_FORMAT")]
    pub log_format: Option<LogFormat>,

    /// What is logged, in the notation of RUST_LOG
    #[arg(long, global = true, env = "RUST_LOG")]
    pub log_filter: Option<String>,

    /// For how many days deletions and answers to pushes are remembered. A device that was away
    /// for longer takes everything anew
    #[arg(long, global = true, env = "DAYBOOK_KEEP_DELETED_DAYS")]
    pub keep_deleted_days: Option<u16>,

    /// For how many days earlier versions of an entry are kept
    #[arg(long, global = true, env = "DAYBOOK_KEEP_REVISIONS_DAYS")]
    pub keep_revisions_days: Option<u16>,
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not there or cannot be read.
    #[error(
        "The configuration file {} cannot be read: {reason}.\nNothing was started. Name the file \
         by --config or DAYBOOK_CONFIG, or leave both out to do without one",
        file.display()
    )]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
    /// The file has a key that is not known, or a value of another kind.
    #[error(
        "The configuration file {} is not right in line {line}: {problem}.\nNothing was started. \
         Mend that line; \
         daybook.example.toml has every key with its default",
        file.display()
    )]
    File {
        /// Which.
        file: PathBuf,
        /// Where, counted from 1.
        line: usize,
        /// What is wrong. Never the line itself, which may hold a password.
        problem: String,
    },
    /// Flags or environment that cannot be put into words of a file.
    #[error("A flag or an environment variable cannot be used: {0}.\nNothing was started")]
    Given(String),
    /// A value that its type allows and this program does not.
    #[error(
        "The setting `{key}` {problem}.\nNothing was started. {remedy}. It can stand in \
         daybook.toml, in the environment or on the command line; `daybook --help` tells their names"
    )]
    Value {
        /// Which.
        key: &'static str,
        /// What is wrong.
        problem: String,
        /// What to change.
        remedy: &'static str,
    },
}

impl Given {
    /// The settings of all sources, checked.
    ///
    /// # Errors
    /// Says which key of which source is wrong, and what to change.
    pub fn read(&self) -> Result<Config, ConfigError> {
        let mut table = match &self.config {
            Some(file) => read_file(file)?,
            None if Path::new(FILE).exists() => read_file(FILE.as_ref())?,
            None => Table::new(),
        };
        let given = Table::try_from(self).map_err(|error| ConfigError::Given(error.to_string()))?;
        table.extend(given);
        if let Some(password) = mail_password()? {
            table.insert("mail_password".to_owned(), password.into());
        }
        let config: Result<Config, _> = table.try_into();
        let config = config.map_err(|error| ConfigError::Given(error.to_string()))?;
        config.check()?;
        Ok(config)
    }
}

/// The mail server's password, if the environment has it.
fn mail_password() -> Result<Option<String>, ConfigError> {
    match std::env::var(MAIL_PASSWORD) {
        Ok(password) => Ok(Some(password)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => {
            Err(ConfigError::Given(format!("{MAIL_PASSWORD} is no text")))
        }
    }
}

fn read_file(file: &Path) -> Result<Table, ConfigError> {
    let text = std::fs::read_to_string(file).map_err(|reason| ConfigError::Unreadable {
        file: file.to_owned(),
        reason: match reason.kind() {
            ErrorKind::NotFound => std::io::Error::new(ErrorKind::NotFound, "it is not there"),
            _ => reason,
        },
    })?;
    let wrong = |error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = 1 + before.unwrap_or_default().matches('\n').count();
        ConfigError::File {
            file: file.to_owned(),
            line,
            problem: problem(text.lines().nth(line - 1).unwrap_or_default(), &error),
        }
    };
    // Read as settings first: those errors tell the line, and a table's would not.
    toml::from_str::<Config>(&text).map_err(wrong)?;
    toml::from_str(&text).map_err(wrong)
}

/// What is wrong with a line of the file, without what stands there for a secret, or where it is
/// not clear for what.
fn problem(line: &str, error: &toml::de::Error) -> String {
    let written = line.trim_start().split(['=', ' ', '\t']).next();
    let known = Given::augment_args(Command::new("daybook"));
    let known = known.get_arguments().map(|key| key.get_id().as_str());
    let key = known.chain(SECRET_KEYS).find(|key| Some(*key) == written);
    match key {
        Some(key) if SECRET_KEYS.contains(&key) => {
            format!("what stands for `{key}` cannot be read (and is not shown here)")
        }
        Some(key) => format!("`{key}`: {}", error.message()),
        None if error.message().starts_with("unknown field") => error.message().to_owned(),
        None => "it cannot be read".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory as _, Parser};
    use std::collections::BTreeSet;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        given: Given,
    }

    const EXAMPLE: &str = include_str!("../../../daybook.example.toml");

    /// What these flags and this file come to, or what is said against them.
    fn read(flags: &[&str], file: &str) -> Result<Config, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("daybook.toml");
        std::fs::write(&path, file).expect("a file");
        let path = path.to_str().expect("text");
        let named = ["daybook", "--config", path];
        let flags = named.iter().chain(flags);
        let flags = Flags::try_parse_from(flags).map_err(|error| error.to_string())?;
        flags.given.read().map_err(|error| error.to_string())
    }

    fn keys() -> BTreeSet<String> {
        let command: Command = Flags::command();
        let names = command.get_arguments().map(|arg| arg.get_id().to_string());
        let names = names.filter(|name| name != "config");
        names.chain(["mail_password".to_owned()]).collect()
    }

    #[test]
    fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
        let file = "addr = \"127.0.0.1:1\"\nkeep_deleted_days = 30\nlog_format = \"json\"\n\
                    trusted_proxies = [\"10.0.0.0/8\"]\n";
        let config = read(&["--addr", "127.0.0.1:2"], file).expect("settings");
        let expected = Config {
            addr: "127.0.0.1:2".parse().expect("an address"),
            keep_deleted_days: 30,
            log_format: LogFormat::Json,
            trusted_proxies: "10.0.0.0/8".parse().expect("a network"),
            ..Config::default()
        };
        assert_eq!(config, expected);
        let proxies = read(&["--trusted-proxies", "10.0.0.1,::1"], file).expect("settings");
        assert_eq!(
            proxies.trusted_proxies,
            "10.0.0.1, ::1".parse().expect("two")
        );
    }

    #[test]
    fn a_mistake_in_the_file_is_shown_with_its_line_and_what_to_do() {
        let unknown = read(&[], "\nadress = \"127.0.0.1:1\"\n").expect_err("no such key");
        for part in ["line 2", "unknown field `adress`", "`addr`", "example"] {
            assert!(unknown.contains(part), "{part}: {unknown}");
        }
        let kind = read(&[], "keep_deleted_days = \"long\"\n").expect_err("no number");
        assert!(kind.contains("line 1") && kind.contains("u16"), "{kind}");
        let proxy = read(&[], "trusted_proxies = [\"here\"]\n").expect_err("no network");
        assert!(proxy.contains("`here` is neither"), "{proxy}");
        let bound = read(&[], "keep_deleted_days = 0\n").expect_err("no day");
        assert!(bound.contains("`keep_deleted_days` is 0"), "{bound}");
        let missing = Given {
            config: Some("nowhere/daybook.toml".into()),
            ..Given::default()
        };
        let missing = missing.read().expect_err("no file").to_string();
        assert!(missing.contains("--config") && missing.contains("not there"));
    }

    #[test]
    fn no_mistake_shows_a_secret() {
        for (file, place, key) in [
            ("mail_password = open sesame", "line 1", "`mail_password`"),
            (
                "\nmail_password = \"open sesame\n",
                "line 2",
                "`mail_password`",
            ),
            ("mail_password = 5354", "line 1", "`mail_password`"),
            ("mail_password \"open sesame\"", "line 1", "`mail_password`"),
            (
                "mail_password = [\n\"open sesame\"]",
                "line 1",
                "`mail_password`",
            ),
            ("mail_password = \"\"\"\nopen sesame", "line ", ""),
            (
                "mail_port = 1\nmail_pasword = \"sesame\"",
                "line 2",
                "`mail_pasword`",
            ),
            (
                "database_url = postgres://ann:sesame@host/",
                "line 1",
                "`database_url`",
            ),
        ] {
            let said = read(&[], file).expect_err(file);
            for secret in ["sesame", "5354"] {
                assert!(!said.contains(secret), "{file}: {said}");
            }
            assert!(said.contains(place) && said.contains(key), "{file}: {said}");
        }
        // Nor does whoever looks at the programs that run see one.
        let flag = read(&["--mail-password", "open sesame"], "").expect_err("no such flag");
        assert!(
            flag.contains("unexpected argument") && !flag.contains("sesame"),
            "{flag}"
        );
    }

    #[test]
    fn the_example_says_the_defaults_and_has_every_key() {
        assert_eq!(toml::from_str::<Config>(EXAMPLE), Ok(Config::default()));
        let whole: String = EXAMPLE.lines().map(uncommented).collect();
        toml::from_str::<Config>(&whole).expect("what is commented out can be used too");
        let table: Table = toml::from_str(&whole).expect("a table");
        assert_eq!(table.keys().cloned().collect::<BTreeSet<_>>(), keys());
    }

    /// A line of the example, in use also where it is commented out: `#key = value`.
    fn uncommented(line: &str) -> String {
        let is_setting = |text: &&str| text.starts_with(|c: char| c.is_ascii_lowercase());
        let line = line.strip_prefix('#').filter(is_setting).unwrap_or(line);
        format!("{line}\n")
    }

    #[test]
    fn the_operators_table_has_every_key_with_its_variable_and_its_default() {
        let manual = include_str!("../../../docs/operations.md");
        let rows: BTreeSet<_> = manual
            .lines()
            .filter(|line| line.starts_with("| `"))
            .collect();
        let whole: String = EXAMPLE.lines().map(uncommented).collect();
        let table: Table = toml::from_str(&whole).expect("a table");
        let command: Command = Flags::command();
        let args = command.get_arguments().map(|arg| {
            let variable = arg.get_env().expect("a variable").to_str().expect("text");
            (arg.get_id().to_string(), variable)
        });
        for (key, variable) in args.chain([("mail_password".to_owned(), MAIL_PASSWORD)]) {
            let row = rows
                .iter()
                .find(|row| row.starts_with(&format!("| `{key}` |")));
            let row = row.unwrap_or_else(|| panic!("docs/operations.md has no row for {key}"));
            assert!(row.contains(&format!("| `{variable}` |")), "{row}");
            if let Some(value) = table.get(&key) {
                let commented = EXAMPLE.contains(&format!("\n#{key} = "));
                assert!(
                    commented || row.contains(&format!("| `{value}` |")),
                    "{row}"
                );
            }
        }
    }
}
