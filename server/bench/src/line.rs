//! One connection to a server, as a device has it: requests one after the other, or a stream.

use anyhow::{Context, Result, ensure};
use http_body_util::{BodyExt as _, Full};
use hyper::Response;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, COOKIE, HOST};
use hyper_util::rt::TokioIo;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;
use tokio::net::TcpStream;

/// A connection.
pub(crate) struct Line {
    sender: SendRequest<Full<Bytes>>,
    address: SocketAddr,
    /// For whom it speaks, as a proxy on this machine does.
    speaks_for: Option<IpAddr>,
}

/// The events of a stream, and the connection that they come by.
pub(crate) struct Events {
    body: Incoming,
    waiting: Vec<u8>,
    _line: Line,
}

impl Line {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(socket)).await?;
        // How it ends is told by the request that it ends under.
        tokio::spawn(connection);
        Ok(Self {
            sender,
            address,
            speaks_for: None,
        })
    }

    /// A connection that speaks for somebody elsewhere: nobody may sign up hundreds of people
    /// from one address.
    pub(crate) async fn open_for(address: SocketAddr, elsewhere: IpAddr) -> Result<Self> {
        Ok(Self {
            speaks_for: Some(elsewhere),
            ..Self::open(address).await?
        })
    }

    /// Sends a request and tells the answer as soon as its head is there.
    pub(crate) async fn post(
        &mut self,
        path: &str,
        cookie: &str,
        kind: &str,
        body: String,
    ) -> Result<Response<Incoming>> {
        let mut request = hyper::Request::post(path);
        if let Some(elsewhere) = self.speaks_for {
            request = request.header("x-forwarded-for", elsewhere.to_string());
        }
        let request = request
            .header(HOST, self.address.to_string())
            .header("sec-fetch-site", "same-origin")
            .header(CONTENT_TYPE, kind)
            .header(COOKIE, cookie)
            .body(Full::from(body))?;
        self.sender.ready().await?;
        Ok(self.sender.send_request(request).await?)
    }

    /// Sends a frame and tells status and text of the answer.
    pub(crate) async fn ask(
        &mut self,
        path: &str,
        cookie: &str,
        frame: String,
    ) -> Result<(u16, String)> {
        let answer = self.post(path, cookie, "application/json", frame).await?;
        let status = answer.status().as_u16();
        Ok((status, text(answer).await?))
    }

    /// Opens a stream.
    pub(crate) async fn stream(mut self, cookie: &str, hello: String) -> Result<Events> {
        let answer = self
            .post("/api/sync/stream", cookie, "application/json", hello)
            .await?;
        let status = answer.status();
        if !status.is_success() {
            anyhow::bail!("a stream was refused: {status} {}", text(answer).await?);
        }
        Ok(Events {
            body: answer.into_body(),
            waiting: Vec::new(),
            _line: self,
        })
    }
}

/// A body to its end.
pub(crate) async fn text(answer: Response<Incoming>) -> Result<String> {
    let bytes = answer.into_body().collect().await?.to_bytes();
    String::from_utf8(bytes.into()).context("an answer that is no text")
}

impl Events {
    /// The next event's text, and when it was there.
    pub(crate) async fn next(&mut self) -> Result<(String, Instant)> {
        loop {
            if let Some(end) = self.waiting.windows(2).position(|two| two == b"\n\n") {
                let event: Vec<u8> = self.waiting.drain(..end + 2).collect();
                let event = String::from_utf8(event)?;
                let data = event.trim_end().strip_prefix("data: ");
                let data = data.context("an event without data")?;
                return Ok((data.to_owned(), Instant::now()));
            }
            let part = self.body.frame().await.context("the stream ended")??;
            if let Ok(data) = part.into_data() {
                self.waiting.extend_from_slice(&data);
            }
        }
    }

    /// Reads up to the event that has this in its text.
    pub(crate) async fn until(&mut self, mark: &str) -> Result<(String, Instant)> {
        loop {
            let event = self.next().await?;
            ensure!(
                !event.0.contains("{\"error\":"),
                "a stream ended: {}",
                event.0
            );
            if event.0.contains(mark) {
                return Ok(event);
            }
        }
    }
}
