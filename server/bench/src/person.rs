//! People and their devices, by HTTP.

use crate::entries::name;
use crate::line::{Line, text};
use anyhow::{Context, Result, bail, ensure};
use hyper::header::SET_COOKIE;
use serde::Deserialize;
use server::clock::{now_ms, random_below};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use sync::change::Change;
use sync::frame::{DeviceFrame, Hello, Outcome, Push, ServerFrame};
use sync::id::Id;
use sync::scope::Markers;

/// A password that is taken.
const PASSWORD: &str = "rain+on+the+tin+roof";

/// Where people come from: the network 10.0.0.0/8.
const TEN: u32 = 10 << 24;

/// Somebody who is signed in, on one device.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    /// What their browser sends back.
    pub(crate) cookie: String,
    /// The device's name.
    pub(crate) device_id: Id,
}

/// A frame as it travels in the answer to a pull.
#[derive(Deserialize)]
struct Envelope {
    f: ServerFrame,
}

/// What a server says to a push.
#[derive(Debug)]
pub(crate) enum Said {
    /// What became of each change.
    Taken(BTreeMap<Id, Outcome>),
    /// Not now, with this status.
    Refused(u16, String),
}

impl Person {
    /// Makes an account.
    pub(crate) async fn sign_up(address: SocketAddr, who: &str) -> Result<Self> {
        let form = format!("email={who}%40example.org&password={PASSWORD}");
        let kind = "application/x-www-form-urlencoded";
        let elsewhere = Ipv4Addr::from_bits(TEN + u32::try_from(random_below(1 << 24))?);
        let mut line = Line::open_for(address, elsewhere.into()).await?;
        let answer = line.post("/api/account/sign_up", "", kind, form).await?;
        let cookie = answer.headers().get(SET_COOKIE).cloned();
        let (status, said) = (answer.status(), text(answer).await?);
        ensure!(status.is_success(), "no account for {who}: {status} {said}");
        let cookie = cookie.context("an account without a session")?;
        let cookie = cookie.to_str()?.split(';').next().unwrap_or_default();
        Ok(Self {
            cookie: cookie.to_owned(),
            device_id: name()?,
        })
    }

    /// Makes so many accounts.
    pub(crate) async fn crowd(address: SocketAddr, count: usize) -> Result<Vec<Self>> {
        // As many as are hashed and wait at a time, so that nobody is told to come again.
        const TOGETHER: usize = 16;
        let mut people = Vec::new();
        while people.len() < count {
            let some = people.len()..count.min(people.len() + TOGETHER);
            let some = some.map(|number| async move {
                Self::sign_up(address, &format!("person{number}")).await
            });
            let made: Vec<_> = some.map(tokio::spawn).collect();
            for person in made {
                people.push(person.await??);
            }
        }
        Ok(people)
    }

    /// Another device of theirs.
    pub(crate) fn other_device(&self) -> Result<Self> {
        Ok(Self {
            device_id: name()?,
            ..self.clone()
        })
    }

    /// What a device says first.
    pub(crate) fn hello(&self, markers: Markers) -> String {
        let tables = domain::SCHEMA.tables.iter();
        DeviceFrame::Hello(Hello {
            device_id: self.device_id,
            markers,
            tables: tables.map(|table| table.name.to_owned()).collect(),
            schema_version: domain::SCHEMA.version,
            device_time_ms: now_ms(),
        })
        .encode()
    }

    /// A push as it travels.
    pub(crate) fn frame(&self, changes: Vec<Change>) -> String {
        DeviceFrame::Push(Push {
            device_id: self.device_id,
            changes,
            schema_version: domain::SCHEMA.version,
            device_time_ms: now_ms(),
        })
        .encode()
    }

    /// Pushes.
    pub(crate) async fn push(&self, line: &mut Line, changes: Vec<Change>) -> Result<Said> {
        let asked = line.ask("/api/sync/push", &self.cookie, self.frame(changes));
        let (status, said) = asked.await?;
        if status != 200 {
            return Ok(Said::Refused(status, said));
        }
        match ServerFrame::decode(&said)? {
            ServerFrame::PushResult(result) => Ok(Said::Taken(result.outcomes)),
            other => bail!("a push was answered with a {}", other.kind()),
        }
    }

    /// Pushes, and is content only if every change was applied.
    pub(crate) async fn push_all(&self, line: &mut Line, changes: Vec<Change>) -> Result<()> {
        let count = changes.len();
        let Said::Taken(outcomes) = self.push(line, changes).await? else {
            bail!("a push was refused");
        };
        let applied = |outcome: &&Outcome| matches!(outcome, Outcome::Applied { .. });
        let taken = outcomes.values().filter(applied).count();
        ensure!(taken == count, "of {count} changes {taken} were applied");
        Ok(())
    }

    /// Some of the feed: the frames, and how many bytes they were.
    pub(crate) async fn pull(
        &self,
        line: &mut Line,
        markers: Markers,
    ) -> Result<(Vec<ServerFrame>, usize)> {
        let asked = line.ask("/api/sync/pull", &self.cookie, self.hello(markers));
        let (status, said) = asked.await?;
        ensure!(status == 200, "a pull was refused: {status} {said}");
        let frames: Vec<Envelope> = serde_json::from_str(&said)?;
        let frames = frames.into_iter().map(|envelope| envelope.f);
        Ok((frames.collect(), said.len()))
    }
}

/// Moves the markers of a device that has stored this frame.
pub(crate) fn pass(markers: &mut Markers, frame: &ServerFrame) {
    match frame {
        ServerFrame::Delta(delta) => markers.set(&delta.scope, &delta.table, delta.to),
        ServerFrame::Change(change) => {
            let scope = change.scope.as_str();
            let tables = domain::SCHEMA.tables.iter();
            for table in tables.filter(|table| table.lives_in(scope)) {
                markers.set(&change.scope, table.name, change.to);
            }
        }
        _ => {}
    }
}
