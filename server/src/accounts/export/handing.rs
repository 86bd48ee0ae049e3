//! Handing a document to its reader piece by piece, and to no reader for ever.

use super::Reading;
use crate::error::Error;
use crate::serve::Connection;
use axum::body::{Body, Bytes};
use std::time::Duration;
use tokio::sync::mpsc::{self, Sender};

/// How long a piece may wait for its reader; who takes longer is hung up on.
pub const PIECE_WAIT_MAX: Duration = Duration::from_secs(30);

/// How long a whole export may take.
pub const EXPORT_MAX: Duration = Duration::from_secs(60 * 60);

/// How many bytes a piece has at most: with [`PIECE_WAIT_MAX`], slower than 4 KiB a second is too
/// slow.
const PIECE_BYTES_MAX: usize = 128 * 1024;

/// What goes to the reader, and whether anything follows.
enum Piece {
    More(Bytes),
    Last(Bytes),
    Broken(Error),
}

/// The document as the body of an answer. It is read on a task of its own, so that a reader who
/// stops reading stops nothing but themselves.
pub(super) fn body(beginning: String, reading: Reading, by: Option<Connection>) -> Body {
    let (pieces, taken) = mpsc::channel(1);
    tokio::spawn(async move {
        let handed = tokio::time::timeout(EXPORT_MAX, hand(beginning, reading, &pieces)).await;
        match handed {
            Ok(Ok(())) => {}
            // The answer has begun, so all that can be said is that it is not whole.
            Ok(Err(Ended::Failed(error))) => {
                error.log();
                let broken = pieces.send_timeout(Piece::Broken(error), PIECE_WAIT_MAX);
                // Who does not hear of it sees that the end is missing.
                let _ = broken.await;
            }
            Ok(Err(Ended::Gone)) => {}
            Ok(Err(Ended::TooSlow)) | Err(_) => {
                tracing::info!("an export was broken off: its reader was too slow");
                if let Some(connection) = by {
                    connection.hang_up();
                }
            }
        }
    });
    let parts = futures_util::stream::unfold(Some(taken), async |taken| {
        let mut taken = taken?;
        match taken.recv().await {
            Some(Piece::More(bytes)) => Some((Ok(bytes), Some(taken))),
            Some(Piece::Last(bytes)) => Some((Ok(bytes), None)),
            Some(Piece::Broken(error)) => Some((Err(error), None)),
            None => Some((Err(Error::Internal("an export that broke off")), None)),
        }
    });
    Body::from_stream(parts)
}

/// Why a document was not handed over whole.
enum Ended {
    /// It could not be read any further.
    Failed(Error),
    /// Its reader went away.
    Gone,
    /// Its reader did not take it.
    TooSlow,
}

async fn hand(
    beginning: String,
    mut reading: Reading,
    pieces: &Sender<Piece>,
) -> Result<(), Ended> {
    let mut text = beginning;
    loop {
        let mut bytes = Bytes::from(text);
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(PIECE_BYTES_MAX));
            give(pieces, Piece::More(piece), PIECE_WAIT_MAX).await?;
        }
        match reading.next().await.map_err(Ended::Failed)? {
            Some(next) => text = next,
            None => break,
        }
    }
    let end = Bytes::from_static(b",\"complete\":true}\n");
    give(pieces, Piece::Last(end), PIECE_WAIT_MAX).await
}

async fn give(pieces: &Sender<Piece>, piece: Piece, wait: Duration) -> Result<(), Ended> {
    let given = pieces.send_timeout(piece, wait).await;
    given.map_err(|error| match error {
        mpsc::error::SendTimeoutError::Timeout(_) => Ended::TooSlow,
        mpsc::error::SendTimeoutError::Closed(_) => Ended::Gone,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_takes_nothing_is_too_slow_and_who_is_gone_is_gone() {
        let (pieces, taken) = mpsc::channel(1);
        let wait = Duration::from_millis(20);
        let piece = || Piece::More(Bytes::from_static(b"x"));
        assert!(give(&pieces, piece(), wait).await.is_ok());
        let second = give(&pieces, piece(), wait).await;
        assert!(matches!(second, Err(Ended::TooSlow)));
        drop(taken);
        let third = give(&pieces, piece(), wait).await;
        assert!(matches!(third, Err(Ended::Gone)));
    }
}
