//! Checks of the feed: what a device that missed something is told, and how.

use super::device::{Device, Suite, code};
use super::edits::{applied, rejected};
use super::session::CatchUp;
use super::{Checked, Done, World, ensure};
use crate::change::Change;
use crate::frame::{Acknowledged, Bye, FeedPhase, Hello, ServerFrame};
use crate::limits::CHUNK_ROWS_MAX;
use crate::provider::Reply;
use crate::scope::{LIBRARY, Marker, OWN, Scope};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// How often a pull may have to be asked again.
const PULLS_MAX: usize = 100;

impl<W: World> Suite<'_, W> {
    pub(super) async fn welcomed(&mut self) -> Checked {
        let mut device = self.device();
        let catch_up = self.catch_up(&mut device).await?;
        let phase = catch_up.phase();
        let own = Scope::named(OWN);
        ensure!(
            phase == Some(FeedPhase::Initial),
            "a new device was promised {phase:?}"
        );
        ensure!(
            catch_up.ceilings().contains_key(&own),
            "the welcome does not say where own ends"
        );
        Ok(Done::Passed)
    }

    pub(super) async fn empty_tables(&mut self) -> Checked {
        let mut device = self.device();
        let catch_up = self.catch_up(&mut device).await?;
        let had_rows = |scope: &Scope, table: &str| {
            catch_up
                .rows
                .iter()
                .any(|(s, row)| s == scope && row.table == table)
        };
        let mut empty = catch_up
            .done
            .iter()
            .filter(|(scope, table)| !had_rows(scope, table));
        if empty.next().is_none() {
            return Ok(Done::PassedOver("no table is empty"));
        }
        Ok(Done::Passed)
    }

    pub(super) async fn read_by_read(&mut self) -> Checked {
        let mut device = self.device();
        let hello = self.hello(&device);
        self.open(&mut device, hello).await??;
        for _ in 0..self.world.silence_turns() {
            self.turn().await;
            let unasked = device.take(a_frame);
            ensure!(unasked.is_none(), "this came unasked: {unasked:?}");
        }
        self.frame(&mut device).await?;
        Ok(Done::Passed)
    }

    pub(super) async fn chunked(&mut self) -> Checked {
        let mut writer = self.device();
        let mut rows = 0;
        while rows <= CHUNK_ROWS_MAX {
            let inserts: Vec<_> = (0..50).map(|_| self.insert(&mut writer)).collect();
            rows += inserts.len();
            self.push(&mut writer, inserts).await?;
        }
        let mut device = self.device();
        let catch_up = self.catch_up(&mut device).await?;
        let name = self.table.name;
        let chunks = catch_up.chunks.iter().filter(|(_, table, _)| table == name);
        ensure!(
            chunks.count() > 1,
            "{rows} rows of {name} came in one chunk"
        );
        let came = catch_up
            .rows
            .iter()
            .filter(|(_, row)| row.table == name)
            .count();
        ensure!(
            came >= rows,
            "{came} rows of {name} came, of at least {rows}"
        );
        Ok(Done::Passed)
    }

    pub(super) async fn parents_first(&mut self) -> Checked {
        let mut device = self.device();
        let catch_up = self.catch_up(&mut device).await?;
        let tables = self.rules.schema.tables;
        let place = |name: &str| tables.iter().position(|table| table.name == name);
        let places: Vec<_> = catch_up
            .chunks
            .iter()
            .map(|(_, table, _)| place(table))
            .collect();
        ensure!(
            places.is_sorted(),
            "the tables came in the order {places:?}"
        );
        Ok(Done::Passed)
    }

    pub(super) async fn head_first(&mut self) -> Checked {
        if self.table.day().is_none() {
            return Ok(Done::PassedOver("the table has no day"));
        }
        let mut device = self.device();
        let catch_up = self.catch_up(&mut device).await?;
        let name = self.table.name;
        let Some(head) = catch_up.heads.iter().find(|head| head.table == name) else {
            return Err(format!("no head of {name} came to a new device"));
        };
        // That heads move no marker has been seen: the first chunk still began at the start.
        let all = |row: &crate::row::Row| catch_up.rows.iter().any(|(_, other)| other == row);
        ensure!(
            head.rows.iter().all(all),
            "the head has rows that did not come again"
        );
        let mut again = self.device();
        again.markers = device.markers.clone();
        let catch_up = self.catch_up(&mut again).await?;
        ensure!(
            catch_up.heads.is_empty(),
            "a device that has everything was sent a head"
        );
        Ok(Done::Passed)
    }

    pub(super) async fn complete_once(&mut self) -> Checked {
        let mut device = self.live_device().await?;
        self.hear_nothing(&mut device).await?;
        let mut writer = self.device();
        self.row_of_both(&mut writer, &mut device).await?;
        self.hear_nothing(&mut device).await?;
        Ok(Done::Passed)
    }

    pub(super) async fn resumed(&mut self) -> Checked {
        let mut device = self.live_device().await?;
        device.provider.unsubscribe(device.link);
        let mut writer = self.device();
        let insert = self.insert(&mut writer);
        let result = self.push(&mut writer, [insert.clone()].into()).await?;
        let lsn = applied(&result, &insert)?;
        let catch_up = self.catch_up(&mut device).await?;
        let phase = catch_up.phase();
        ensure!(
            phase == Some(FeedPhase::Catchup),
            "a device behind was promised {phase:?}"
        );
        let keys: Vec<_> = catch_up
            .rows
            .iter()
            .map(|(_, row)| (row.key, row.lsn))
            .collect();
        ensure!(
            keys == [(insert.key, lsn)],
            "{} rows came to a device that missed one",
            keys.len()
        );
        let catch_up = self.catch_up(&mut device).await?;
        let (phase, rows) = (catch_up.phase(), catch_up.rows.len());
        ensure!(
            phase == Some(FeedPhase::Live) && rows == 0,
            "a device that has everything was promised {phase:?} and sent {rows} rows"
        );
        Ok(Done::Passed)
    }

    pub(super) async fn deletion(&mut self) -> Checked {
        let mut device = self.live_device().await?;
        let mut writer = self.device();
        let row = self.row_of_both(&mut writer, &mut device).await?;
        let delete = self.delete(&mut writer, &row);
        let result = self.push(&mut writer, [delete.clone()].into()).await?;
        applied(&result, &delete)?;
        self.hear_of(&mut device, row.key).await?;
        let mut late = self.live_device().await?;
        late.provider.unsubscribe(late.link);
        for device in [&device, &late] {
            let told = device.row(OWN, self.table.name, row.key);
            let gone = told.is_some_and(|row| row.deleted && row.fields.is_empty());
            ensure!(gone, "a deleted row arrived as {told:?}");
        }
        Ok(Done::Passed)
    }

    pub(super) async fn pulled(&mut self) -> Checked {
        let streamed = self.live_device().await?;
        let mut device = self.device();
        for _ in 0..PULLS_MAX {
            let hello = self.hello(&device);
            device.provider.pull(hello, device.sink.clone());
            let pulled = |reply: &Reply| match reply {
                Reply::Pulled(pulled) => Some(pulled.clone()),
                _ => None,
            };
            let pulled = self.wait(&device, "answer to a pull", pulled).await?;
            let frames = pulled.map_err(|failure| format!("a pull failed: {}", code(&failure)))?;
            let mut catch_up = CatchUp::default();
            for frame in frames {
                catch_up.take(self.rules, &mut device, frame)?;
            }
            if catch_up.is_complete() {
                let (pulled, rows) = (device.rows.len(), streamed.rows.len());
                let same = device.rows == streamed.rows;
                ensure!(
                    same,
                    "{pulled} rows were pulled where the stream had {rows}"
                );
                return Ok(Done::Passed);
            }
        }
        Err(format!("{PULLS_MAX} pulls did not bring everything"))
    }

    pub(super) async fn beyond_the_end(&mut self) -> Checked {
        let device = self.live_device().await?;
        let end = device.position(self.rules, &Scope::named(OWN));
        let beyond = Marker {
            lsn: end.lsn + 1_000,
            op_id: end.op_id,
        };
        self.expect_refusal(
            |hello, table| {
                hello.markers.set(&Scope::named(OWN), table, beyond);
            },
            "epoch_changed",
        )
        .await
    }

    pub(super) async fn another_change(&mut self) -> Checked {
        let device = self.live_device().await?;
        let end = device.position(self.rules, &Scope::named(OWN));
        let another = Marker {
            op_id: self.world.mint().id(),
            ..end
        };
        self.expect_refusal(
            |hello, table| {
                hello.markers.set(&Scope::named(OWN), table, another);
            },
            "epoch_changed",
        )
        .await
    }

    pub(super) async fn unknown_table(&mut self) -> Checked {
        self.expect_refusal(
            |hello, _| hello.tables.push("no_such_table".to_string()),
            "unknown_table",
        )
        .await
    }

    pub(super) async fn unspoken_version(&mut self) -> Checked {
        self.expect_refusal(|hello, _| hello.schema_version += 1_000, "update_required")
            .await
    }

    /// Says hello with something wrong in it, and expects to be told so: at once, or as the
    /// stream's one frame.
    async fn expect_refusal(
        &mut self,
        spoil: impl FnOnce(&mut Hello, &str),
        expected: &str,
    ) -> Checked {
        let mut device = self.device();
        let mut hello = self.hello(&device);
        spoil(&mut hello, self.table.name);
        let said = match self.open(&mut device, hello).await? {
            Err(code) => code,
            Ok(()) => match self.read(&mut device).await? {
                Err(failure) => code(&failure),
                Ok(ServerFrame::Error(error)) => error.code,
                Ok(frame) => return Err(format!("it was answered with a {}", frame.kind())),
            },
        };
        ensure!(said == expected, "it was refused as {said}");
        Ok(Done::Passed)
    }

    pub(super) async fn library(&mut self) -> Checked {
        let tables = self.rules.schema.tables;
        let Some(table) = tables.iter().find(|table| table.lives_in(LIBRARY)) else {
            return Ok(Done::PassedOver("no table lives in the library"));
        };
        let mut device = self.device();
        let catch_up = self.catch_up(&mut device).await?;
        let read = catch_up
            .done
            .contains(&(Scope::named(LIBRARY), table.name.to_string()));
        ensure!(read, "{} was not sent", table.name);
        let mut not_ours = tables
            .iter()
            .filter(|table| table.server_only || !table.lives_in(OWN));
        if let Some(table) = not_ours.next() {
            let insert = Change {
                table: table.name.to_string(),
                fields: self.row_of(table),
                ..self.insert(&mut device)
            };
            let result = self.push(&mut device, [insert.clone()].into()).await?;
            let code = rejected(&result, &insert)?;
            ensure!(
                code == "not_writable",
                "a write to {} was refused as {code}",
                table.name
            );
        }
        Ok(Done::Passed)
    }

    pub(super) async fn heartbeat(&mut self) -> Checked {
        let Some(turns) = self.world.heartbeat_turns() else {
            return Ok(Done::PassedOver("this world cannot wait"));
        };
        let mut device = self.live_device().await?;
        let mut waited = 0;
        loop {
            device.ask();
            self.turn().await;
            waited += 1;
            ensure!(waited <= turns, "no heartbeat came in {turns} turns");
            let frame = device.take(|reply| match reply {
                Reply::Frame(_, ServerFrame::Heartbeat(heartbeat)) => Some(heartbeat.clone()),
                _ => None,
            });
            let Some(heartbeat) = frame else { continue };
            let own = Scope::named(OWN);
            let (said, here) = (
                heartbeat.positions.get(&own),
                device.position(self.rules, &own),
            );
            ensure!(
                said == Some(&here),
                "a heartbeat says {said:?} to a device at {}",
                here.lsn
            );
            return Ok(Done::Passed);
        }
    }

    pub(super) async fn given_up(&mut self) -> Checked {
        let mut device = self.live_device().await?;
        device.ask();
        device.provider.unsubscribe(device.link);
        // What was under way may still come.
        for _ in 0..self.world.silence_turns() {
            self.turn().await;
        }
        device.forget_replies();
        let mut writer = self.device();
        let insert = self.insert(&mut writer);
        self.push(&mut writer, [insert].into()).await?;
        for _ in 0..self.world.silence_turns() {
            self.turn().await;
            let still = device.take(a_frame);
            ensure!(still.is_none(), "this still came: {still:?}");
        }
        Ok(Done::Passed)
    }

    pub(super) async fn left(&mut self) -> Checked {
        let mut device = self.live_device().await?;
        let mut other = self.live_device().await?;
        let own = Scope::named(OWN);
        device.provider.update_cursor(Acknowledged {
            device_id: device.id,
            positions: [(own.clone(), device.position(self.rules, &own))].into(),
        });
        device.provider.bye(Bye {
            device_id: device.id,
            reason: "the suite leaves".to_string(),
        });
        for _ in 0..self.world.silence_turns() {
            self.turn().await;
        }
        device.forget_replies();
        let mut writer: Device = self.device();
        let row = self.row_of_both(&mut writer, &mut other).await?;
        self.catch_up(&mut device).await?;
        let told = device.row(OWN, self.table.name, row.key).is_some();
        ensure!(told, "a device that came back was not told what it missed");
        Ok(Done::Passed)
    }

    pub(super) async fn live(&mut self) -> Checked {
        let mut device = self.live_device().await?;
        let mut writer = self.device();
        let insert = self.insert(&mut writer);
        let result = self.push(&mut writer, [insert.clone()].into()).await?;
        let lsn = applied(&result, &insert)?;
        self.hear_of(&mut device, insert.key).await?;
        let Some(row) = device.row(OWN, self.table.name, insert.key) else {
            return Err("the row arrived in another table".to_string());
        };
        ensure!(
            row.lsn == lsn,
            "it arrived at {} and was applied at {lsn}",
            row.lsn
        );
        ensure!(
            row.fields == insert.fields,
            "it arrived as {:?}",
            row.fields
        );
        ensure!(
            row.op_id == insert.op_id,
            "it arrived under another change's name"
        );
        let stamped = row.stamps.values().all(|stamp| *stamp == insert.stamp);
        ensure!(stamped, "it arrived with the stamps {:?}", row.stamps);
        // And another one, from where the first one led.
        self.row_of_both(&mut writer, &mut device).await?;
        Ok(Done::Passed)
    }

    pub(super) async fn echoed(&mut self) -> Checked {
        let mut device = self.live_device().await?;
        let insert = self.insert(&mut device);
        self.push(&mut device, [insert.clone()].into()).await?;
        self.hear_of(&mut device, insert.key).await?;
        Ok(Done::Passed)
    }
}

fn a_frame(reply: &Reply) -> Option<String> {
    match reply {
        Reply::Frame(_, frame) => Some(frame.kind().to_string()),
        _ => None,
    }
}
