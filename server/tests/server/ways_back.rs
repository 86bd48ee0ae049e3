//! Ways back in for who forgot a password: recovery codes, and links by mail.

use crate::postbox::Postbox;
use crate::world::{PASSWORD, Visitor, World};
use server::accounts::forgotten::{ASKED_WAITING_MAX, MAILS_WAITING_MAX, SENDERS};
use server::accounts::mail::MailTls;
use server::accounts::recovery::CODES;
use server::accounts::throttle::MAILS_BURST;
use server::store::users::User;
use std::time::{Duration, Instant};

const NEW: &str = "snow on the slate roof";

pub(crate) fn check(answer: &(u16, String), status: u16, code: &str) {
    let has = answer.1.contains(&format!("\"code\":\"{code}\""));
    assert_eq!((answer.0, has), (status, true), "{}", answer.1);
}

pub(crate) async fn codes(visitor: &Visitor, password: &str) -> Vec<String> {
    let (status, body) = visitor
        .call("make_recovery_codes", &[("password", password)])
        .await;
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).expect("codes")
}

pub(crate) async fn recover(
    visitor: &Visitor,
    email: &str,
    code: &str,
    new: &str,
) -> (u16, String) {
    let pairs = [("email", email), ("code", code), ("new", new)];
    visitor.call("recover", &pairs).await
}

#[tokio::test]
async fn a_recovery_code_sets_a_new_password_once() {
    let world = World::open().await;
    let (ann, account) = world.person("ann").await;
    assert_eq!(ann.call("recovery_codes_left", &[]).await.1, "0");
    let codes = codes(&ann, PASSWORD).await;
    assert_eq!(codes.len(), CODES);
    assert_eq!(ann.call("recovery_codes_left", &[]).await.1, "10");
    let lost = world.visitor();
    let typed = codes[3].replace('-', " ").to_uppercase();
    check(
        &recover(&lost, "ann@example.org", &typed, "short").await,
        422,
        "weak_password",
    );
    let (status, body) = recover(&lost, "ANN@example.org", &typed, NEW).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(lost.who_am_i().await, Some(account.clone()));
    assert_eq!(ann.who_am_i().await, None, "all other sessions have ended");
    assert_eq!(ann.sign_in("ann@example.org", NEW).await.0, 200);
    assert_eq!(ann.call("recovery_codes_left", &[]).await.1, "9");
    let visitor = world.visitor();
    let again = recover(&visitor, "ann@example.org", &codes[3], PASSWORD).await;
    check(&again, 401, "wrong_code");
    assert_eq!(visitor.who_am_i().await, None);
    // A code that was refused for its password is not spent, and any other still works.
    assert_eq!(
        recover(&visitor, "ann@example.org", &codes[0], PASSWORD)
            .await
            .0,
        200
    );
}

#[tokio::test]
async fn new_codes_replace_the_old_ones_and_belong_to_one_person() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    world.person("bob").await;
    let old = codes(&ann, PASSWORD).await;
    let new = codes(&ann, PASSWORD).await;
    let visitor = world.visitor();
    let refused = [
        recover(&visitor, "ann@example.org", &old[0], NEW).await,
        recover(&visitor, "bob@example.org", &new[0], NEW).await,
        recover(&visitor, "eve@example.org", &new[0], NEW).await,
    ];
    for answer in &refused {
        check(answer, 401, "wrong_code");
        assert_eq!(answer, &refused[0], "the same for known and unknown people");
    }
    assert_eq!(
        recover(&visitor, "ann@example.org", &new[0], NEW).await.0,
        200
    );
}

#[tokio::test]
async fn codes_are_made_only_with_the_password_however_fresh_the_session_is() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    for wrong in ["", "guessing at night"] {
        let pairs = [("password", wrong)];
        let refused = ann.call("make_recovery_codes", &pairs).await;
        check(&refused, 401, "wrong_credentials");
    }
    assert_eq!(ann.call("recovery_codes_left", &[]).await.1, "0");
    assert_eq!(codes(&ann, PASSWORD).await.len(), CODES);
}

#[tokio::test]
async fn neither_codes_nor_links_stand_in_the_database() {
    let (world, mut postbox) = with_mail().await;
    let (ann, _) = world.person("ann").await;
    let codes = codes(&ann, PASSWORD).await;
    ann.call("forgot_password", &[("email", "ann@example.org")])
        .await;
    let token = token_in(&postbox.next().await);
    world.server.end().await;
    for bytes in world.home.contents().await {
        let plain = codes[0].replace('-', "");
        for secret in [token.as_bytes(), codes[0].as_bytes(), plain.as_bytes()] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret));
        }
    }
}

