//! A setting that nobody but its user is to read.

use serde::Deserialize;
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

/// A text that no log and no error shows.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The text.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl FromStr for Secret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

// Written out so that settings can be logged.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn no_log_of_the_settings_holds_a_password() {
        let config = Config {
            mail_password: "open sesame".parse().ok(),
            ..Config::default()
        };
        let logged = format!("{config:?}");
        assert!(
            logged.contains("Secret") && !logged.contains("sesame"),
            "{logged}"
        );
    }
}
