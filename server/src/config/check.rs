//! What no type can say about a value: bounds, and values that do not go together.

use super::Config;
use super::given::ConfigError;
use crate::accounts::mail::MailTls;
use crate::store::dialect::Dialect;
use std::net::IpAddr;
use tracing_subscriber::EnvFilter;
use webauthn_rs::prelude::Url;

/// How long an ending may take at most, in seconds: a longer one only looks like a server that
/// hangs.
const DRAIN_S_MAX: u64 = 600;

/// How many connections there may be at most: each needs a file handle, and few systems give more.
const CONNECTIONS_MAX_MAX: usize = 65_536;

/// What is wrong and what to change, unless the value is right.
type Verdict = Result<(), (&'static str, String, &'static str)>;

impl Config {
    /// Looks at every value that its type says too little about.
    ///
    /// # Errors
    /// Says which key, what is wrong with it, and what to change.
    pub fn check(&self) -> Result<(), ConfigError> {
        let checks = [
            self.check_database(),
            self.check_numbers(),
            self.check_listeners(),
            self.check_public_url(),
            self.check_mail(),
            self.check_mail_tls(),
            self.check_log_filter(),
        ];
        checks
            .into_iter()
            .collect::<Verdict>()
            .map_err(|(key, problem, remedy)| ConfigError::Value {
                key,
                problem,
                remedy,
            })
    }

    fn check_database(&self) -> Verdict {
        if Dialect::of(&self.database_url).is_some() {
            return Ok(());
        }
        Err((
            "database_url",
            "begins with no kind of database that is known here".to_owned(),
            "Write sqlite:PATH, such as sqlite:data/daybook.sqlite, or postgres://NAME@HOST/DATABASE",
        ))
    }

    fn check_numbers(&self) -> Verdict {
        let at_least_one: [(_, u64); 5] = [
            ("connections_max", as_u64(self.connections_max)),
            (
                "connections_per_address_max",
                as_u64(self.connections_per_address_max),
            ),
            (
                "streams_per_person_max",
                as_u64(self.streams_per_person_max),
            ),
            ("keep_deleted_days", self.keep_deleted_days.into()),
            ("keep_revisions_days", self.keep_revisions_days.into()),
        ];
        for (key, value) in at_least_one {
            if value == 0 {
                return Err((key, "is 0".to_owned(), "Write 1 or more"));
            }
        }
        if self.connections_max > CONNECTIONS_MAX_MAX {
            let given = self.connections_max;
            return Err((
                "connections_max",
                format!("is {given}, and more than {CONNECTIONS_MAX_MAX} cannot be"),
                "Lower it to what the system gives as many file handles for",
            ));
        }
        if self.connections_per_address_max > self.connections_max {
            return Err((
                "connections_per_address_max",
                format!("is more than connections_max ({})", self.connections_max),
                "Lower it, or raise connections_max",
            ));
        }
        let drains = [
            ("drain_wait_s", self.drain_wait_s),
            ("drain_limit_s", self.drain_limit_s),
        ];
        for (key, value) in drains {
            if value > DRAIN_S_MAX {
                return Err((
                    key,
                    format!("is {value} s, and more than {DRAIN_S_MAX} s cannot be"),
                    "Lower it; most need under 30",
                ));
            }
        }
        Ok(())
    }

    fn check_listeners(&self) -> Verdict {
        let same = |listen| listen == self.addr && self.addr.port() != 0;
        if self.metrics_listen.is_some_and(same) {
            return Err((
                "metrics_listen",
                format!("is {}, where people are served", self.addr),
                "Choose another port, or leave it out to have /metrics on this machine alone",
            ));
        }
        Ok(())
    }

    /// Passkeys are bound to an origin, and links in mails begin with it.
    fn check_public_url(&self) -> Verdict {
        let Some(given) = &self.public_url else {
            return Ok(());
        };
        let wrong = |problem: &str| {
            let remedy = "Write the scheme and the host alone, and a port if browsers name one, such \
                          as https://daybook.example.org";
            Err(("public_url", problem.to_owned(), remedy))
        };
        let Ok(url) = Url::parse(given) else {
            return wrong("is no address of a site");
        };
        let Some(host) = url.host_str().filter(|host| !host.is_empty()) else {
            return wrong("has no host");
        };
        if !url.username().is_empty() || url.password().is_some() {
            return wrong("has a name or a password in it");
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return wrong("has something behind the host, and the site lies at its top");
        }
        match url.scheme() {
            "https" => Ok(()),
            "http" if is_loopback(host) => Ok(()),
            "http" => wrong("is no https, which can only be on this very machine"),
            _ => wrong("is neither https nor http"),
        }
    }

    fn check_mail_tls(&self) -> Verdict {
        let host = self.mail_host.as_deref();
        if self.mail_tls == MailTls::Off && host.is_some_and(|host| !is_loopback(host)) {
            return Err((
                "mail_tls",
                "is off, and the mail server is not on this very machine: whoever is on the way \
                 there would read the links"
                    .to_owned(),
                "Write always or upgraded, or have a mail server on localhost",
            ));
        }
        Ok(())
    }

    fn check_mail(&self) -> Verdict {
        let wrong = |key, problem: &str, remedy| Err((key, problem.to_owned(), remedy));
        match (&self.mail_host, &self.mail_from) {
            (Some(_), None) => {
                return wrong(
                    "mail_from",
                    "is not there, and mails need a sender",
                    "Write one such as Daybook <daybook@example.org>, or leave mail_host out",
                );
            }
            (None, Some(_)) => {
                return wrong(
                    "mail_host",
                    "is not there, and mail_from is",
                    "Write the mail server's name, or leave mail_from out",
                );
            }
            _ => {}
        }
        if self.mail_user.is_some() != self.mail_password.is_some() {
            return wrong(
                "mail_user",
                "and `mail_password` go together, and one is not there",
                "Write both or neither",
            );
        }
        if self.mail_host.is_some() && self.public_url.is_none() && self.is_https() {
            return wrong(
                "public_url",
                "is not there, and links in mails begin with it",
                "Write the site as browsers have it, such as https://daybook.example.org",
            );
        }
        Ok(())
    }