/// A server that sends its mail into a postbox.
pub(crate) async fn with_mail() -> (World, Postbox) {
    with_postbox(Postbox::open().await).await
}

async fn with_postbox(postbox: Postbox) -> (World, Postbox) {
    let address = postbox.address;
    let world = World::open_with(|config| {
        config.public_url = Some("https://daybook.example.org/".to_owned());
        config.mail_host = Some(address.ip().to_string());
        config.mail_port = address.port();
        config.mail_tls = MailTls::Off;
        config.mail_from = Some("Daybook <daybook@example.org>".to_owned());
    });
    (world.await, postbox)
}

pub(crate) fn token_in(mail: &str) -> String {
    let link = "https://daybook.example.org/auth/reset#";
    // A long line is folded on its way.
    let mail = mail.replace("=\r\n", "");
    let (_, behind) = mail.split_once(link).expect("a link in the mail");
    behind
        .split_whitespace()
        .next()
        .expect("a token")
        .to_owned()
}

pub(crate) async fn reset(visitor: &Visitor, token: &str, new: &str) -> (u16, String) {
    visitor
        .call("reset_password", &[("token", token), ("new", new)])
        .await
}

#[tokio::test]
async fn a_mailed_link_sets_a_new_password_once() {
    let (world, mut postbox) = with_mail().await;
    let (ann, account) = world.person("ann").await;
    let lost = world.visitor();
    let asked = lost
        .call("forgot_password", &[("email", "ANN@example.org")])
        .await;
    assert_eq!(asked.0, 200, "{}", asked.1);
    let mail = postbox.next().await;
    assert!(
        mail.starts_with("MAIL FROM:<daybook@example.org>"),
        "{mail}"
    );
    assert!(
        mail.contains("RCPT TO:<ann@example.org>"),
        "as its person typed it: {mail}"
    );
    let token = token_in(&mail);
    check(&reset(&lost, &token, "short").await, 422, "weak_password");
    assert_eq!(reset(&lost, &token, NEW).await.0, 200);
    assert_eq!(lost.who_am_i().await, Some(account));
    assert_eq!(ann.who_am_i().await, None, "all other sessions have ended");
    check(&reset(&lost, &token, PASSWORD).await, 422, "link_spent");
    assert_eq!(ann.sign_in("ann@example.org", NEW).await.0, 200);
}

#[tokio::test]
async fn a_link_is_good_for_half_an_hour_and_only_the_newest() {
    let (world, mut postbox) = with_mail().await;
    world.person("ann").await;
    let lost = world.visitor();
    let ask = async || {
        lost.call("forgot_password", &[("email", "ann@example.org")])
            .await
    };
    ask().await;
    let first = token_in(&postbox.next().await);
    ask().await;
    let second = token_in(&postbox.next().await);
    check(&reset(&lost, &first, NEW).await, 422, "link_spent");
    check(&reset(&lost, "nonsense", NEW).await, 422, "link_spent");
    world
        .execute("UPDATE password_links SET expires_at_ms = expires_at_ms - 1800000")
        .await;
    check(&reset(&lost, &second, NEW).await, 422, "link_spent");
    ask().await;
    assert_eq!(
        reset(&lost, &token_in(&postbox.next().await), NEW).await.0,
        200
    );
}

#[tokio::test]
async fn a_changed_password_takes_a_mailed_link_back() {
    let (world, mut postbox) = with_mail().await;
    let (ann, _) = world.person("ann").await;
    ann.call("forgot_password", &[("email", "ann@example.org")])
        .await;
    let token = token_in(&postbox.next().await);
    let pairs = [("present", PASSWORD), ("new", NEW)];
    assert_eq!(ann.call("change_password", &pairs).await.0, 200);
    check(&reset(&ann, &token, PASSWORD).await, 422, "link_spent");
}

#[tokio::test]
async fn a_code_or_a_link_that_is_spent_twice_at_once_works_once() {
    let (world, mut postbox) = with_mail().await;
    let (ann, _) = world.person("ann").await;
    let (one, other) = (world.visitor(), world.visitor());
    let email = "ann@example.org";
    for round in 0..MAILS_BURST {
        let (old, new) = if round % 2 == 0 {
            (PASSWORD, NEW)
        } else {
            (NEW, PASSWORD)
        };
        assert_eq!(ann.sign_in(email, old).await.0, 200);
        let code = codes(&ann, old).await.swap_remove(0);
        let spent = tokio::join!(
            recover(&one, email, &code, new),
            recover(&other, email, &code, new)
        );
        check_once([spent.0, spent.1], 401, "wrong_code");
        assert_eq!(
            ann.call("forgot_password", &[("email", email)]).await.0,
            200
        );
        let token = token_in(&postbox.next().await);
        let spent = tokio::join!(reset(&one, &token, new), reset(&other, &token, new));
        check_once([spent.0, spent.1], 422, "link_spent");
    }
}

