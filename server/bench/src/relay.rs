//! A way to the database that can be cut: a relay on this machine.

use anyhow::Result;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Passes everything on.
    Open,
    /// Passes on what is asked, and swallows the answers: what was committed meanwhile, nobody hears.
    Deaf,
    /// Has broken all connections and takes no more.
    Cut,
}

/// A relay that runs for as long as it is held.
#[derive(Debug)]
pub(crate) struct Relay {
    pub(crate) port: u16,
    way: watch::Sender<Way>,
}

impl Relay {
    pub(crate) async fn to(port: u16) -> Result<Self> {
        let target = SocketAddr::from(([127, 0, 0, 1], port));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let own = listener.local_addr()?;
        let (way, told) = watch::channel(Way::Open);
        tokio::spawn(listen(listener, own, target, told));
        Ok(Self {
            port: own.port(),
            way,
        })
    }

    pub(crate) fn set(&self, way: Way) {
        self.way.send_replace(way);
    }
}

async fn listen(
    mut listener: TcpListener,
    own: SocketAddr,
    target: SocketAddr,
    mut told: watch::Receiver<Way>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            is_cut = told_of(&mut told, Way::Cut) => {
                drop(listener);
                if !is_cut || !told_of(&mut told, Way::Open).await {
                    return;
                }
                let Ok(again) = TcpListener::bind(own).await else { return };
                listener = again;
                continue;
            }
        };
        if let Ok((near, _)) = accepted {
            tokio::spawn(join(near, target, told.clone()));
        }
    }
}

/// Returns once it is told this way, or that nobody tells any more.
async fn told_of(told: &mut watch::Receiver<Way>, wanted: Way) -> bool {
    told.wait_for(|way| *way == wanted).await.is_ok()
}

/// Both directions of one connection, until it ends or is cut.
async fn join(near: TcpStream, target: SocketAddr, mut told: watch::Receiver<Way>) {
    let Ok(far) = TcpStream::connect(target).await else {
        return;
    };
    // Small and wanted at once; without it the connection is slower and just as right.
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
    let answers = told.clone();
    tokio::select! {
        () = pass(near_in, far_out, || true) => {}
        () = pass(far_in, near_out, || *answers.borrow() == Way::Open) => {}
        _ = told_of(&mut told, Way::Cut) => {}
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, does_pass: impl Fn() -> bool) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let count = match from.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(count) => count,
        };
        if does_pass() && to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
