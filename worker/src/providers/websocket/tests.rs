//! The provider in a real worker, with a socket that these tests play.

use super::WebSocket;
use crate::browser;
use gloo_timers::future::TimeoutFuture;
use js_sys::{Array, Function, Object, Reflect};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use sync::device::retry::LinkFailure;
use sync::frame::{DeviceFrame, Hello, Push, PushResult, ServerError, ServerFrame};
use sync::provider::{Reply, Sink, SyncProvider as _};
use sync::scope::Markers;
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

/// A socket that keeps what is said, and opens when it is told to.
const PLAYED: &str = "
    self.WebSocket = class {
        constructor(address) {
            this.address = address;
            this.readyState = 0;
            this.said = [];
            self.played = this;
        }
        send(text) { this.said.push(text); }
        close() { this.readyState = 3; }
    };
    self.WebSocket.OPEN = 1;
";

/// A provider, the replies that came of it, and the socket that it opened.
struct Play {
    provider: WebSocket,
    replies: Rc<RefCell<Vec<Reply>>>,
}

impl Play {
    /// A provider that has asked for a socket.
    fn begin() -> Self {
        js_sys::eval(PLAYED).expect("a class");
        let mut play = Self {
            provider: WebSocket::default(),
            replies: Rc::default(),
        };
        let sink = play.sink();
        play.provider.subscribe(7, hello(), sink);
        play
    }

    fn opened() -> Self {
        let play = Self::begin();
        play.state(1);
        play.happen("onopen", &Object::new());
        assert_eq!(play.heard(), [Reply::Opened(7)]);
        play
    }

    fn sink(&self) -> Sink {
        let replies = Rc::clone(&self.replies);
        Sink::new(move |reply| replies.borrow_mut().push(reply))
    }

    fn heard(&self) -> Vec<Reply> {
        self.replies.take()
    }

    fn socket() -> JsValue {
        Reflect::get(&js_sys::global(), &"played".into()).expect("a socket")
    }

    fn state(&self, state: u32) {
        Reflect::set(&Self::socket(), &"readyState".into(), &state.into()).expect("set");
    }

    /// Calls a handler, if there is one.
    fn happen(&self, handler: &str, event: &JsValue) {
        let found = Reflect::get(&Self::socket(), &handler.into()).expect("a property");
        if let Some(handler) = found.dyn_ref::<Function>() {
            handler.call1(&Self::socket(), event).expect("called");
        }
    }

    fn comes(&self, text: &str) {
        let event = Object::new();
        Reflect::set(&event, &"data".into(), &text.into()).expect("set");
        self.happen("onmessage", &event);
    }

    fn said(&self) -> Vec<String> {
        let said = Reflect::get(&Self::socket(), &"said".into()).expect("a list");
        let said: Array = said.dyn_into().expect("a list");
        said.iter().filter_map(|text| text.as_string()).collect()
    }
}

fn hello() -> Hello {
    Hello {
        device_id: browser::mint().id(),
        markers: Markers::default(),
        tables: Vec::new(),
        schema_version: 1,
        device_time_ms: 0,
    }
}

fn push() -> Push {
    Push {
        device_id: browser::mint().id(),
        changes: Vec::new(),
        schema_version: 1,
        device_time_ms: 0,
    }
}

fn result() -> PushResult {
    PushResult {
        outcomes: BTreeMap::new(),
        server_time_ms: 1,
    }
}

#[wasm_bindgen_test]
fn the_hello_goes_first_and_a_push_is_answered_beside_the_frames() {
    let mut play = Play::opened();
    assert!(play.said()[0].contains("\"hello\""));
    play.provider.push(push(), play.sink());
    assert!(play.said()[1].contains("\"push\""));
    play.comes(&ServerFrame::DeltaComplete {}.encode());
    assert_eq!(play.heard(), [], "it was not asked for");
    play.comes(&ServerFrame::PushResult(result()).encode());
    assert_eq!(play.heard(), [Reply::Pushed(Ok(result()))]);
    play.provider.read(7);
    assert_eq!(
        play.heard(),
        [Reply::Frame(7, ServerFrame::DeltaComplete {})]
    );
}

#[wasm_bindgen_test]
fn what_waits_is_told_when_the_socket_ends_and_nothing_after_it_was_given_up() {
    let mut play = Play::opened();
    play.provider.push(push(), play.sink());
    play.provider.read(7);
    play.happen("onclose", &Object::new());
    let ended = LinkFailure::Ended;
    let expected = [Reply::Pushed(Err(ended.clone())), Reply::Closed(7, ended)];
    assert_eq!(play.heard(), expected);
    let mut play = Play::opened();
    play.provider.read(7);
    play.provider.unsubscribe(7);
    play.comes(&ServerFrame::DeltaComplete {}.encode());
    play.happen("onclose", &Object::new());
    assert_eq!(play.heard(), []);
}

#[wasm_bindgen_test]
fn an_error_that_answers_a_push_has_the_class_of_its_status() {
    let mut play = Play::opened();
    play.provider.push(push(), play.sink());
    let error = ServerError::new("too_many_changes", "Send fewer.");
    play.comes(&ServerFrame::Error(error).encode());
    let heard = play.heard();
    let Some(Reply::Pushed(Err(LinkFailure::Server { status, .. }))) = heard.first() else {
        panic!("{heard:?}")
    };
    assert_eq!(*status, 400);
}

#[wasm_bindgen_test]
async fn a_socket_that_does_not_open_says_why_as_a_request_finds_out() {
    let play = Play::begin();
    play.happen("onclose", &Object::new());
    for _ in 0..100 {
        if !play.replies.borrow().is_empty() {
            break;
        }
        TimeoutFuture::new(50).await;
    }
    // Whoever serves these tests is not our server, and says so in one way or another.
    let heard = play.heard();
    assert!(matches!(heard[..], [Reply::Closed(7, _)]), "{heard:?}");
}

#[wasm_bindgen_test]
fn a_frame_of_a_device_is_a_frame_on_the_socket() {
    let mut play = Play::opened();
    play.provider.bye(sync::frame::Bye {
        device_id: browser::mint().id(),
        reason: "closed".to_owned(),
    });
    let said = play.said().pop().expect("something");
    let frame = DeviceFrame::decode(&said, &domain::SCHEMA);
    assert!(matches!(frame, Ok(DeviceFrame::Bye(_))), "{said}");
}
