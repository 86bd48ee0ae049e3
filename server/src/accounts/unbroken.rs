//! Work that goes on to its end when the one who asked for it is gone.

use crate::error::Error;
use app::account::AccountError;
use tracing::Instrument as _;

/// Does this on a task of its own. A browser that hangs up then cannot come between the end of
/// sessions and the streams that are to hear of it.
///
/// # Errors
/// What went wrong in it; a panic in it is an error inside.
pub(super) async fn unbroken<T, F>(work: F) -> Result<T, AccountError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Error>> + Send + 'static,
{
    let done = tokio::spawn(work.in_current_span()).await;
    Ok(done.map_err(|_| Error::Internal("a change of an account that panicked"))??)
}
