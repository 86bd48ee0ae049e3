//! A mail server that keeps what it is given.

use std::net::SocketAddr;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

/// What came, in its order.
pub(crate) struct Postbox {
    pub(crate) address: SocketAddr,
    mails: UnboundedReceiver<String>,
}

impl Postbox {
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (sender, mails) = unbounded_channel();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(converse(socket, sender.clone()));
            }
        });
        Self { address, mails }
    }

    /// One that takes connections and never says a word.
    pub(crate) async fn stuck() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (sender, mails) = unbounded_channel();
        tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((socket, _)) = listener.accept().await {
                held.push((socket, sender.clone()));
            }
        });
        Self { address, mails }
    }

    /// The next mail as it came over the wire, with its sender and receiver above it.
    pub(crate) async fn next(&mut self) -> String {
        let mail = timeout(crate::world::SOON, self.mails.recv()).await;
        mail.expect("a mail").expect("the postbox is open")
    }

    /// Whether there is one more that has come already.
    pub(crate) fn is_empty(&self) -> bool {
        self.mails.is_empty()
    }
}

/// As much of SMTP as it takes.
async fn converse(socket: TcpStream, mails: UnboundedSender<String>) -> Option<()> {
    let mut socket = BufReader::new(socket);
    let mut mail = String::new();
    say(&mut socket, "220 postbox").await?;
    loop {
        let mut line = String::new();
        if socket.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let word = line.split([' ', ':']).next().unwrap_or_default();
        match word.trim_end().to_uppercase().as_str() {
            "MAIL" | "RCPT" => mail.push_str(&line),
            "DATA" => {
                say(&mut socket, "354 go on").await?;
                let mut line = String::new();
                while socket.read_line(&mut line).await.ok()? > 0 && line != ".\r\n" {
                    mail.push_str(&line);
                    line.clear();
                }
                mails.send(std::mem::take(&mut mail)).ok()?;
            }
            "QUIT" => {
                say(&mut socket, "221 bye").await?;
                return Some(());
            }
            _ => {}
        }
        say(&mut socket, "250 postbox").await?;
    }
}

async fn say(socket: &mut BufReader<TcpStream>, line: &str) -> Option<()> {
    let line = format!("{line}\r\n");
    socket.write_all(line.as_bytes()).await.ok()
}
