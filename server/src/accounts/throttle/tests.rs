//! What the buckets are for, by a clock that the tests move.

use super::*;
use std::net::Ipv4Addr;

const ANN: &str = "ann@example.org";

fn v4(last: u8) -> IpAddr {
    Ipv4Addr::new(192, 0, 2, last).into()
}

fn v6(address: &str) -> IpAddr {
    address.parse().expect("an address")
}

/// How long the answer takes to an attempt, or how long there is none.
fn tried(
    throttle: &Throttle,
    email: &str,
    address: IpAddr,
    known: Option<&[u8]>,
    now: Instant,
) -> Result<Duration, AccountError> {
    let tried = throttle.paced(email, address, known, now);
    tried.map(|(_, wait)| wait)
}

fn check_refused<T: std::fmt::Debug>(result: &Result<T, AccountError>, wait_s_max: u64) {
    match result {
        Err(AccountError::TooManyAttempts { retry_after_s }) => {
            assert!((1..=wait_s_max).contains(retry_after_s), "{retry_after_s}");
        }
        other => panic!("not slowed down: {other:?}"),
    }
}

#[test]
fn a_guesser_is_slowed_down_and_others_are_not() {
    let (throttle, now) = (Throttle::default(), Instant::now());
    for _ in 0..ATTEMPTS_BURST {
        assert_eq!(tried(&throttle, ANN, v4(1), None, now), Ok(Duration::ZERO));
    }
    check_refused(&tried(&throttle, "Ann@Example.org", v4(1), None, now), 61);
    assert!(tried(&throttle, ANN, v4(2), None, now).is_ok());
    assert!(tried(&throttle, "bob@example.org", v4(1), None, now).is_ok());
}

#[test]
fn a_guesser_who_goes_on_waits_longer_each_time() {
    let (throttle, mut now) = (Throttle::default(), Instant::now());
    for _ in 1..ATTEMPTS_BURST {
        assert!(tried(&throttle, ANN, v4(1), None, now).is_ok());
    }
    for wait_s in [60, 120, 240, 480, 900, 900] {
        assert!(tried(&throttle, ANN, v4(1), None, now).is_ok());
        now += Duration::from_secs(wait_s - 1);
        check_refused(&tried(&throttle, ANN, v4(1), None, now), 2);
        now += Duration::from_secs(1);
    }
}

#[test]
fn who_was_right_begins_anew() {
    let (throttle, now) = (Throttle::default(), Instant::now());
    for _ in 0..3 * ATTEMPTS_BURST {
        let attempt = throttle.paced(ANN, v4(1), None, now);
        let (attempt, wait) = attempt.expect("an attempt");
        assert_eq!(wait, Duration::ZERO);
        attempt.was_right();
    }
}

#[test]
fn who_tries_many_accounts_is_slowed_down_too() {
    let (throttle, now) = (Throttle::default(), Instant::now());
    for number in 0..ADDRESS_BURST {
        let email = format!("person{number}@example.org");
        assert!(tried(&throttle, &email, v4(1), None, now).is_ok());
    }
    check_refused(&tried(&throttle, ANN, v4(1), None, now), 2);
    assert!(tried(&throttle, ANN, v4(2), None, now).is_ok());
}

#[test]
fn answers_take_longer_with_each_failure_of_strangers_everywhere() {
    let (throttle, now) = (Throttle::default(), Instant::now());
    let from = |number: u32| v4(u8::try_from(number).expect("few"));
    for number in 0..ACCOUNT_BURST {
        assert_eq!(
            tried(&throttle, ANN, from(number), None, now),
            Ok(Duration::ZERO)
        );
    }
    for (number, wait_s) in (100..).zip([2, 4, 8, 16, 32, 50, 50]) {
        let wait = tried(&throttle, ANN, from(number), None, now);
        assert_eq!(wait, Ok(Duration::from_secs(wait_s)));
    }
    let bob = tried(&throttle, "bob@example.org", from(1), None, now);
    assert_eq!(bob, Ok(Duration::ZERO), "nobody else waits");
}

#[test]
fn a_place_at_one_account_is_no_place_at_another() {
    let (throttle, now) = (Throttle::default(), Instant::now());
    for number in 0..ACCOUNT_BURST {
        let from = v4(u8::try_from(number).expect("few"));
        for email in [ANN, "bob@example.org"] {
            assert!(tried(&throttle, email, from, None, now).is_ok());
        }
    }
    let slowed = throttle.paced(ANN, v4(101), None, now).expect("a place");
    let second = tried(&throttle, ANN, v4(102), None, now);
    assert_eq!(second, Err(AccountError::Busy));
    assert!(tried(&throttle, "bob@example.org", v4(102), None, now).is_ok());
    assert!(tried(&throttle, ANN, v4(102), Some(b"her phone"), now).is_ok());
    drop(slowed);
    assert!(tried(&throttle, ANN, v4(102), None, now).is_ok());
}

