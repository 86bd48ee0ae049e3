//! The axum program, as a library so that tests can start it.
//!
//! # Layout, in reading order
//! - [`commands`], [`config`]: what an operator calls and sets
//! - [`router`](mod@router), [`serve`], [`proxies`]: what it answers to, how it listens, and through whom
//! - [`accounts`]: people, passwords, sessions
//! - [`sync`](mod@sync): push, pull, stream, and what goes with them
//! - [`store`]: the database; all SQL is there
//! - [`assets`], [`pages`], [`headers`], [`health`]: the site and what every answer carries
//! - [`error`], [`telemetry`], [`clock`]: what goes wrong, what is logged, what time it is

pub mod accounts;
pub mod assets;
pub mod clock;
pub mod commands;
pub mod config;
pub mod error;
pub mod headers;
mod health;
pub mod pages;
mod proxies;
pub mod router;
pub mod serve;
mod shared;
pub mod store;
pub mod sync;
pub mod telemetry;

use ::metrics::gauge;
use accounts::export::Exports;
use accounts::forgotten::{LetterBox, deliver};
use accounts::mail::SmtpMailer;
use accounts::passkeys::relying_party;
use accounts::passwords::Passwords;
use accounts::throttle::Throttle;
use assets::Assets;
use config::Config;
use error::StartError;
use pages::Pages;
use serve::{Ending, Limits, Shutdown};
use shared::Shared;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use telemetry::metrics;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use webauthn_rs::Webauthn;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A server that runs.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// Where it tells its metrics, if they have an address of their own.
    pub metrics_address: Option<SocketAddr>,
    /// The name of the site's build.
    pub build: String,
    routes: axum::Router,
    ask_to_end: watch::Sender<Ending>,
    drain_wait: Duration,
    tasks: Vec<(&'static str, JoinHandle<()>)>,
    store: Store,
}

/// Opens the database, reads the site, and listens. It serves from the moment this returns.
///
/// # Errors
/// Says what is in the way and how to clear it. Nothing was changed.
pub async fn start(config: &Config) -> Result<Server, StartError> {
    let assets = Assets::load(config.site_folder(), &pages::outline())?;
    let (listener, address) = listen(config.addr).await?;
    let aside = match config.metrics_listen {
        Some(address) => Some(listen(address).await?),
        None => None,
    };
    let public_url = public_url(config, address);
    let passkeys = passkeys(config, public_url.as_deref())?;
    let mail = mail(config, public_url)?;
    let store = Store::open(&config.database_url).await?;
    let (ask_to_end, shutdown) = Shutdown::channel();
    let (letters, asked) = LetterBox::new();
    let build = assets.build().to_owned();
    metrics::handle();
    gauge!(metrics::BUILD_INFO, "version" => VERSION, "build" => build.clone()).set(1);
    let (fanout, poked) = sync::fanout::Fanout::told();
    let holding = sync::holding::Holding::default();
    let shared = Arc::new(Shared {
        store: store.clone(),
        https: headers::Https(config.is_https()),
        fanout: fanout.clone(),
        seats: sync::seats::Seats::new(config.streams_per_person_max),
        holding: holding.clone(),
        passwords: Passwords::new()?,
        throttle: Throttle::default(),
        exports: Exports::default(),
        passkeys,
        letters: mail.is_some().then_some(letters),
        pages: Pages::of(&build),
        assets,
        shutdown: shutdown.clone(),
        tells_metrics_elsewhere: aside.is_some(),
    });
    let limits = Limits::of(config);
    let trusted = config.trusted_proxies.clone();
    let router = router::router(Arc::clone(&shared), config.is_https(), trusted);
    let serving = serve::serve(listener, router.clone(), limits.clone(), shutdown.clone());
    let telling = sync::nodes::run(store.clone(), fanout.clone(), poked, shutdown.clone());
    let clearing = sync::gc::run(store.clone(), fanout, config.retention(), shutdown.clone());
    let looking = sync::holding::run(store.clone(), holding, shutdown.clone());
    let mut tasks = vec![
        ("serving", tokio::spawn(serving)),
        ("clearing out", tokio::spawn(clearing)),
        ("telling other nodes", tokio::spawn(telling)),
        ("looking for ended sessions", tokio::spawn(looking)),
        ("counting", tokio::spawn(metrics::keep_up(shutdown.clone()))),
    ];
    if let Some((mailer, url)) = mail {
        let (store, shutdown) = (store.clone(), shutdown.clone());
        let mailing = deliver(store, Arc::new(mailer), url, asked, shutdown);
        tasks.push(("mailing", tokio::spawn(mailing)));
    }
    let metrics_address = aside.as_ref().map(|(_, address)| *address);
    if let Some((listener, _)) = aside {
        let telling = serve::serve(listener, router::aside(shared), limits, shutdown);
        tasks.push(("telling metrics", tokio::spawn(telling)));
    }
    tracing::info!(%address, build, "listening");
    Ok(Server {
        address,
        metrics_address,
        build,
        routes: router,
        ask_to_end,
        drain_wait: Duration::from_secs(config.drain_wait_s),
        tasks,
        store,
    })
}

/// The site as browsers have it, as far as that is known: where people come by https, it is not
/// this address.
fn public_url(config: &Config, address: SocketAddr) -> Option<String> {
    let set = config.public_url.as_deref();
    let set = set.map(|url| url.trim_end_matches('/').to_owned());
    let local = address.ip().is_loopback() && !config.is_https();
    set.or_else(|| local.then(|| format!("http://localhost:{}", address.port())))
}

/// What checks passkeys, where there can be any; otherwise the log says why not.
fn passkeys(config: &Config, public_url: Option<&str>) -> Result<Option<Webauthn>, StartError> {
    if let Some(why) = config.why_no_passkeys() {
        tracing::warn!("{why}");
    }
    Ok(public_url.map(relying_party).transpose()?.flatten())
}

/// What sends mail, and what its links begin with.
fn mail(
    config: &Config,
    public_url: Option<String>,
) -> Result<Option<(SmtpMailer, String)>, StartError> {
    let Some(mail) = config.mail() else {
        return Ok(None);
    };
    let mailer = SmtpMailer::new(&mail).map_err(|error| StartError::Mail(error.to_string()))?;
    let url = public_url.ok_or_else(|| StartError::Mail("links have no address".to_owned()))?;
    Ok(Some((mailer, url)))
}

impl Server {
    /// Its routes, for calling them from this very machine without a network in between.
    pub fn routes(&self) -> axum::Router {
        let here = serve::Peer(Ipv4Addr::LOCALHOST.into());
        self.routes.clone().layer(axum::Extension(here))
    }

    /// Says that it is not ready any more, for as long as configured; then ends streams, lets
    /// requests that are under way finish, and closes the database.
    pub async fn end(self) {
        // Nobody listening any more is as good as having been heard.
        let _ = self.ask_to_end.send(Ending::Announced);
        tokio::time::sleep(self.drain_wait).await;
        let _ = self.ask_to_end.send(Ending::Now);
        for (name, task) in self.tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, name, "a task");
            }
        }
        self.store.close().await;
    }
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let listening = async {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok::<_, std::io::Error>((listener, address))
    };
    listening.await.map_err(|reason| match reason.kind() {
        ErrorKind::AddrInUse => StartError::PortTaken(address),
        _ => StartError::Listen { address, reason },
    })
}
