//! The drawings.

use leptos::prelude::*;

/// The marks' names for the style. Written into the view, they would be plain text to Leptos,
/// which wraps such drawings into groups; the style looks for them right below the drawing.
const MARKS: [(&str, &str); 4] = [
    ("one", "M2 7.5 5.5 11 12 3"),
    ("two", "M8.6 9.6 10 11 16.5 3"),
    ("bang", "M10 2v6M10 11.5v.01"),
    ("dot", "M10 7v.01"),
];

/// All four marks of a tick in one drawing; the style shows the right ones.
#[component]
pub(crate) fn Marks() -> impl IntoView {
    let marks = MARKS
        .map(|(name, line)| view! { <path class=name pathLength="1" d=line></path> })
        .collect_view();
    view! {
        <svg class="marks" viewBox="0 0 20 14" width="20" height="14" aria-hidden="true">
            {marks}
        </svg>
    }
}

/// The pen of the button that opens a new page.
#[component]
pub(crate) fn Pen() -> impl IntoView {
    view! {
        <svg class="pen" viewBox="0 0 24 24" width="22" height="22" aria-hidden="true">
            <path d="M4 20l1-4.5L16.5 4a1.8 1.8 0 0 1 2.6 0l.9.9a1.8 1.8 0 0 1 0 2.6L8.5 19 4 20zM14.5 6l3.5 3.5"></path>
        </svg>
    }
}

/// The book beside the name.
#[component]
pub(crate) fn Mark() -> impl IntoView {
    view! {
        <svg class="mark" viewBox="8 12 48 40" width="28" height="24" aria-hidden="true">
            <path d="M30.4 48.8c-4.4-3.3-10.9-4.6-19.6-4A1.8 1.8 0 0 1 9 43V17.3a1.8 1.8 0 0 1 1.8-1.8c8.7-.5 15.5 1.5 19.6 5.8zM33.6 48.8c4.4-3.3 10.9-4.6 19.6-4A1.8 1.8 0 0 0 55 43V17.3a1.8 1.8 0 0 0-1.8-1.8c-8.7-.5-15.5 1.5-19.6 5.8z"></path>
            <circle cx="46" cy="25.2" r="4.7"></circle>
        </svg>
    }
}

/// A sheet with a few strokes of ink, where there is nothing else.
#[component]
pub(crate) fn SheetArt() -> impl IntoView {
    view! {
        <svg class="sheet-art" viewBox="0 0 120 140" width="144" height="168" aria-hidden="true">
            <path class="sheet" d="M22 8h60l22 22v96a4 4 0 0 1-4 4H22a4 4 0 0 1-4-4V12a4 4 0 0 1 4-4z"></path>
            <path class="fold" d="M82 8v18a4 4 0 0 0 4 4h18z"></path>
            <path class="dots" d="M34 56v.01M46 56v.01M58 56v.01M70 56v.01M82 56v.01M34 72v.01M46 72v.01M58 72v.01M70 72v.01M82 72v.01M34 88v.01M46 88v.01M58 88v.01M70 88v.01M82 88v.01M34 104v.01M46 104v.01M58 104v.01M70 104v.01M82 104v.01"></path>
            <path class="ink" d="M34 38c3-6 6-7 7-4s-4 8-1 8 5-8 8-8 0 7 3 7 4-4 7-4"></path>
        </svg>
    }
}
