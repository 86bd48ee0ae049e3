//! Logs, for the operator. They say what the server does, and never what people write, who they
//! are, or which entries they have.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// What is logged unless `RUST_LOG` says otherwise. The login layer would put the name of a person
/// before every line of theirs. The session layer finds every stale cookie
/// suspicious; here they are everyday, for journals are opened on devices that were away.
const DEFAULT_FILTER: &str = "info,axum_login=error,tower_sessions=error,tower_sessions_core=error";

/// Starts logging to standard error.
pub fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| DEFAULT_FILTER.into());
    let lines = fmt::layer().with_writer(std::io::stderr).with_target(false);
    tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .init();
}
