//! A device's WebSocket, which holds as little as a connection of [`line`](crate::line) does.

use anyhow::{Context, Result};
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::header::{COOKIE, ORIGIN};
use std::net::SocketAddr;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// How much is read at a time.
const READ_BYTES: usize = 1024;

/// An open socket. Reading it answers the server's pings.
pub(crate) struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    /// Opens one and says hello.
    pub(crate) async fn open(address: SocketAddr, cookie: &str, hello: String) -> Result<Self> {
        let connection = TcpStream::connect(address).await?;
        connection.set_nodelay(true)?;
        let mut request = format!("ws://{address}/api/sync/socket").into_client_request()?;
        let headers = request.headers_mut();
        headers.insert(COOKIE, cookie.parse()?);
        headers.insert(ORIGIN, format!("http://{address}").parse()?);
        let settings = WebSocketConfig::default().read_buffer_size(READ_BYTES);
        let opened = client_async_with_config(request, connection, Some(settings)).await;
        let (mut socket, _) = opened.context("a socket was refused")?;
        socket.send(Message::text(hello)).await?;
        Ok(Self(socket))
    }

    /// The next frame's text.
    pub(crate) async fn next(&mut self) -> Result<String> {
        loop {
            let message = self.0.next().await.context("the socket ended")??;
            if let Message::Text(text) = message {
                return Ok(text.as_str().to_owned());
            }
        }
    }

    /// Reads up to the frame that has this in its text.
    pub(crate) async fn until(&mut self, mark: &str) -> Result<()> {
        while !self.next().await?.contains(mark) {}
        Ok(())
    }
}
