//! Whether the server is well, for whoever looks after it.

use crate::error::Error;
use crate::shared::Shared;
use axum::extract::State;
use std::sync::Arc;

/// `GET /healthz`: the program runs and its database answers.
pub(crate) async fn healthz(State(shared): State<Arc<Shared>>) -> Result<&'static str, Error> {
    shared.store.check().await?;
    Ok("ok")
}

/// `GET /readyz`: the same, and new requests are welcome.
pub(crate) async fn readyz(State(shared): State<Arc<Shared>>) -> Result<&'static str, Error> {
    if shared.shutdown.is_asked() {
        return Err(Error::Ending);
    }
    healthz(State(shared)).await
}