#[test]
fn a_device_that_is_known_is_counted_by_itself_alone() {
    let (throttle, now) = (Throttle::default(), Instant::now());
    // Strangers behind the same address use up everything that is counted by it.
    for number in 0..2 * ADDRESS_BURST {
        let email = format!("person{number}@example.org");
        for email in [ANN, email.as_str()] {
            drop(throttle.paced(email, v4(1), None, now));
        }
    }
    check_refused(&tried(&throttle, ANN, v4(1), None, now), 61);
    for _ in 0..ATTEMPTS_BURST {
        let known = tried(&throttle, ANN, v4(1), Some(b"her phone"), now);
        assert_eq!(known, Ok(Duration::ZERO));
    }
    check_refused(&tried(&throttle, ANN, v4(1), Some(b"her phone"), now), 61);
    assert!(tried(&throttle, ANN, v4(1), Some(b"her laptop"), now).is_ok());
}

#[test]
fn a_guesser_with_a_household_of_ipv6_addresses_is_one_guesser() {
    let (throttle, now) = (Throttle::default(), Instant::now());
    let attempt = |address: &str| tried(&throttle, ANN, v6(address), None, now);
    for host in 1..=ATTEMPTS_BURST {
        assert!(attempt(&format!("2001:db8:1:2::{host:x}")).is_ok());
    }
    check_refused(&attempt("2001:db8:1:2:ffff::1"), 61);
    assert!(attempt("2001:db8:1:3::1").is_ok());
}

#[test]
fn a_guesser_with_many_ipv6_networks_is_one_guesser_in_the_end() {
    let (throttle, now) = (Throttle::default(), Instant::now());
    for number in 0..ADDRESS_BURST * WIDE {
        let address = v6(&format!("2001:db8:1:{:x}::1", number % 16));
        assert_eq!(throttle.knocked(address, now), Ok(()), "{number}");
    }
    check_refused(&throttle.knocked(v6("2001:db8:1:ffff::1"), now), 2);
    assert_eq!(throttle.knocked(v6("2001:db8:2:1::1"), now), Ok(()));
    let pairs = Throttle::default();
    for number in 0..ATTEMPTS_BURST * WIDE {
        let address = v6(&format!("2001:db8:1:{number:x}::1"));
        let tried = tried(&pairs, ANN, address, None, now);
        assert!(tried.is_ok(), "{number}: {tried:?}");
    }
    let next = tried(&pairs, ANN, v6("2001:db8:1:ffff::1"), None, now);
    check_refused(&next, 61);
}

/// Ten thousand tries in an hour from so many networks; how many are let through.
fn let_through(networks: u32) -> usize {
    const TRIES: u32 = 10_000;
    let (throttle, begun) = (Throttle::default(), Instant::now());
    let hour = Duration::from_secs(3_600);
    let mut under_way: Vec<(Instant, Attempt<'_>)> = Vec::new();
    let mut through = 0;
    for number in 0..TRIES {
        let now = begun + hour * number / TRIES;
        through += under_way
            .extract_if(.., |(done_at, _)| *done_at <= now)
            .count();
        let [.., high, low] = (number % networks).to_be_bytes();
        let address = Ipv4Addr::new(198, 51, high, low).into();
        if let Ok((attempt, wait)) = throttle.paced(ANN, address, None, now) {
            under_way.push((now + wait, attempt));
        }
    }
    through
}

#[test]
fn of_ten_thousand_guesses_in_an_hour_a_hundred_are_let_through_at_most() {
    for networks in [1, 10, 1_000, 10_000] {
        let through = let_through(networks);
        assert!((1..=100).contains(&through), "{networks}: {through}");
    }
}

#[test]
fn one_network_signs_up_ten_people_and_then_one_a_minute() {
    let (throttle, now) = (Throttle::default(), Instant::now());
    let minute = Duration::from_secs(60);
    for from in [v4(1), v6("2001:db8:1:2::1")] {
        for _ in 0..SIGN_UPS_BURST {
            assert_eq!(throttle.signed_up(from, now), Ok(()));
        }
        check_refused(&throttle.signed_up(from, now), 61);
        assert_eq!(throttle.signed_up(from, now + minute), Ok(()));
        check_refused(&throttle.signed_up(from, now + minute), 61);
    }
    assert_eq!(throttle.signed_up(v4(2), now), Ok(()));
    for number in 0..SIGN_UPS_BURST * (WIDE - 1) - 1 {
        let from = v6(&format!("2001:db8:1:{:x}::1", 16 + number));
        assert_eq!(throttle.signed_up(from, now + minute), Ok(()), "{number}");
    }
    for _ in 0..WIDE {
        // What came back in the minute.
        assert_eq!(
            throttle.signed_up(v6("2001:db8:1:99::1"), now + minute),
            Ok(())
        );
    }
    check_refused(
        &throttle.signed_up(v6("2001:db8:1:98::1"), now + minute),
        61,
    );
    for _ in 0..2 * SIGN_UPS_BURST {
        let here = Ipv4Addr::LOCALHOST.into();
        assert_eq!(throttle.signed_up(here, now), Ok(()));
    }
}
