//! A device that keeps nothing but what it was told, and holds every frame to what may follow
//! the one before.

use super::session::CatchUp;
use super::{World, ensure};
use crate::change::Change;
use crate::clock::Clock;
use crate::device::effect::Link;
use crate::device::retry::LinkFailure;
use crate::frame::{Hello, Push, PushResult, ScopeChange, ServerFrame};
use crate::id::Id;
use crate::provider::{Reply, Sink, SyncProvider};
use crate::row::Row;
use crate::rules::Rules;
use crate::scope::{Marker, Markers, Scope};
use crate::table::TableSpec;
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::RefCell;

/// The suite under way.
pub(super) struct Suite<'w, W> {
    pub(super) world: &'w mut W,
    pub(super) rules: Rules,
    /// The table that edits are made in.
    pub(super) table: &'static TableSpec,
    /// Makes each value another one.
    pub(super) number: u32,
    /// How many turns there have been.
    turns: u64,
}

/// One device.
pub(super) struct Device {
    pub(super) id: Id,
    pub(super) provider: Box<dyn SyncProvider>,
    pub(super) sink: Sink,
    pub(super) link: Link,
    pub(super) markers: Markers,
    pub(super) clock: Clock,
    /// What it was told, by scope, table and key.
    pub(super) rows: BTreeMap<(Scope, String, Id), Row>,
    inbox: Rc<RefCell<VecDeque<Reply>>>,
    /// A frame was asked for and has not come.
    asked: bool,
}

impl<'w, W: World> Suite<'w, W> {
    pub(super) fn new(world: &'w mut W, rules: Rules, table: &'static TableSpec) -> Self {
        Self {
            world,
            rules,
            table,
            number: 0,
            turns: 0,
        }
    }

    pub(super) async fn turn(&mut self) {
        self.turns += 1;
        self.world.turn().await;
    }

    /// A device that has nothing yet.
    pub(super) fn device(&mut self) -> Device {
        let inbox: Rc<RefCell<VecDeque<Reply>>> = Rc::default();
        let letters = Rc::clone(&inbox);
        Device {
            id: self.world.mint().id(),
            provider: self.world.provider(),
            sink: Sink::new(move |reply| letters.borrow_mut().push_back(reply)),
            link: 0,
            markers: Markers::default(),
            clock: Clock::ZERO,
            rows: BTreeMap::new(),
            inbox,
            asked: false,
        }
    }

    /// A device that has everything, on a stream that stands.
    pub(super) async fn live_device(&mut self) -> Result<Device, String> {
        let mut device = self.device();
        self.catch_up(&mut device).await?;
        Ok(device)
    }

    pub(super) fn hello(&mut self, device: &Device) -> Hello {
        let tables = self.rules.schema.tables.iter();
        Hello {
            device_id: device.id,
            markers: device.markers.clone(),
            tables: tables.map(|table| table.name.to_string()).collect(),
            schema_version: self.rules.schema.version,
            device_time_ms: self.world.mint().now_ms(),
        }
    }

    /// Waits for the reply that `take` knows.
    pub(super) async fn wait<T>(
        &mut self,
        device: &Device,
        what: &str,
        take: impl Fn(&Reply) -> Option<T>,
    ) -> Result<T, String> {
        for _ in 0..self.world.patience_turns() {
            if let Some(taken) = device.take(&take) {
                return Ok(taken);
            }
            self.turn().await;
        }
        let turns = self.world.patience_turns();
        let others = device.inbox.borrow().len();
        Err(format!(
            "no {what} came in {turns} turns; {others} other replies did"
        ))
    }

