//! Everything that is counted, by name. A label is a route's pattern, a status, or a word from a
//! list in the code: never a person, a key, or anything that somebody wrote.

use super::request::route_of;
use crate::error::Error;
use crate::serve::Shutdown;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use tokio::time::interval;

/// Requests, by `method`, `route` and `status`.
pub const REQUESTS: &str = "daybook_requests_total";
/// How long requests took until their answer began, by `route`.
pub const REQUEST_SECONDS: &str = "daybook_request_seconds";
/// Errors, by their `code`.
pub const ERRORS: &str = "daybook_errors_total";
/// Sign-ins that were refused, by `reason`.
pub const SIGN_IN_FAILURES: &str = "daybook_sign_in_failures_total";
/// Requests for a link that were dropped, since too many waited.
pub const MAILS_DROPPED: &str = "daybook_mails_dropped_total";
/// Connections that are open.
pub const CONNECTIONS_OPEN: &str = "daybook_connections_open";
/// Connections that were closed at once, since their address had enough.
pub const CONNECTIONS_REFUSED: &str = "daybook_connections_refused_total";
/// Streams that are open.
pub const STREAMS_OPEN: &str = "daybook_streams_open";
/// Pushes that were taken.
pub const PUSHES: &str = "daybook_pushes_total";
/// Changes that were pushed, by `outcome`.
pub const CHANGES: &str = "daybook_changes_total";
/// Rows that were sent to devices.
pub const FEED_ROWS: &str = "daybook_feed_rows_sent_total";
/// Rows that were cleared out, by `kind`.
pub const COLLECTED_ROWS: &str = "daybook_collected_rows_total";
/// How long a write waited for its turn at the database.
pub const WRITE_WAIT_SECONDS: &str = "daybook_write_wait_seconds";
/// Connections to the database, by `pool` and `state`.
pub const POOL_CONNECTIONS: &str = "daybook_pool_connections";
/// Always 1; its labels are the program's `version` and the site's `build`.
pub const BUILD_INFO: &str = "daybook_build_info";

/// The errors that the operator's alerts look for. They are told from the start, at 0, since
/// nobody can see how much a number has grown that was not there before.
const ALERTED: [&str; 5] = [
    "corrupt",
    "database",
    "internal",
    "storage_full",
    "update_required",
];

/// The upper ends of the classes of times, in seconds.
const SECONDS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

/// How often what was counted is put in order, also when nobody asks for it.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// The format's own content type.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What is counted in this process. The first call begins the counting.
pub fn handle() -> &'static PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| {
        let builder = PrometheusBuilder::new();
        // Fails for no classes at all, and there are some.
        let builder = builder
            .set_buckets(&SECONDS)
            .unwrap_or_else(|_| PrometheusBuilder::new());
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("something else counts in this process, so /metrics stays empty");
        }
        describe();
        for code in ALERTED {
            counter!(ERRORS, "code" => code).increment(0);
        }
        handle
    })
}

fn describe() {
    let counters = [
        (REQUESTS, "Requests, by method, route and status."),
        (ERRORS, "Errors, by their code."),
        (SIGN_IN_FAILURES, "Sign-ins refused, by reason."),
        (MAILS_DROPPED, "Requests for a link dropped."),
        (CONNECTIONS_REFUSED, "Connections closed at once."),
        (PUSHES, "Pushes taken."),
        (CHANGES, "Changes pushed, by outcome."),
        (FEED_ROWS, "Rows sent to devices."),
        (COLLECTED_ROWS, "Rows cleared out, by kind."),
    ];
    for (name, words) in counters {
        describe_counter!(name, words);
    }
    let gauges = [
        (CONNECTIONS_OPEN, "Connections open."),
        (STREAMS_OPEN, "Streams open."),
        (POOL_CONNECTIONS, "Connections to the database."),
        (BUILD_INFO, "The program's version and the site's build."),
    ];
    for (name, words) in gauges {
        describe_gauge!(name, words);
    }
    let seconds = [
        (REQUEST_SECONDS, "Time until an answer began, by route."),
        (WRITE_WAIT_SECONDS, "Time a write waited for its turn."),
    ];
    for (name, words) in seconds {
        describe_histogram!(name, Unit::Seconds, words);
    }
}

/// Puts what was counted in order, until the server ends: otherwise times would pile up in
/// memory while nobody asks for them.
pub(crate) async fn keep_up(mut shutdown: Shutdown) {
    let mut ticks = interval(UPKEEP_EVERY);
    loop {
        tokio::select! {
            _ = ticks.tick() => handle().run_upkeep(),
            () = shutdown.asked() => return,
        }
    }
}

/// Everything counted so far, as Prometheus reads it.
pub(crate) fn told() -> Response {
    let headers = [(axum::http::header::CONTENT_TYPE, CONTENT_TYPE)];
    (headers, handle().render()).into_response()
}

/// Counts a request and its answer.
pub(crate) async fn measure(request: Request, next: Next) -> Response {
    let route = route_of(&request).to_owned();
    let method = method_of(&request);
    let signs_in = request.uri().path().starts_with("/api/account/sign_in");
    let began = Instant::now();
    let response = next.run(request).await;
    let status = response.status();
    histogram!(REQUEST_SECONDS, "route" => route.clone()).record(began.elapsed());
    let status_text = status.as_str().to_owned();
    counter!(REQUESTS, "method" => method, "route" => route, "status" => status_text).increment(1);
    let reason = match status {
        StatusCode::UNAUTHORIZED => Some("credentials"),
        StatusCode::TOO_MANY_REQUESTS => Some("throttled"),
        _ => None,
    };
    if let (true, Some(reason)) = (signs_in, reason) {
        counter!(SIGN_IN_FAILURES, "reason" => reason).increment(1);
    }
    response
}

/// A method from a closed list: anybody may invent one, and each would be a label for ever.
fn method_of(request: &Request) -> &'static str {
    match request.method().as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        _ => "other",
    }
}

/// Counts an error.
pub(crate) fn count(error: &Error) {
    counter!(ERRORS, "code" => error.code()).increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_that_an_alert_looks_for_is_told_from_the_start() {
        let manual = include_str!("../../../docs/operations.md");
        let asked = manual.split("daybook_errors_total{code=").skip(1);
        let asked = asked.filter_map(|rest| rest.trim_start_matches('~').split('"').nth(1));
        let mut asked: Vec<_> = asked.flat_map(|codes| codes.split('|')).collect();
        asked.sort_unstable();
        asked.dedup();
        assert_eq!(asked, ALERTED);
        let told = handle().render();
        for code in ALERTED {
            let line = format!("{ERRORS}{{code=\"{code}\"}} ");
            assert!(told.contains(&line), "{line} in {told}");
        }
    }

    #[test]
    fn everything_that_is_counted_stands_in_the_operators_table() {
        let manual = include_str!("../../../docs/operations.md");
        let source = include_str!("metrics.rs");
        let names = source.lines().filter_map(|line| {
            let (_, rest) = line.strip_prefix("pub const ")?.split_once("\"daybook_")?;
            rest.split_once('"')
                .map(|(name, _)| format!("daybook_{name}"))
        });
        let names: Vec<_> = names.collect();
        assert!(names.len() > 10, "{names:?}");
        for name in names {
            assert!(manual.contains(&format!("| `{name}` |")), "{name}");
        }
    }
}
