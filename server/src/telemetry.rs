//! Logs and metrics, for the operator. They say what the server does, and never what people
//! write, who they are, or which entries they have.
//!
//! - [`metrics`]: the list of everything that is counted
//! - [`request`]: the name of each request, in its log lines and in its answer

pub mod metrics;
pub(crate) mod request;

use crate::config::{Config, LogFormat};
use std::io::IsTerminal as _;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, fmt};

/// Who is heard only about errors, whatever the operator asks for: the login layer puts a
/// person's name before every line of theirs.
const INDISCREET: &str = "axum_login";

/// Starts logging to standard error. Asked again, it changes nothing.
pub fn start(config: &Config) {
    let filter = EnvFilter::new(&config.log_filter);
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = match config.log_format {
        LogFormat::Text => lines
            .with_target(false)
            .with_ansi(std::io::stderr().is_terminal())
            .boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    // Beside the operator's filter and not in it, where a narrower target would win.
    let heard = filter_fn(is_discreet);
    let lines = tracing_subscriber::registry()
        .with(filter)
        .with(heard)
        .with(lines);
    if lines.try_init().is_err() {
        tracing::debug!("logging has started before");
    }
}

fn is_discreet(said: &Metadata<'_>) -> bool {
    let is_error = said.is_event() && *said.level() == Level::ERROR;
    is_error || !said.target().starts_with(INDISCREET)
}
