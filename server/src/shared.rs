//! What all requests share.

use crate::accounts::export::Exports;
use crate::accounts::forgotten::LetterBox;
use crate::accounts::passwords::Passwords;
use crate::accounts::throttle::Throttle;
use crate::assets::Assets;
use crate::headers::Https;
use crate::pages::Pages;
use crate::serve::Shutdown;
use crate::store::Store;
use crate::sync::fanout::Fanout;
use crate::sync::holding::Holding;
use crate::sync::seats::Seats;
use webauthn_rs::Webauthn;

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) store: Store,
    /// Whether people come by https.
    pub(crate) https: Https,
    pub(crate) fanout: Fanout,
    pub(crate) seats: Seats,
    pub(crate) holding: Holding,
    pub(crate) passwords: Passwords,
    pub(crate) throttle: Throttle,
    pub(crate) exports: Exports,
    /// Checks passkeys, where the site has an address that they can be bound to.
    pub(crate) passkeys: Option<Webauthn>,
    /// Takes requests for a link, where mail can be sent.
    pub(crate) letters: Option<LetterBox>,
    pub(crate) assets: Assets,
    pub(crate) pages: Pages,
    pub(crate) shutdown: Shutdown,
    /// Whether metrics have an address of their own.
    pub(crate) tells_metrics_elsewhere: bool,
}
