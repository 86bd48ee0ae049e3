//! How many challenges are open: nobody can take anybody else's away.

use crate::passkeys::{Key, answer, begin, passkeys, sign_in, with_key};
use crate::ways_back::check;
use crate::world::World;
use app::account::Challenge;
use server::accounts::throttle::ADDRESS_BURST;
use server::clock::now_ms;
use server::store::dialect::Dialect;
use server::store::passkeys::{CHALLENGES_MAX, STRANGERS_CHALLENGES_MAX};
use sqlx::AssertSqlSafe;

/// As many strangers come to sign in as there is room for.
async fn strangers_come(world: &World) {
    let (numbers, name) = match world.home.dialect() {
        Dialect::Sqlite => (
            "WITH RECURSIVE numbers (i) AS \
             (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < $1)",
            "CAST(printf('%032d', i) AS BLOB)",
        ),
        Dialect::Postgres => (
            "WITH numbers (i) AS (SELECT generate_series(1, $1))",
            "convert_to(lpad(i::text, 32, '0'), 'UTF8')",
        ),
    };
    let come = format!(
        "{numbers} INSERT INTO challenges (id_hash, purpose, user_id, state, made_at_ms) \
         SELECT {name}, 'sign_in', NULL, '{{}}', $2 FROM numbers"
    );
    let come = sqlx::query(AssertSqlSafe(come))
        .bind(STRANGERS_CHALLENGES_MAX)
        .bind(i64::try_from(now_ms()).expect("a time"));
    let database = world.database().await;
    come.execute(&database).await.expect("strangers");
}

#[tokio::test]
async fn strangers_take_no_persons_challenge_away_and_wait_when_there_are_many() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let mut key = with_key(&ann, Key::of(&world)).await;
    let password = [("password", "")];
    let challenge = begin(&ann, "begin_passkey", &password).await;
    let visitor = world.visitor();
    let signing_in = begin(&visitor, "begin_passkey_sign_in", &[]).await;
    strangers_come(&world).await;
    let email = [("email", "eve@example.org")];
    for (function, pairs) in [
        ("begin_passkey_sign_in", [].as_slice()),
        ("begin_passkey_sign_up", email.as_slice()),
    ] {
        check(&visitor.call(function, pairs).await, 503, "busy");
    }
    // What was begun goes on, and who is signed in begins.
    let signed = key.sign(&signing_in.options).await;
    let done = answer(&visitor, "sign_in_with_passkey", &signing_in, &signed).await;
    assert_eq!(done.0, 200, "{}", done.1);
    let made = Key::of(&world).make(&challenge.options).await;
    let added = answer(&ann, "add_passkey", &challenge, &made).await;
    assert_eq!(added.0, 200, "{}", added.1);
    with_key(&ann, Key::of(&world)).await;
    assert_eq!(passkeys(&ann).await.len(), 3);
    world
        .execute("UPDATE challenges SET made_at_ms = made_at_ms - 300000")
        .await;
    assert_eq!(sign_in(&world.visitor(), &mut key).await.0, 200);
}

#[tokio::test]
async fn a_person_has_a_few_challenges_and_their_own_oldest_is_replaced() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let (bob, _) = world.person("bob").await;
    let his = begin(&bob, "begin_passkey", &[("password", "")]).await;
    let mut begun: Vec<Challenge> = Vec::new();
    for _ in 0..=CHALLENGES_MAX {
        begun.push(begin(&ann, "begin_passkey", &[("password", "")]).await);
        // Their age is told in milliseconds.
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    let answered = async |who, challenge: &Challenge| {
        let made = Key::of(&world).make(&challenge.options).await;
        answer(who, "add_passkey", challenge, &made).await
    };
    check(&answered(&ann, &begun[0]).await, 401, "passkey_refused");
    for challenge in &begun[1..] {
        assert_eq!(answered(&ann, challenge).await.0, 200);
    }
    assert_eq!(answered(&bob, &his).await.0, 200);
}

#[tokio::test]
async fn who_has_just_signed_in_is_counted_like_everybody() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let mut statuses = Vec::new();
    for _ in 0..4 * ADDRESS_BURST {
        let (status, _) = ann.call("begin_passkey", &[("password", "")]).await;
        statuses.push(status);
        if status != 200 {
            break;
        }
    }
    assert_eq!(statuses.last(), Some(&429), "after {}", statuses.len());
    assert!(statuses.len() > 100, "{}", statuses.len());
}
