//! `window.daybook`: how scripts and tests watch sync and steer it.

use super::client::Client;
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::thread::LocalKey;
use sync::local::Ask;
use wasm_bindgen::prelude::{Closure, JsValue};

/// Who listens, by the name of what they listen to.
type Listeners = RefCell<BTreeMap<String, Vec<js_sys::Function>>>;

thread_local! {
    static EVENTS: Listeners = const { RefCell::new(BTreeMap::new()) };
    static HOOKS: Listeners = const { RefCell::new(BTreeMap::new()) };
}

/// Those who joined under this name hear every hook.
const EVERY_HOOK: &str = "*";

/// Puts the object on the window. Called once.
pub(super) fn show(client: Client) {
    let face = js_sys::Object::new();
    watching(&face, client);
    steering(&face, client);
    set(&window(), "daybook", &face);
}

/// An event came, as JSON.
pub(super) fn tell(json: &str) {
    let told = parsed(json);
    let name = part(&told, "event").as_string().unwrap_or_default();
    call(&EVENTS, &name, &[&part(&told, "detail")]);
}

/// A hook was raised, as JSON.
pub(super) fn raise(json: &str) {
    let raised = parsed(json);
    let key = part(&raised, "key");
    let payload = part(&raised, "payload");
    for name in [key.as_string().unwrap_or_default().as_str(), EVERY_HOOK] {
        call(&HOOKS, name, &[&payload, &key]);
    }
}

fn watching(face: &JsValue, client: Client) {
    let shown = client.shown().raw();
    let current = Closure::<dyn Fn() -> JsValue>::new(move || {
        shown.try_with_untracked(plain).unwrap_or(JsValue::NULL)
    });
    set(face, "connectivity", &current.into_js_value());
    for (name, act) in [
        ("onSyncEvent", on_event as fn(String, js_sys::Function)),
        ("offSyncEvent", off_event),
        ("hook", join_hook),
        ("unhook", leave_hook),
    ] {
        let act = Closure::<dyn Fn(String, js_sys::Function)>::new(act);
        set(face, name, &act.into_js_value());
    }
}

fn steering(face: &JsValue, client: Client) {
    let initialize = Closure::<dyn Fn() -> bool>::new(move || client.initialize());
    set(face, "initializeSync", &initialize.into_js_value());
    let connect = Closure::<dyn Fn(Option<String>) -> js_sys::Promise>::new(move |url| {
        answered(client, Ask::Connect { url })
    });
    set(face, "connectToSyncServer", &connect.into_js_value());
    let disconnect = Closure::<dyn Fn(Option<String>)>::new(move |reason: Option<String>| {
        let reason = reason.unwrap_or_else(|| "asked".to_owned());
        client.tell(Ask::Disconnect { reason });
    });
    set(
        face,
        "disconnectFromSyncServer",
        &disconnect.into_js_value(),
    );
    let clean_up = Closure::<dyn Fn()>::new(move || client.clean_up());
    set(face, "cleanupSync", &clean_up.into_js_value());
    let reset = Closure::<dyn Fn() -> js_sys::Promise>::new(move || answered(client, Ask::Reset));
    set(face, "resetLSN", &reset.into_js_value());
}

/// Whether the worker did what was asked; a refusal stands in the console.
fn answered(client: Client, ask: Ask) -> js_sys::Promise {
    let mut answer = Some(client.ask(ask));
    js_sys::Promise::new(&mut move |resolve, _| {
        let Some(answer) = answer.take() else { return };
        spawn_local(async move {
            let answer = answer.await;
            if let Err(failure) = &answer {
                leptos::logging::warn!("{failure}");
            }
            // Only a promise that is gone does not take its value.
            let _ = resolve.call1(&JsValue::NULL, &answer.is_ok().into());
        });
    })
}

fn on_event(name: String, callback: js_sys::Function) {
    listen(&EVENTS, name, callback);
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "JavaScript hands its values over"
)]
fn off_event(name: String, callback: js_sys::Function) {
    forget(&EVENTS, &name, &callback);
}

fn join_hook(key: String, callback: js_sys::Function) {
    listen(&HOOKS, key, callback);
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "JavaScript hands its values over"
)]
fn leave_hook(key: String, callback: js_sys::Function) {
    forget(&HOOKS, &key, &callback);
}

fn listen(listeners: &'static LocalKey<Listeners>, name: String, callback: js_sys::Function) {
    listeners.with_borrow_mut(|all| all.entry(name).or_default().push(callback));
}

fn forget(listeners: &'static LocalKey<Listeners>, name: &str, callback: &js_sys::Function) {
    listeners.with_borrow_mut(|all| {
        if let Some(listeners) = all.get_mut(name) {
            listeners.retain(|listener| listener != callback);
        }
    });
}

fn call(listeners: &'static LocalKey<Listeners>, name: &str, told: &[&JsValue]) {
    // A listener may add or remove listeners, so none are borrowed while it runs.
    let listeners = listeners.with_borrow(|all| all.get(name).cloned().unwrap_or_default());
    let told: js_sys::Array = told.iter().copied().collect();
    for listener in listeners {
        if let Err(error) = listener.apply(&JsValue::NULL, &told) {
            leptos::logging::error!("a listener of {name} failed: {error:?}");
        }
    }
}

fn parsed(json: &str) -> JsValue {
    js_sys::JSON::parse(json).unwrap_or(JsValue::NULL)
}

fn part(value: &JsValue, name: &str) -> JsValue {
    js_sys::Reflect::get(value, &name.into()).unwrap_or_default()
}

/// A value as a plain object of JavaScript.
fn plain<T: serde::Serialize>(value: &T) -> JsValue {
    parsed(&serde_json::to_string(value).unwrap_or_default())
}

fn set(target: &JsValue, name: &str, value: &JsValue) {
    // Only a frozen object refuses, and these are not.
    let _ = js_sys::Reflect::set(target, &name.into(), value);
}
