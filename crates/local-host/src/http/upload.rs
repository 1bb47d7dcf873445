//! Reading the body of a request, under limits of size and of time.

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// The limits of size and time of a body.
#[derive(Clone, Copy, Debug)]
pub struct UploadLimits {
    /// The most bytes.
    pub bytes: u64,
    /// How long any body may take.
    pub grace: Duration,
    /// The least bytes per second on average after that time.
    pub bytes_per_second: u32,
}

impl UploadLimits {
    /// Kestrel's limits of time (240 bytes per second after 5 seconds) with this limit of size.
    #[must_use]
    pub fn of_kestrel(bytes: u64) -> Self {
        Self {
            bytes,
            grace: Duration::from_secs(5),
            bytes_per_second: 240,
        }
    }

    /// The deadline of the next part, counted from the beginning of the body.
    fn time_for(&self, received: usize) -> Duration {
        let rate = f64::from(self.bytes_per_second.max(1));
        self.grace
            .max(Duration::from_secs_f64(received as f64 / rate))
    }
}

/// Why a body could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum UploadError {
    #[error("Request body too large. The max request body size is {0} bytes.")]
    TooLarge(u64),
    /// The client ended the connection, or sent a broken chunk.
    #[error("Unexpected end of request content: the upload broke off after {received}{of} bytes.")]
    CutOff {
        received: usize,
        /// ` of N` if the request had a length.
        of: String,
    },
    #[error(
        "Reading the request body timed out: {received} bytes came in {seconds} seconds. It must send at least \
         {bytes_per_second} bytes per second after the first {grace} seconds."
    )]
    TooSlow {
        received: usize,
        seconds: u64,
        bytes_per_second: u32,
        grace: u64,
    },
}

impl UploadError {
    /// The status of a real host.
    pub(super) fn status(&self) -> u16 {
        match self {
            Self::TooLarge(_) => 500,
            Self::CutOff { .. } => 400,
            Self::TooSlow { .. } => 408,
        }
    }
}

/// Reads the whole body.
pub(super) async fn read(
    limits: UploadLimits,
    headers: &HeaderMap,
    mut body: Incoming,
) -> Result<Bytes, UploadError> {
    if body.size_hint().lower() > limits.bytes {
        return Err(UploadError::TooLarge(limits.bytes));
    }
    let began = Instant::now();
    let mut bytes = BytesMut::new();
    loop {
        let deadline = began + limits.time_for(bytes.len());
        let frame = match timeout_at(deadline, body.frame()).await {
            Ok(None) => return Ok(bytes.freeze()),
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(_))) => {
                return Err(UploadError::CutOff {
                    received: bytes.len(),
                    of: length(headers).map_or_else(String::new, |length| format!(" of {length}")),
                });
            }
            Err(_) => {
                return Err(UploadError::TooSlow {
                    received: bytes.len(),
                    seconds: began.elapsed().as_secs(),
                    bytes_per_second: limits.bytes_per_second,
                    grace: limits.grace.as_secs(),
                });
            }
        };
        if let Ok(data) = frame.into_data() {
            if (bytes.len() as u64).saturating_add(data.len() as u64) > limits.bytes {
                return Err(UploadError::TooLarge(limits.bytes));
            }
            bytes.extend_from_slice(&data);
        }
    }
}

fn length(headers: &HeaderMap) -> Option<&str> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_has_the_time_of_kestrel() {
        let limits = UploadLimits::of_kestrel(1);
        assert_eq!(limits.time_for(0), Duration::from_secs(5));
        assert_eq!(limits.time_for(240), Duration::from_secs(5));
        assert_eq!(limits.time_for(2400), Duration::from_secs(10));
    }
}
