//! What no type can say about a value: bounds, and values that do not go together.

use super::Config;
use super::given::ConfigError;
use crate::store::dialect::Dialect;
use tracing_subscriber::EnvFilter;

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
            self.check_mail(),
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

    fn check_named(cases: &[Case]) {
        for (change, key, remedy) in cases {
            let said = said(change);
            assert!(said.contains(key) && said.contains(remedy), "{key}: {said}");
            assert!(said.contains("Nothing was started"), "{said}");
        }
    }
}
