//! The axum program, as a library so that tests can start it.
//!
//! # Layout, in reading order
//! - [`config`], [`router`](mod@router), [`serve`]: how it starts, what it answers to, how it listens
//! - [`accounts`]: people, passwords, sessions
//! - [`sync`](mod@sync): push, pull, stream, and what goes with them
//! - [`store`]: the database; all SQL is there
//! - [`assets`], [`pages`], [`headers`], [`health`]: the site and what every answer carries
//! - [`error`], [`telemetry`], [`clock`]: what goes wrong, what is logged, what time it is

pub mod accounts;
pub mod assets;
pub mod clock;
pub mod config;
pub mod error;
pub mod headers;
mod health;
pub mod pages;
mod router;
pub mod serve;
mod shared;
pub mod store;
pub mod sync;
pub mod telemetry;

use accounts::passwords::Passwords;
use accounts::throttle::Throttle;
use assets::Assets;
use config::Config;
use error::StartError;
use pages::Pages;
use serve::Shutdown;
use shared::Shared;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use store::Store;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A server that runs.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// The name of the site's build.
    pub build: String,
    ask_to_end: watch::Sender<bool>,
    serving: JoinHandle<()>,
    clearing: JoinHandle<()>,
    store: Store,
}

/// Opens the database, reads the site, and listens. It serves from the moment this returns.
///
/// # Errors
/// Says what is in the way and how to clear it. Nothing was changed.
pub async fn start(config: &Config) -> Result<Server, StartError> {
    let assets = Assets::load(&config.site, &pages::outline())?;
    let listener = listen(config.addr).await?;
    let address = listener.local_addr().map_err(|reason| StartError::Listen {
        address: config.addr,
        reason,
    })?;
    let store = Store::open(&config.database_url).await?;
    let (ask_to_end, shutdown) = Shutdown::channel();
    let build = assets.build().to_owned();
    let fanout = sync::fanout::Fanout::default();
    let shared = Arc::new(Shared {
        store: store.clone(),
        fanout: fanout.clone(),
        seats: sync::seats::Seats::default(),
        passwords: Passwords::new()?,
        throttle: Throttle::default(),
        pages: Pages::of(&build),
        assets,
        shutdown: shutdown.clone(),
    });
    let router = router::router(shared, config.is_https());
    let serving = tokio::spawn(serve::serve(listener, router, shutdown.clone()));
    let clearing = sync::gc::run(store.clone(), fanout, config.retention(), shutdown);
    let clearing = tokio::spawn(clearing);
    tracing::info!(%address, build, "listening");
    Ok(Server {
        address,
        build,
        ask_to_end,
        serving,
        clearing,
        store,
    })
}

impl Server {
    /// Ends streams, lets requests that are under way finish, and closes the database.
    pub async fn end(self) {
        // Nobody listening any more is as good as having been heard.
        let _ = self.ask_to_end.send(true);
        for (task, name) in [(self.serving, "serving"), (self.clearing, "clearing out")] {
            if let Err(error) = task.await {
                tracing::error!(%error, name, "a task");
            }
        }
        self.store.close().await;
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address)
        .await
        .map_err(|reason| match reason.kind() {
            ErrorKind::AddrInUse => StartError::PortTaken(address),
            _ => StartError::Listen { address, reason },
        })
}
