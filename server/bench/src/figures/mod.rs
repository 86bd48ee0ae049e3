//! The figures, one file each.

mod bootstrap;
mod delivery;
pub(crate) mod hidden;
mod kills;
mod outages;
mod pushes;
mod streams;

use crate::{Figure, Wish};
use anyhow::{Result, ensure};

/// Measures what is wished for. All of it, also when a check fails on the way.
pub(crate) async fn all(wish: &Wish) -> Result<()> {
    let mut failed = Vec::new();
    for figure in [
        Figure::Kills,
        Figure::Outages,
        Figure::Streams,
        Figure::Delivery,
        Figure::Hidden,
        Figure::Pushes,
        Figure::Bootstrap,
    ] {
        if !wish.has(figure) {
            continue;
        }
        if let Err(error) = one(wish, figure).await {
            eprintln!("{figure:?}: {error:#}");
            failed.push(format!("{figure:?}"));
        }
    }
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

async fn one(wish: &Wish, figure: Figure) -> Result<()> {
    match figure {
        Figure::Kills => kills::run(wish).await,
        Figure::Outages => outages::run(wish).await,
        Figure::Streams => streams::run(wish).await,
        Figure::Delivery => delivery::run(wish).await,
        Figure::Hidden => hidden::run(wish).await,
        Figure::Pushes => pushes::run(wish).await,
        Figure::Bootstrap => bootstrap::run(wish).await,
    }
}