    fn check_log_filter(&self) -> Verdict {
        EnvFilter::try_new(&self.log_filter)
            .map(drop)
            .map_err(|error| {
                (
                    "log_filter",
                    format!("cannot be read: {error}"),
                    "Write a level such as info, or target=level pairs with commas between them",
                )
            })
    }
}

/// Whether nobody but this very machine is at this host.
fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse().map(|address: IpAddr| address.to_canonical());
    address.map_or_else(
        |_| bare.eq_ignore_ascii_case("localhost"),
        |address| address.is_loopback(),
    )
}

fn as_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A change, the key that is named for it, and a part of what is said to do.
    type Case = (fn(&mut Config), &'static str, &'static str);

    fn said(change: impl FnOnce(&mut Config)) -> String {
        let mut config = Config::default();
        change(&mut config);
        let checked = config.check();
        checked.map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn every_value_that_cannot_be_is_named_with_what_to_change() {
        assert_eq!(said(|_| {}), "");
        check_named(&[
            (
                |c| c.database_url = "mysql:x".into(),
                "database_url",
                "sqlite:",
            ),
            (|c| c.connections_max = 0, "connections_max", "1 or more"),
            (
                |c| c.connections_per_address_max = 0,
                "connections_per_address_max",
                "1 or more",
            ),
            (
                |c| c.connections_max = 5,
                "connections_per_address_max",
                "raise connections_max",
            ),
            (
                |c| c.keep_deleted_days = 0,
                "keep_deleted_days",
                "1 or more",
            ),
            (|c| c.keep_revisions_days = 0, "keep_revisions_days", "1 or"),
            (
                |c| c.connections_max = CONNECTIONS_MAX_MAX + 1,
                "connections_max",
                "65537, and more than 65536",
            ),
            (
                |c| c.streams_per_person_max = 0,
                "streams_per_person_max",
                "1 or more",
            ),
            (|c| c.drain_limit_s = 601, "drain_limit_s", "than 600 s"),
            (
                |c| c.metrics_listen = Some(c.addr),
                "metrics_listen",
                "another port",
            ),
            (
                |c| c.log_filter = "server=loud".into(),
                "log_filter",
                "info",
            ),
        ]);
    }

    #[test]
    fn settings_of_mail_that_do_not_go_together_are_named_too() {
        check_named(&[
            (
                |c| c.mail_host = Some("mail.example".into()),
                "mail_from",
                "leave mail_host out",
            ),
            (
                |c| c.mail_from = Some("daybook@example.org".into()),
                "mail_host",
                "leave mail_from out",
            ),
            (
                |c| c.mail_user = Some("daybook".into()),
                "mail_user",
                "both or neither",
            ),
            (
                |c| {
                    c.https = Some(true);
                    c.mail_host = Some("mail.example".into());
                    c.mail_from = Some("daybook@example.org".into());
                },
                "public_url",
                "as browsers have it",
            ),
        ]);
    }

    #[test]
    fn the_sites_address_is_an_origin_that_nobody_can_listen_to() {
        let said_of = |url: &str| said(|config| config.public_url = Some(url.to_owned()));
        for good in [
            "https://daybook.example.org",
            "https://daybook.example.org/",
            "https://daybook.example.org:8443",
            "https://192.0.2.1",
            "http://localhost:3000",
            "http://127.0.0.1:3000",
            "http://[::1]:3000",
        ] {
            assert_eq!(said_of(good), "", "{good}");
        }
        for (bad, part) in [
            ("daybook.example.org", "no address"),
            ("https://", "no address"),
            ("", "no address"),
            ("http://daybook.example.org", "no https"),
            ("http://localhost.example.org", "no https"),
            ("ftp://daybook.example.org", "neither"),
            ("https://daybook.example.org/journal", "behind the host"),
            ("https://daybook.example.org/?a=b", "behind the host"),
            ("https://daybook.example.org/#a", "behind the host"),
            ("https://ann@daybook.example.org", "name or a password"),
            ("https://ann:x@daybook.example.org", "name or a password"),
        ] {
            let said = said_of(bad);
            assert!(
                said.contains("`public_url`") && said.contains(part),
                "{bad}: {said}"
            );
            assert!(said.contains("such as https://"), "{bad}: {said}");
        }
    }

    #[test]
    fn mail_goes_unprotected_to_this_very_machine_alone() {
        let said_of = |host: &str| {
            said(|config| {
                config.mail_host = Some(host.to_owned());
                config.mail_from = Some("daybook@example.org".to_owned());
                config.mail_tls = MailTls::Off;
            })
        };
        for good in ["localhost", "127.0.0.1", "127.1.2.3", "::1"] {
            assert_eq!(said_of(good), "", "{good}");
        }
        for bad in [
            "mail.example.org",
            "192.0.2.1",
            "localhost.example.org",
            "10.0.0.1",
        ] {
            let said = said_of(bad);
            assert!(
                said.contains("`mail_tls` is off") && said.contains("upgraded"),
                "{bad}: {said}"
            );
        }
    }

    fn check_named(cases: &[Case]) {
        for (change, key, remedy) in cases {
            let said = said(change);
            assert!(said.contains(key) && said.contains(remedy), "{key}: {said}");
            assert!(said.contains("Nothing was started"), "{said}");
        }
    }
}