    /// Opens a stream. The inner error is the code with which the server refused it.
    pub(super) async fn open(
        &mut self,
        device: &mut Device,
        hello: Hello,
    ) -> Result<Result<(), String>, String> {
        device.link += 1;
        device.asked = false;
        let link = device.link;
        device.provider.subscribe(link, hello, device.sink.clone());
        let opened = |reply: &Reply| match reply {
            Reply::Opened(opened) if *opened == link => Some(Ok(())),
            Reply::Closed(closed, failure) if *closed == link => Some(Err(failure.clone())),
            _ => None,
        };
        let opened = self.wait(device, "answer to a hello", opened).await?;
        Ok(opened.map_err(|failure| code(&failure)))
    }

    /// The next frame of the stream. The inner error is why there is none any more.
    pub(super) async fn read(
        &mut self,
        device: &mut Device,
    ) -> Result<Result<ServerFrame, LinkFailure>, String> {
        device.ask();
        let next = self.wait(device, "frame", frame_of(device.link)).await?;
        device.asked = false;
        Ok(next)
    }

    /// The next frame of a stream that must go on.
    pub(super) async fn frame(&mut self, device: &mut Device) -> Result<ServerFrame, String> {
        let next = self.read(device).await?;
        next.map_err(|failure| format!("the stream ended: {}", code(&failure)))
    }

    /// Opens a stream and reads until everything missed is there. Tells what came, in order.
    pub(super) async fn catch_up(&mut self, device: &mut Device) -> Result<CatchUp, String> {
        let hello = self.hello(device);
        let opened = self.open(device, hello).await?;
        opened.map_err(|code| format!("a hello was refused: {code}"))?;
        let mut catch_up = CatchUp::default();
        while !catch_up.is_complete() {
            let frame = self.frame(device).await?;
            catch_up.take(self.rules, device, frame)?;
        }
        Ok(catch_up)
    }

    /// The next change on a live stream, held to where the device stands.
    pub(super) async fn change(&mut self, device: &mut Device) -> Result<ScopeChange, String> {
        let until = self.turns + u64::from(self.world.patience_turns());
        while self.turns < until {
            match self.frame(device).await? {
                ServerFrame::Heartbeat(_) => {}
                ServerFrame::Change(change) => {
                    device.take_change(self.rules, &change)?;
                    return Ok(change);
                }
                frame => return Err(format!("a {} came on a live stream", frame.kind())),
            }
        }
        Err("heartbeats came, and no change".to_string())
    }

    /// Reads until a row of this key comes. Tells the frame that brought it.
    pub(super) async fn hear_of(
        &mut self,
        device: &mut Device,
        key: Id,
    ) -> Result<ScopeChange, String> {
        let until = self.turns + u64::from(self.world.patience_turns());
        while self.turns < until {
            let change = self.change(device).await?;
            if change.rows.iter().any(|row| row.key == key) {
                return Ok(change);
            }
        }
        Err("changes came, and none of them had the row".to_string())
    }

    /// Makes sure that a live stream has nothing to say but that it is alive.
    pub(super) async fn hear_nothing(&mut self, device: &mut Device) -> Result<(), String> {
        for _ in 0..self.world.silence_turns() {
            device.ask();
            self.turn().await;
            if let Some(next) = device.take(frame_of(device.link)) {
                device.asked = false;
                let alive = matches!(next, Ok(ServerFrame::Heartbeat(_)));
                ensure!(alive, "this came where nothing should: {next:?}");
            }
        }
        Ok(())
    }

    /// Sends changes. The inner error is why the push was not taken.
    pub(super) async fn try_push(
        &mut self,
        device: &mut Device,
        changes: Vec<Change>,
        device_time_ms: u64,
    ) -> Result<Result<PushResult, LinkFailure>, String> {
        let push = Push {
            device_id: device.id,
            changes,
            schema_version: self.rules.schema.version,
            device_time_ms,
        };
        device.provider.push(push, device.sink.clone());
        let pushed = |reply: &Reply| match reply {
            Reply::Pushed(pushed) => Some(pushed.clone()),
            _ => None,
        };
        self.wait(device, "answer to a push", pushed).await
    }

