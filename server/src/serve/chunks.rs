//! The rest of an answer on a socket that hyper has handed over: each part a chunk of HTTP's
//! chunked coding, and no buffer while none is on its way.

use axum::body::Bytes;
use std::future::poll_fn;
use std::io::{Error, ErrorKind, Result};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead as _, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// How much the other side may say while it is answered. Nobody reads it: the answer has no end,
/// and so a request behind it has no answer.
pub const SURPLUS_BYTES_MAX: usize = 64 * 1024;

/// How much is read at a time, into the stack.
const READ_BYTES: usize = 512;

/// The way out.
#[derive(Debug)]
pub(crate) struct Chunks {
    socket: OwnedWriteHalf,
    /// What is on its way. Kept here, so that a chunk is whole also when its writing was given up
    /// half-way.
    waiting: Bytes,
}

/// The way in, by which nothing comes but the end.
#[derive(Debug)]
pub(crate) struct Departure {
    socket: OwnedReadHalf,
    surplus_bytes: usize,
    has_left: bool,
}

/// Both ways of a socket whose head has been written.
pub(crate) fn chunks(socket: TcpStream) -> (Chunks, Departure) {
    let (read, write) = socket.into_split();
    let chunks = Chunks {
        socket: write,
        waiting: Bytes::new(),
    };
    let departure = Departure {
        socket: read,
        surplus_bytes: 0,
        has_left: false,
    };
    (chunks, departure)
}

impl Chunks {
    /// Writes one part. Given up half-way, it is written before the next one.
    ///
    /// # Errors
    /// The other side is gone.
    pub(crate) async fn write(&mut self, part: &str) -> Result<()> {
        self.finish().await?;
        self.waiting = Bytes::from(format!("{:x}\r\n{part}\r\n", part.len()));
        self.finish().await
    }

    /// Writes that nothing more comes.
    ///
    /// # Errors
    /// The other side is gone.
    pub(crate) async fn end(&mut self) -> Result<()> {
        self.finish().await?;
        self.waiting = Bytes::from_static(b"0\r\n\r\n");
        self.finish().await?;
        self.socket.shutdown().await
    }

    async fn finish(&mut self) -> Result<()> {
        while !self.waiting.is_empty() {
            let written = self.socket.write(&self.waiting).await?;
            if written == 0 {
                return Err(Error::from(ErrorKind::WriteZero));
            }
            let _ = self.waiting.split_to(written);
        }
        self.waiting = Bytes::new();
        Ok(())
    }
}

impl Departure {
    /// Returns once the other side has left, or says more than anybody would who reads.
    pub(crate) async fn left(&mut self) {
        poll_fn(|context| self.poll_left(context)).await;
        self.has_left = true;
    }

    fn poll_left(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while !self.has_left && self.surplus_bytes <= SURPLUS_BYTES_MAX {
            let mut bytes = [0; READ_BYTES];
            let mut bytes = ReadBuf::new(&mut bytes);
            match ready!(Pin::new(&mut self.socket).poll_read(context, &mut bytes)) {
                Ok(()) if !bytes.filled().is_empty() => self.surplus_bytes += bytes.filled().len(),
                Ok(()) | Err(_) => break,
            }
        }
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    #[tokio::test]
    async fn a_chunk_given_up_half_way_is_whole_before_the_next_one() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let address = listener.local_addr().expect("an address");
        let connecting = TcpStream::connect(address);
        let (ours, theirs) = tokio::join!(listener.accept(), connecting);
        let (ours, mut theirs) = (ours.expect("ours").0, theirs.expect("theirs"));
        let (mut chunks, mut departure) = chunks(ours);
        // More than sockets hold.
        let long = "x".repeat(16 * 1024 * 1024);
        let moment = Duration::from_millis(100);
        let given_up = timeout(moment, chunks.write(&long)).await;
        assert!(given_up.is_err() && !chunks.waiting.is_empty());
        let writing = async {
            chunks.write("the next").await.expect("written");
            assert!(chunks.waiting.is_empty());
            chunks.end().await.expect("ended");
        };
        let mut came = String::new();
        let ((), read) = tokio::join!(writing, theirs.read_to_string(&mut came));
        read.expect("read");
        let expected = format!("1000000\r\n{long}\r\n8\r\nthe next\r\n0\r\n\r\n");
        assert!(came == expected, "{} bytes", came.len());
        assert!(timeout(moment, departure.left()).await.is_err());
        drop(theirs);
        for _ in 0..2 {
            let left = timeout(Duration::from_secs(1), departure.left()).await;
            left.expect("it has left, and stays so");
        }
    }
}
