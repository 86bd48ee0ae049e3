//! Days, times and names, from the browser's clock, calendar and chance.

use domain::kinds::Day;
use js_sys::{Array, Date, Function, Intl, Object, Reflect};
use leptos::prelude::window;
use std::cell::OnceCell;
use sync::id::Id;
use wasm_bindgen::JsValue;

/// The language of dates for somebody whose browser speaks none that the page does.
const LOCALE: &str = "en-GB";

/// Now, in milliseconds since 1970.
#[must_use]
pub fn now_ms() -> i64 {
    whole(Date::now())
}

/// Today, as the calendar on this person's wall has it.
///
/// # Panics
/// Never: every date of a calendar is a day.
#[must_use]
pub fn today() -> Day {
    let now = Date::new_0();
    let text = format!(
        "{:04}-{:02}-{:02}",
        now.get_full_year(),
        now.get_month() + 1,
        now.get_date()
    );
    Day::parse(&text).expect("every date of a calendar is a day")
}

/// A new name for a row.
#[must_use]
pub fn new_id() -> Id {
    let mut random = [0; 10];
    // Every browser that runs WASM has this; without it, only the clock would tell names apart.
    if let Ok(crypto) = window().crypto() {
        let _ = crypto.get_random_values_with_u8_array(&mut random);
    }
    Id::v7(now_ms().unsigned_abs(), random)
}

/// The day's number in its month, without a leading zero.
#[must_use]
pub fn day_number(day: &Day) -> String {
    day.as_str()[8..].trim_start_matches('0').to_owned()
}

/// What all days of a month share, `YYYY-MM`.
#[must_use]
pub fn month_of(day: &Day) -> &str {
    &day.as_str()[..7]
}

/// The day of the week, in full or short.
#[must_use]
pub fn weekday(day: &Day, short: bool) -> String {
    thread_local! {
        static LONG: OnceCell<Function> = const { OnceCell::new() };
        static SHORT: OnceCell<Function> = const { OnceCell::new() };
    }
    if short {
        format(&SHORT, &[("weekday", "short")], &noon(day))
    } else {
        format(&LONG, &[("weekday", "long")], &noon(day))
    }
}

/// The month's name and the year's number.
#[must_use]
pub fn month_and_year(day: &Day) -> (String, String) {
    thread_local!(static MONTH: OnceCell<Function> = const { OnceCell::new() });
    let month = format(&MONTH, &[("month", "long")], &noon(day));
    (month, day.as_str()[..4].to_owned())
}

/// The time of day of a moment, here.
#[must_use]
pub fn time_of_day(ms: i64) -> String {
    thread_local!(static TIME: OnceCell<Function> = const { OnceCell::new() });
    format(
        &TIME,
        &[("hour", "2-digit"), ("minute", "2-digit")],
        &date(ms),
    )
}

/// The day and the time of day of a moment, here.
#[must_use]
pub fn moment_in_words(ms: u64) -> String {
    thread_local!(static MOMENT: OnceCell<Function> = const { OnceCell::new() });
    let options = [("dateStyle", "medium"), ("timeStyle", "short")];
    format(&MOMENT, &options, &date(i64::try_from(ms).unwrap_or(0)))
}

/// A moment for programs.
#[must_use]
pub fn time_iso(ms: i64) -> String {
    date(ms).to_iso_string().into()
}

/// Noon, so that no change of clocks makes it another day.
fn noon(day: &Day) -> Date {
    let number = |range: std::ops::Range<usize>| -> i32 {
        day.as_str()
            .get(range)
            .and_then(|text| text.parse().ok())
            .unwrap_or(1)
    };
    let (year, month, date) = (number(0..4), number(5..7), number(8..10));
    Date::new_with_year_month_day_hr(year.unsigned_abs(), month - 1, date, 12)
}

fn date(ms: i64) -> Date {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a moment has fewer than 53 bits"
    )]
    Date::new(&JsValue::from_f64(ms as f64))
}

fn whole(ms: f64) -> i64 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a moment has fewer than 53 bits"
    )]
    let ms = ms as i64;
    ms
}

/// Formats a date, with a formatter that is made once: making one takes longer than using it
/// on a whole page.
fn format(
    made: &'static std::thread::LocalKey<OnceCell<Function>>,
    options: &[(&str, &str)],
    date: &Date,
) -> String {
    let text = made.with(|made| {
        made.get_or_init(|| formatter(options))
            .call1(&JsValue::NULL, date)
    });
    text.ok()
        .and_then(|text| text.as_string())
        .unwrap_or_default()
}

fn formatter(options: &[(&str, &str)]) -> Function {
    let language = window().navigator().language();
    let locale = language
        .filter(|tag| tag.starts_with("en"))
        .unwrap_or_else(|| LOCALE.into());
    let wanted = Object::new();
    for (name, value) in options {
        // Only a frozen object refuses, and this one is not.
        let _ = Reflect::set(&wanted, &(*name).into(), &(*value).into());
    }
    Intl::DateTimeFormat::new(&Array::of1(&locale.into()), &wanted).format()
}
