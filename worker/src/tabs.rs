//! What the tabs of one browser tell each other.

use serde::{Deserialize, Serialize};
use sync::device::status::Connectivity;
use sync::local::Account;
use wasm_bindgen::prelude::*;
use web_sys::{BroadcastChannel, MessageEvent};

const CHANNEL: &str = "daybook";

/// News for the other tabs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum News {
    /// Rows of these tables changed.
    Changed {
        /// The tables.
        tables: Vec<String>,
    },
    /// Something was written; whoever leads has something to send.
    Written,
    /// How the connection stands, from whoever leads.
    Connectivity(Connectivity),
    /// Whoever leads, say how the connection stands.
    AskConnectivity,
    /// Whoever leads, do this.
    Wanted(Want),
    /// The session has ended.
    AuthExpired,
    /// Somebody signed in or out.
    AccountChanged(Option<Account>),
    /// An event for listeners, as [`sync::local::Notice::SyncEvent`] has it.
    Event {
        /// The event.
        json: String,
    },
    /// A hook was raised, as [`sync::local::Notice::Hook`] has it.
    Hook {
        /// The hook.
        json: String,
    },
}

/// What a page may want of whoever leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Want {
    /// Try now.
    Now,
    /// Be in touch, by way of this provider if one is named.
    Connect {
        /// Its name.
        provider: Option<String>,
    },
    /// Be out of touch.
    Disconnect {
        /// Why, in a word or two.
        reason: String,
    },
    /// Take everything anew.
    Reset,
    /// Try again what was refused.
    RetryRefused,
    /// Compare both sides.
    Verify,
}

/// The channel to the other tabs.
pub(crate) struct Tabs {
    channel: Option<BroadcastChannel>,
}

impl Tabs {
    /// Opens the channel; `hear` gets what other tabs say.
    pub(crate) fn open(hear: impl Fn(News) + 'static) -> Self {
        let channel = BroadcastChannel::new(CHANNEL).ok();
        if let Some(channel) = &channel {
            let heard = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
                // Another build may speak otherwise; what is not understood is passed over, for
                // the leader also looks at the outbox by itself.
                let news = event
                    .data()
                    .as_string()
                    .and_then(|t| serde_json::from_str(&t).ok());
                if let Some(news) = news {
                    hear(news);
                }
            });
            channel.set_onmessage(Some(heard.into_js_value().unchecked_ref()));
        }
        Self { channel }
    }

    /// Tells the other tabs.
    pub(crate) fn tell(&self, news: &News) {
        if let (Some(channel), Ok(text)) = (&self.channel, serde_json::to_string(news)) {
            // A closed channel means that this tab is going away.
            let _ = channel.post_message(&text.into());
        }
    }
}
