//! What the session layers do not say. When the database fails them they answer with a bare 500,
//! and nobody would know that it is only away: a device would count that against what it sent.

use crate::error::Error;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use std::cell::Cell;
use tokio::task_local;

task_local! {
    /// What went wrong while it was found out who this request is from.
    static TROUBLE: Cell<Option<Error>>;
}

/// Remembers what went wrong, until the layers have answered.
pub(super) fn note(error: &Error) {
    let noted = match error {
        Error::Busy => Error::Busy,
        Error::DatabaseAway => Error::DatabaseAway,
        Error::StorageFull => Error::StorageFull,
        _ => Error::Internal("a session that cannot be read or kept"),
    };
    // Outside of a request there is nobody to tell.
    let _ = TROUBLE.try_with(|trouble| trouble.set(Some(noted)));
}

/// What was noted in this request.
pub(super) fn noted() -> Option<Error> {
    TROUBLE.try_with(Cell::take).ok().flatten()
}

/// Answers in words where the layers inside did not.
pub(crate) async fn in_words(request: Request, next: Next) -> Response {
    TROUBLE
        .scope(Cell::new(None), async {
            let answer = next.run(request).await;
            let is_bare = answer.status() == StatusCode::INTERNAL_SERVER_ERROR
                && !answer.headers().contains_key(CONTENT_TYPE);
            match noted() {
                Some(error) if is_bare => error.into_response(),
                _ => answer,
            }
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::body::Body;
    use axum::middleware::from_fn;
    use axum::routing::get;
    use tower::ServiceExt as _;

    /// As the layers do.
    async fn bare() -> StatusCode {
        note(&Error::DatabaseAway);
        StatusCode::INTERNAL_SERVER_ERROR
    }

    /// A fault of somebody who has words for it.
    async fn told() -> Error {
        note(&Error::Busy);
        Error::Internal("another thing")
    }

    async fn silent() -> StatusCode {
        StatusCode::INTERNAL_SERVER_ERROR
    }

    async fn answer(path: &str) -> (u16, String) {
        let router = Router::new()
            .route("/bare", get(bare))
            .route("/told", get(told))
            .route("/silent", get(silent))
            .layer(from_fn(in_words));
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let answer = router.oneshot(request).await.expect("an answer");
        let status = answer.status().as_u16();
        let body = axum::body::to_bytes(answer.into_body(), 1_000).await;
        let body = String::from_utf8_lossy(&body.expect("a body")).into_owned();
        (status, body)
    }

    #[tokio::test]
    async fn a_bare_500_is_answered_by_what_went_wrong_and_no_other_answer_is_changed() {
        let (status, body) = answer("/bare").await;
        assert_eq!(status, 503);
        assert!(body.contains("\"database_away\""), "{body}");
        let (status, body) = answer("/told").await;
        assert_eq!(status, 500);
        assert!(body.contains("\"internal\""), "{body}");
        assert_eq!(answer("/silent").await, (500, String::new()));
    }
}
