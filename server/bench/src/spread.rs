//! Many durations, and how they spread.

use hdrhistogram::Histogram;
use std::time::Duration;

/// The longest that is told apart, in microseconds.
const MICROS_MAX: u64 = 10 * 60 * 1_000_000;

/// Durations, to the microsecond and three digits.
#[derive(Clone, Debug)]
pub(crate) struct Spread(Histogram<u64>);

impl Default for Spread {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, MICROS_MAX, 3);
        Self(histogram.expect("bounds that a histogram can have"))
    }
}

impl Spread {
    pub(crate) fn add(&mut self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(MICROS_MAX);
        self.0.saturating_record(micros);
    }

    pub(crate) fn len(&self) -> u64 {
        self.0.len()
    }

    /// So many milliseconds or fewer in so many of a hundred cases.
    pub(crate) fn ms(&self, percent: f64) -> String {
        let micros = self.0.value_at_percentile(percent);
        ms(Duration::from_micros(micros))
    }

    pub(crate) fn ms_max(&self) -> String {
        ms(Duration::from_micros(self.0.max()))
    }
}

/// Milliseconds with as many digits as tell something.
pub(crate) fn ms(duration: Duration) -> String {
    let ms = duration.as_secs_f64() * 1_000.0;
    if ms < 10.0 {
        format!("{ms:.2}")
    } else {
        format!("{ms:.0}")
    }
}
