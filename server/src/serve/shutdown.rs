//! Whether the server goes on, and how everybody hears that it does not.

use tokio::sync::watch;

/// How far the server's end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ending {
    /// It goes on.
    No,
    /// It will end; nobody should send anybody here any more.
    Announced,
    /// It ends now.
    Now,
}

/// Whether the server has been asked to end.
#[derive(Clone, Debug)]
pub(crate) struct Shutdown(watch::Receiver<Ending>);

impl Shutdown {
    /// The one who asks, and what everybody else listens to.
    pub(crate) fn channel() -> (watch::Sender<Ending>, Self) {
        let (ask, asked) = watch::channel(Ending::No);
        (ask, Self(asked))
    }

    /// Whether it ends now or soon.
    pub(crate) fn is_announced(&self) -> bool {
        *self.0.borrow() != Ending::No
    }

    /// Returns once the server has been asked to end, or nobody is left who could ask.
    pub(crate) async fn asked(&mut self) {
        let _ = self.0.wait_for(|ending| *ending == Ending::Now).await;
    }
}
