//! Reading a request's body: whole, as text, and not more of it than is taken.

use crate::error::Error;
use axum::body::Body;
use http_body_util::BodyExt as _;
use std::time::Duration;
use sync::frame::{DeviceFrame, FrameError};

/// How long a body may take to arrive.
const ARRIVAL_MAX: Duration = Duration::from_secs(30);

/// How many bytes beyond the limit are read and thrown away, so that the sender gets to read
/// the answer instead of a broken connection.
const SURPLUS_MAX: usize = 8 * 1024 * 1024;

/// The body as text.
///
/// # Errors
/// It is too large, too slow, broke off, or is no text.
pub(crate) async fn read(body: Body, bytes_max: usize) -> Result<String, Error> {
    let bytes = tokio::time::timeout(ARRIVAL_MAX, collect(body, bytes_max))
        .await
        .map_err(|_| Error::BodyIncomplete)??;
    String::from_utf8(bytes)
        .map_err(|_| FrameError::Malformed("the text is not UTF-8".to_owned()).into())
}

/// The body as a frame of the protocol.
///
/// # Errors
/// As [`read`], and when it is no frame.
pub(crate) async fn frame(body: Body, bytes_max: usize) -> Result<DeviceFrame, Error> {
    let text = read(body, bytes_max).await?;
    Ok(DeviceFrame::decode(&text, &domain::SCHEMA)?)
}

async fn collect(mut body: Body, bytes_max: usize) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let mut seen = 0;
    while let Some(part) = body.frame().await {
        let part = part.map_err(|_| Error::BodyIncomplete)?;
        let Ok(data) = part.into_data() else { continue };
        seen += data.len();
        if seen > bytes_max + SURPLUS_MAX {
            break;
        }
        if seen <= bytes_max {
            bytes.extend_from_slice(&data);
        }
    }
    if seen > bytes_max {
        Err(Error::BodyTooLarge { bytes_max })
    } else {
        Ok(bytes)
    }
}