fn check_once(mut answers: [(u16, String); 2], status: u16, code: &str) {
    answers.sort();
    assert_eq!(answers[0].0, 200, "{answers:?}");
    check(&answers[1], status, code);
}

#[tokio::test]
async fn who_asks_for_a_link_hears_the_same_whether_there_is_such_a_person() {
    let (world, mut postbox) = with_mail().await;
    world.person("ann").await;
    let visitor = world.visitor();
    // The postbox is held up by nobody's mail, and the answers wait for none.
    let mut answers = Vec::new();
    for email in ["nobody@example.org", "ann@example.org"] {
        let begun = Instant::now();
        let answer = visitor.call("forgot_password", &[("email", email)]).await;
        answers.push(answer);
        assert!(begun.elapsed() < Duration::from_secs(1), "{email}");
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].0, 200);
    let mail = postbox.next().await;
    assert!(mail.contains("RCPT TO:<ann@example.org>"), "{mail}");
    let links: i64 = sqlx::query_scalar("SELECT count(*) FROM password_links")
        .fetch_one(&world.database().await)
        .await
        .expect("a count");
    assert_eq!(links, 1);
}

#[tokio::test]
async fn who_asks_for_a_link_hears_the_same_when_no_mail_can_be_sent() {
    let (world, _postbox) = with_postbox(Postbox::stuck().await).await;
    let (visitor, store) = (world.visitor(), world.store().await);
    let people = ASKED_WAITING_MAX + MAILS_WAITING_MAX + SENDERS + 2;
    for number in 0..people {
        let user = User {
            id: server::clock::new_id().expect("a name"),
            email: format!("person{number}@example.org"),
            password_hash: None,
            generation: User::FIRST_GENERATION,
        };
        assert!(store.add_user(&user, 1).await.expect("a person"));
    }
    for number in 0..people {
        let email = format!("person{number}@example.org");
        let known = visitor.call("forgot_password", &[("email", &email)]).await;
        assert_eq!((known.0, known.1.as_str()), (200, "null"), "{number}");
    }
    let nobody = [("email", "nobody@example.org")];
    let nobody = visitor.call("forgot_password", &nobody).await;
    assert_eq!((nobody.0, nobody.1.as_str()), (200, "null"));
    let metrics = visitor.http.get(world.url("/metrics")).send().await;
    let metrics = metrics.expect("an answer").text().await.expect("metrics");
    let dropped = metrics.lines().find_map(|line| {
        let count = line.strip_prefix("daybook_mails_dropped_total ")?;
        count.parse::<u64>().ok()
    });
    assert!(dropped.is_some_and(|dropped| dropped > 0), "{dropped:?}");
}

#[tokio::test]
async fn nobodys_mailbox_is_filled_by_a_stranger() {
    let (world, mut postbox) = with_mail().await;
    world.person("ann").await;
    world.person("bob").await;
    let stranger = world.visitor();
    for _ in 0..MAILS_BURST + 5 {
        let asked = stranger
            .call("forgot_password", &[("email", "ann@example.org")])
            .await;
        assert_eq!(asked.0, 200, "and is not told");
    }
    stranger
        .call("forgot_password", &[("email", "bob@example.org")])
        .await;
    let mut mails = Vec::new();
    for _ in 0..=MAILS_BURST {
        mails.push(postbox.next().await);
    }
    let to = |name: &str| {
        let line = format!("RCPT TO:<{name}@example.org>");
        mails.iter().filter(|mail| mail.contains(&line)).count()
    };
    assert_eq!((to("ann"), to("bob")), (MAILS_BURST as usize, 1));
    assert!(postbox.is_empty());
}

#[tokio::test]
async fn a_server_without_mail_says_so_to_everybody() {
    let world = World::open().await;
    world.person("ann").await;
    let visitor = world.visitor();
    for email in ["ann@example.org", "nobody@example.org"] {
        let asked = visitor.call("forgot_password", &[("email", email)]).await;
        check(&asked, 501, "mail_off");
    }
    let (_, ways) = visitor.call("ways_in", &[]).await;
    assert!(ways.contains("\"mail\":false"), "{ways}");
    let (mailing, _postbox) = with_mail().await;
    let (_, ways) = mailing.visitor().call("ways_in", &[]).await;
    assert!(ways.contains("\"mail\":true"), "{ways}");
}
