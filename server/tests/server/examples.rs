//! For each row of the router's list, a request that it takes.

use crate::said::{hello, own, push_frame, written};
use sync::digest::Digest;
use sync::frame::{Acknowledged, DeviceFrame, Digests, Verify};
use sync::id::Id;
use sync::scope::{Marker, Markers};

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// What a request is about.
pub(crate) struct About {
    /// By which name the device goes that says it.
    pub(crate) device_id: Id,
    /// A session in somebody's list.
    pub(crate) device: Id,
    pub(crate) passkey: Id,
    pub(crate) challenge: String,
    pub(crate) email: String,
    /// The password of who asks.
    pub(crate) password: String,
}

impl About {
    /// About nobody.
    fn nobody(device_id: Id) -> Self {
        let id = Id::from_u128(1);
        Self {
            device_id,
            device: id,
            passkey: id,
            challenge: "none".to_owned(),
            email: "x@example.org".to_owned(),
            password: "none".to_owned(),
        }
    }
}

/// A request that each route takes from a person who is signed in; a new route needs one here.
pub(crate) fn example(path: &str, device_id: Id) -> Option<(&'static str, String)> {
    example_about(path, &About::nobody(device_id))
}

/// The same about somebody.
pub(crate) fn example_about(path: &str, about: &About) -> Option<(&'static str, String)> {
    let device_id = about.device_id;
    let (email, password) = (
        about.email.replace('@', "%40"),
        about.password.replace(' ', "+"),
    );
    Some(match path {
        "/api/sync/push" => (JSON, push_frame(device_id, vec![written("forged")])),
        "/api/sync/pull" | "/api/sync/stream" => {
            let version = domain::SCHEMA.version;
            (JSON, hello(device_id, Markers::default(), version))
        }
        "/api/sync/cursor" => {
            let frame = DeviceFrame::Ack(Acknowledged {
                device_id,
                positions: [(own(), Marker::START)].into(),
            });
            (JSON, frame.encode())
        }
        "/api/sync/verify" => {
            let tables = [("journal_entries".to_owned(), Digest::default())];
            let frame = DeviceFrame::Verify(Verify {
                device_id,
                markers: Markers::default(),
                digests: Digests::from([(own(), tables.into())]),
            });
            (JSON, frame.encode())
        }
        "/api/account/export" => (FORM, String::new()),
        _ => {
            let function = path.strip_prefix("/api/account/");
            let form = match function? {
                "who_am_i"
                | "sign_out"
                | "devices"
                | "sign_out_everywhere"
                | "ways_in"
                | "recovery_codes_left"
                | "passkeys"
                | "begin_passkey_sign_in" => String::new(),
                "sign_up" | "sign_in" => format!("email={email}&password=none"),
                "revoke_device" => format!("device={}&password={password}", about.device),
                "change_password" => "present=none&new=none".to_owned(),
                "erase_account" => "password=none".to_owned(),
                "make_recovery_codes" | "begin_passkey" => format!("password={password}"),
                "recover" => format!("email={email}&code=none&new=snow+on+the+slate"),
                "forgot_password" | "begin_passkey_sign_up" => format!("email={email}"),
                "reset_password" => "token=none&new=none".to_owned(),
                "add_passkey" | "sign_in_with_passkey" | "sign_up_with_passkey" => {
                    format!("challenge={}&credential=none", about.challenge)
                }
                "remove_passkey" => format!("passkey={}&password={password}", about.passkey),
                _ => return None,
            };
            (FORM, form)
        }
    })
}

/// An address that a pattern fits.
pub(crate) fn address(build: &str, pattern: &str) -> String {
    pattern
        .replace("{build}", build)
        .replace("/icons/{*path}", "/icons/icon-192.png")
        .replace("/auth/{*path}", "/auth/login")
        .replace("{*path}", "pkg/daybook.js")
}