    /// Sends changes and holds the answer to them: one outcome each.
    pub(super) async fn push(
        &mut self,
        device: &mut Device,
        changes: Vec<Change>,
    ) -> Result<PushResult, String> {
        let ids: Vec<_> = changes.iter().map(|change| change.op_id).collect();
        let now_ms = self.world.mint().now_ms();
        let pushed = self.try_push(device, changes, now_ms).await?;
        let result = pushed.map_err(|failure| format!("a push failed: {}", code(&failure)))?;
        for id in &ids {
            let answered = result.outcomes.contains_key(id);
            ensure!(answered, "a change of a push got no outcome");
        }
        let others = result.outcomes.len() - ids.len();
        ensure!(
            others == 0,
            "a push got {others} outcomes more than changes"
        );
        Ok(result)
    }
}

impl Device {
    /// Asks for the next frame, unless that was done.
    pub(super) fn ask(&mut self) {
        if !self.asked {
            self.asked = true;
            self.provider.read(self.link);
        }
    }

    /// The first reply that `take` knows.
    pub(super) fn take<T>(&self, take: impl Fn(&Reply) -> Option<T>) -> Option<T> {
        let mut inbox = self.inbox.borrow_mut();
        let place = inbox.iter().position(|reply| take(reply).is_some())?;
        take(&inbox.remove(place)?)
    }

    /// Throws away what has come and was not looked at.
    pub(super) fn forget_replies(&self) {
        self.inbox.borrow_mut().clear();
    }

    /// Where the device stands in a scope as a whole.
    pub(super) fn position(&self, rules: Rules, scope: &Scope) -> Marker {
        let tables = rules.schema.tables.iter();
        let here = tables.filter(|table| table.lives_in(scope.as_str()));
        self.markers.lowest(scope, here.map(|table| table.name))
    }

    /// What it was told of this row of its own journal.
    pub(super) fn row(&self, scope: &str, table: &str, key: Id) -> Option<&Row> {
        self.rows
            .get(&(Scope::named(scope), table.to_string(), key))
    }

    pub(super) fn keep(&mut self, scope: &Scope, rows: &[Row]) {
        for row in rows {
            self.clock = self.clock.observe(row.latest_stamp().clock);
            let name = (scope.clone(), row.table.clone(), row.key);
            self.rows.insert(name, row.clone());
        }
    }

    fn take_change(&mut self, rules: Rules, change: &ScopeChange) -> Result<(), String> {
        let ScopeChange {
            scope,
            from,
            to,
            rows,
        } = change;
        let here = self.position(rules, scope);
        ensure!(
            *from == here,
            "a change of {scope} begins at {} where the device stands at {}",
            from.lsn,
            here.lsn
        );
        in_order(rows, *from, *to)?;
        self.keep(scope, rows);
        for table in rules.schema.tables {
            if table.lives_in(scope.as_str()) {
                self.markers.set(scope, table.name, *to);
            }
        }
        Ok(())
    }
}

/// Rows must come by position, each above `from`, and none above `to`.
pub(super) fn in_order(rows: &[Row], from: Marker, to: Marker) -> Result<(), String> {
    ensure!(
        to.lsn >= from.lsn,
        "a page leads back from {} to {}",
        from.lsn,
        to.lsn
    );
    let mut last = from.lsn;
    for row in rows {
        ensure!(
            last < row.lsn && row.lsn <= to.lsn,
            "a row at {} came after {last} in a page to {}",
            row.lsn,
            to.lsn
        );
        last = row.lsn;
    }
    Ok(())
}

/// The word that programs go by.
pub(super) fn code(failure: &LinkFailure) -> String {
    failure.code().to_string()
}

/// Picks what a stream brought, or how it ended.
fn frame_of(link: Link) -> impl Fn(&Reply) -> Option<Result<ServerFrame, LinkFailure>> {
    move |reply| match reply {
        Reply::Frame(of, frame) if *of == link => Some(Ok(frame.clone())),
        Reply::Closed(of, failure) if *of == link => Some(Err(failure.clone())),
        _ => None,
    }
}
