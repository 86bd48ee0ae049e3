//! Sending mail: the port, and SMTP behind it.

use async_trait::async_trait;
use clap::ValueEnum;
use lettre::message::header::ContentType;
use lettre::transport::smtp::{self, authentication::Credentials};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// How long a mail server may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(20);

/// How mail leaves this server.
#[derive(Clone, PartialEq, Eq)]
pub struct MailSettings {
    /// The mail server's name, which its certificate must have.
    pub host: String,
    /// Its port: mostly 465 for [`MailTls::Always`], 587 for [`MailTls::Upgraded`].
    pub port: u16,
    /// How the way there is protected.
    pub tls: MailTls,
    /// Name and password, if it asks for them.
    pub credentials: Option<(String, String)>,
    /// The sender, as `Daybook <daybook@example.org>`.
    pub from: String,
}

/// How the way to the mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// TLS from the first byte.
    Always,
    /// Begun in the clear and upgraded before anything is said; refused when it cannot be.
    Upgraded,
    /// Not at all: for a mail server on this very machine.
    Off,
}

// Written out so that no log ever holds the password.
impl fmt::Debug for MailSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MailSettings({}:{})", self.host, self.port)
    }
}

/// One mail of plain text.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// To whom.
    pub to: String,
    /// About what.
    pub subject: String,
    /// What it says.
    pub text: String,
}

// Written out so that no log ever holds an address or a link.
impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mail")
    }
}

/// Why a mail was not sent.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// An address, the sender's or the mail server's settings are not what mail allows.
    #[error("the mail cannot be written: {0}")]
    Unwritable(String),
    /// The mail server refused it for good.
    #[error("the mail server refuses the mail: {0}")]
    Refused(String),
    /// The mail server could not take it now.
    #[error("the mail server does not take the mail now: {0}")]
    Later(String),
}

impl MailError {
    /// Whether trying again is of no use.
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        matches!(self, Self::Unwritable(_) | Self::Refused(_))
    }
}

/// Whatever sends mail.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Sends one mail, once.
    ///
    /// # Errors
    /// It was not sent, or nobody knows; says whether trying again is of use.
    async fn send(&self, mail: &Mail) -> Result<(), MailError>;
}

/// Mail by SMTP, one connection a mail.
pub struct SmtpMailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: String,
}

impl SmtpMailer {
    /// Makes ready to send; nothing is tried yet.
    ///
    /// # Errors
    /// The settings are not what mail allows.
    pub fn new(settings: &MailSettings) -> Result<Self, MailError> {
        let host = settings.host.as_str();
        let builder = match settings.tls {
            MailTls::Always => AsyncSmtpTransport::<Tokio1Executor>::relay(host),
            MailTls::Upgraded => AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(host),
            MailTls::Off => Ok(AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(
                host,
            )),
        };
        let builder = builder.map_err(|error| MailError::Unwritable(error.to_string()))?;
        let mut builder = builder.port(settings.port).timeout(Some(ANSWER_MAX));
        if let Some((name, password)) = &settings.credentials {
            builder = builder.credentials(Credentials::new(name.clone(), password.clone()));
        }
        let mailer = Self {
            transport: builder.build(),
            from: settings.from.clone(),
        };
        mailer.message(&Mail {
            to: settings.from.clone(),
            subject: String::new(),
            text: String::new(),
        })?;
        Ok(mailer)
    }

    fn message(&self, mail: &Mail) -> Result<Message, MailError> {
        // The reason of a wrong address would hold the address.
        let address = |text: &str| {
            let parsed = text.parse();
            parsed.map_err(|_| MailError::Unwritable("an address is none for mail".to_owned()))
        };
        Message::builder()
            .from(address(&self.from)?)
            .to(address(&mail.to)?)
            .subject(&mail.subject)
            .header(ContentType::TEXT_PLAIN)
            .body(mail.text.clone())
            .map_err(|error| MailError::Unwritable(error.to_string()))
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let message = self.message(mail)?;
        let sent = self.transport.send(message).await;
        let refused = |error: smtp::Error| match error.is_permanent() {
            true => MailError::Refused(reason(&error)),
            false => MailError::Later(reason(&error)),
        };
        sent.map(|_| ()).map_err(refused)
    }
}

/// What happened, without the mail server's own words: they may have the address in them.
fn reason(error: &smtp::Error) -> String {
    match error.status() {
        Some(status) => format!("it answered {status}"),
        None if error.is_timeout() => "it did not answer in time".to_owned(),
        None if error.is_tls() => "TLS was not agreed on".to_owned(),
        None => "it was not reached, or is no mail server".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(from: &str) -> MailSettings {
        MailSettings {
            host: "mail.example.org".to_owned(),
            port: 465,
            tls: MailTls::Always,
            credentials: Some(("daybook".to_owned(), "a secret".to_owned())),
            from: from.to_owned(),
        }
    }

    #[test]
    fn a_sender_that_is_no_address_is_found_at_the_start() {
        assert!(SmtpMailer::new(&settings("Daybook <daybook@example.org>")).is_ok());
        let error = SmtpMailer::new(&settings("Daybook")).err();
        assert!(error.is_some_and(|error| error.is_permanent()));
    }

    #[test]
    fn no_log_holds_the_password() {
        let logged = format!("{:?}", settings("daybook@example.org"));
        assert_eq!(logged, "MailSettings(mail.example.org:465)");
    }
}
