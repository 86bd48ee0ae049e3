//! The nodes at work: what reaches them, what they answer, and the streams they keep.

use crate::device::Device;
use crate::net::Way;
use crate::perform::by_the_machine;
use crate::server::{FRAMES_AHEAD_MAX, PushFault, Stream};
use crate::world::{Job, Upward, World};
use std::collections::VecDeque;
use sync::device::effect::Link;
use sync::device::event::Event;
use sync::device::retry::LinkFailure;
use sync::frame::{DeviceFrame, Hello, Push, ServerError, ServerFrame};
use sync::limits::HEARTBEAT_MS;
use sync::planted;

impl World {
    /// Sends a frame of a device to some node.
    pub fn send_up(&mut self, device: usize, tab: usize, number: u64, frame: DeviceFrame) {
        if self.counts(&self.devices[device]) {
            self.checks.said(self.now_ms, device, &frame);
        }
        self.tell_story(|_| format!("device {device}.{tab} ⇒ {}", in_short(&frame)));
        let frame = if self.history.wire {
            let decoded = DeviceFrame::decode(&frame.encode(), self.devices[device].rules.schema);
            decoded.expect("what is sent can be read")
        } else {
            frame
        };
        let nodes = self.servers.nodes.len() as u64;
        let node = usize::try_from(self.below(nodes)).unwrap_or_default();
        let latency_ms = 5 + self.below(35);
        let fate = self.devices[device]
            .line
            .send(Way::Up, self.now_ms, latency_ms);
        let life = self.devices[device].tabs[tab].life;
        for at_ms in [fate.at_ms, fate.again_at_ms].into_iter().flatten() {
            let upward = Upward {
                node,
                frame: frame.clone(),
                number,
            };
            self.schedule(at_ms, Job::Up(device, tab, life, Box::new(upward)));
        }
    }

    /// Something reaches a tab from a node.
    fn tell(&mut self, device: usize, tab: usize, life: u64, push: u64, event: Event) {
        let latency_ms = 5 + self.below(35);
        let fate = self.devices[device]
            .line
            .send(Way::Down, self.now_ms, latency_ms);
        if let Some(at_ms) = fate.at_ms {
            self.schedule(at_ms, Job::Tell(device, tab, life, push, Box::new(event)));
        }
    }

    /// A frame of a device reaches a node.
    pub fn arrive(&mut self, device: usize, tab: usize, life: u64, upward: Upward) {
        let Upward {
            node,
            frame,
            number,
        } = upward;
        let person = self.devices[device].person;
        let down = self.servers.nodes[node].down_until_ms > self.now_ms;
        let trouble = match (down, self.servers.holds(person, self.now_ms), &frame) {
            (true, ..) => Some(LinkFailure::Unreachable),
            (_, false, _) => Some(LinkFailure::Unauthorized),
            (.., DeviceFrame::Push(push)) => self
                .servers
                .trouble(true)
                .or_else(|| self.servers.is_poisoned(push)),
            (.., DeviceFrame::Hello(_)) => self.servers.trouble(false),
            _ => None,
        };
        match (frame, trouble) {
            (DeviceFrame::Hello(_), Some(failure)) => {
                let event = Event::LinkClosed {
                    link: number,
                    failure,
                };
                self.tell(device, tab, life, 0, event);
            }
            (DeviceFrame::Hello(hello), None) => self.open(device, tab, life, node, number, &hello),
            (DeviceFrame::Push(_), Some(failure)) => {
                self.tell(device, tab, life, number, Event::PushFailed(failure));
            }
            (DeviceFrame::Push(push), None) => {
                self.take_push(device, (tab, life), node, number, &push);
            }
            (DeviceFrame::Verify(_), Some(failure)) => {
                self.tell(device, tab, life, 0, Event::NotVerified(failure));
            }
            (DeviceFrame::Verify(verify), None) => {
                let verified = self.servers.verify(person, &verify);
                self.tell(device, tab, life, 0, Event::Verified(verified));
            }
            (DeviceFrame::Ack(said), None) => {
                let now_ms = self.now_ms;
                self.servers.acknowledge(person, &said, now_ms);
            }
            (DeviceFrame::Bye(_) | DeviceFrame::Heartbeat {} | DeviceFrame::Ack(_), _) => {}
        }
    }

    fn open(
        &mut self,
        device: usize,
        tab: usize,
        life: u64,
        node: usize,
        link: Link,
        hello: &Hello,
    ) {
        let now_ms = self.now_ms;
        let of = &self.devices[device];
        let present = of.tabs[tab].state.as_ref().map(|state| state.link);
        if of.tabs[tab].life != life || present != Some(link) || of.tabs[tab].stream.is_some() {
            // The device has given this link up, or it has it already.
            return;
        }
        let person = of.person;
        let (session, queue) = match self.servers.open(person, hello) {
            Ok(session) => {
                let said = [session.welcome(now_ms), session.heartbeat(now_ms)];
                (Some(session), VecDeque::from(said))
            }
            Err(error) => (None, VecDeque::from([ServerFrame::Error(error)])),
        };
        let number = self.number();
        let stream = Stream {
            node,
            device,
            tab: (tab, life),
            link,
            person,
            session,
            queue,
            ahead: 0,
            last_ms: now_ms,
            dead: false,
        };
        self.servers.streams.insert(number, stream);
        self.devices[device].tabs[tab].stream = Some(number);
        self.tell(device, tab, life, 0, Event::LinkOpened { link });
        let beat_ms = now_ms + HEARTBEAT_MS - 1_000 + self.below(2_000);
        self.schedule(beat_ms, Job::Heartbeat(number));
        self.pump(number);
    }

    fn take_push(
        &mut self,
        device: usize,
        (tab, life): (usize, u64),
        node: usize,
        number: u64,
        push: &Push,
    ) {
        let person = self.devices[device].person;
        let fault = self.servers.nodes[node].next_push.take();
        if fault == Some(PushFault::DiesBefore) {
            return self.node_dies(node, 3_000);
        }
        let result = self.servers.take(person, push, self.now_ms);
        self.check_groups(push, &result);
        self.note(&[self
            .servers
            .ledger
            .log(&crate::server::own(person))
            .map_or(0, |log| log.lsn)]);
        self.poke_all(node, person);
        match fault {
            Some(PushFault::DiesAfter) => self.node_dies(node, 3_000),
            Some(_) => {
                self.servers.failures += 1;
                let failure = LinkFailure::Server {
                    status: 500,
                    code: "internal".to_owned(),
                    retry_after_ms: None,
                };
                self.tell(device, tab, life, number, Event::PushFailed(failure));
            }
            None => self.tell(device, tab, life, number, Event::PushAnswered(result)),
        }
    }

    /// Wakes the streams of a person, on this node at once and on others when they hear of it.
    pub fn poke_all(&mut self, node: usize, person: u8) {
        for other in 0..self.servers.nodes.len() {
            let late = self.servers.nodes[other].late_until_ms > self.now_ms;
            let delay_ms = match (other == node, late) {
                (true, _) => 0,
                (false, false) => 1 + self.below(40),
                // Lost: the next sign of life makes up for it.
                (false, true) if self.below(2) == 0 => continue,
                (false, true) => self.below(9_000),
            };
            self.schedule(self.now_ms + delay_ms, Job::Poke(other, person));
        }
    }

    /// A node looks what is new in a person's scope.
    pub fn poke(&mut self, node: usize, person: u8) {
        let streams = self.servers.streams.iter();
        let poked = streams.filter(|(_, stream)| stream.node == node && stream.person == person);
        let mut poked: Vec<_> = poked.map(|(number, _)| *number).collect();
        planted!(
            OrderIsTheMachines,
            poked.sort_by_key(|number| by_the_machine(*number))
        );
        for number in poked {
            self.look_again(number);
        }
    }

    fn look_again(&mut self, number: u64) {
        let now_ms = self.now_ms;
        let Some(stream) = self.servers.streams.get_mut(&number) else {
            return;
        };
        let person = stream.person;
        if let Some(session) = stream.session.as_mut() {
            session.poke();
        }
        if !self.servers.holds(person, now_ms)
            && let Some(stream) = self.servers.streams.get_mut(&number)
            && stream.session.take().is_some()
        {
            let error = ServerError::new("no_session", "The session has ended.");
            stream.queue.push_back(ServerFrame::Error(error));
        }
        self.pump(number);
    }

    /// A sign of life, and a look whether something is new.
    pub fn heartbeat(&mut self, number: u64) {
        let now_ms = self.now_ms;
        let Some(stream) = self.servers.streams.get_mut(&number) else {
            return;
        };
        if let Some(session) = &stream.session {
            stream.queue.push_back(session.heartbeat(now_ms));
        }
        let next_ms = now_ms + HEARTBEAT_MS - 1_000 + self.below(2_000);
        self.schedule(next_ms, Job::Heartbeat(number));
        planted!(HeartbeatsDoNotLook, return self.pump(number));
        self.look_again(number);
    }

    /// Sends what is to be sent, as far as the reader allows.
    pub fn pump(&mut self, number: u64) {
        loop {
            let Some(stream) = self.servers.streams.get_mut(&number) else {
                return;
            };
            if stream.ahead >= FRAMES_AHEAD_MAX {
                return;
            }
            let Some(frame) = stream.queue.pop_front() else {
                if self.servers.advance(number) {
                    continue;
                }
                return;
            };
            stream.ahead += 1;
            let device = stream.device;
            let mut frame = frame;
            self.misfit(device, &mut frame);
            self.send_down(number, device, frame);
        }
    }

    fn send_down(&mut self, number: u64, device: usize, frame: ServerFrame) {
        let latency_ms = 5 + self.below(35);
        let line = &mut self.devices[device].line;
        let broken = std::mem::take(&mut line.truncate);
        let fate = line.send(Way::Down, self.now_ms, latency_ms);
        if self.counts(&self.devices[device]) {
            self.checks.heard(self.now_ms, device, &frame);
        }
        let Some(stream) = self.servers.streams.get_mut(&number) else {
            return;
        };
        let Some(at_ms) = fate.at_ms else {
            stream.ahead -= 1;
            return;
        };
        let at_ms = at_ms.max(stream.last_ms);
        if !fate.overtaken {
            stream.last_ms = at_ms;
        }
        let frame = match self.history.wire {
            true => ServerFrame::decode(&frame.encode()).expect("what is sent can be read"),
            false => frame,
        };
        if let Some(again_ms) = fate.again_at_ms {
            stream.ahead += 1;
            self.schedule(again_ms, Job::Frame(number, Box::new(frame.clone()), false));
        }
        self.schedule(at_ms, Job::Frame(number, Box::new(frame), broken));
    }

    /// A frame of a stream reaches its tab.
    pub fn frame(&mut self, number: u64, frame: ServerFrame, broken: bool) {
        let Some(stream) = self
            .servers
            .streams
            .get(&number)
            .filter(|stream| !stream.dead)
        else {
            return;
        };
        let (device, (tab, life), link) = (stream.device, stream.tab, stream.link);
        if self.devices[device].tabs[tab].life != life {
            return;
        }
        let still_until_ms = self.devices[device].still_until_ms(tab);
        if still_until_ms > self.now_ms {
            self.schedule(still_until_ms, Job::Frame(number, Box::new(frame), broken));
            return;
        }
        if broken {
            self.servers.streams.remove(&number);
            self.devices[device].tabs[tab].stream = None;
            let failure = LinkFailure::Undecodable {
                message: "it broke off".to_owned(),
            };
            return self.dispatch(device, tab, Event::LinkClosed { link, failure });
        }
        let tab_ = &mut self.devices[device].tabs[tab];
        if tab_.wants.take_if(|wanted| *wanted == link).is_some() {
            self.give(device, tab, number, link, frame);
        } else {
            tab_.frames.push_back((link, frame));
        }
    }

    /// A tab asks for its stream's next frame.
    pub fn read_frame(&mut self, device: usize, tab: usize, link: Link) {
        let tab_ = &mut self.devices[device].tabs[tab];
        tab_.frames.retain(|(of, _)| *of == link);
        let (Some(number), Some((_, frame))) = (tab_.stream, tab_.frames.pop_front()) else {
            tab_.wants = Some(link);
            return;
        };
        let life = tab_.life;
        // Later, so that one step is over before the next begins.
        if let Some(stream) = self.servers.streams.get_mut(&number) {
            stream.ahead = stream.ahead.saturating_sub(1);
        }
        let event = Box::new(Event::FrameArrived { link, frame });
        self.schedule(self.now_ms, Job::Tell(device, tab, life, 0, event));
        self.pump(number);
    }

    fn give(&mut self, device: usize, tab: usize, number: u64, link: Link, frame: ServerFrame) {
        if let Some(stream) = self.servers.streams.get_mut(&number) {
            stream.ahead = stream.ahead.saturating_sub(1);
        }
        self.dispatch(device, tab, Event::FrameArrived { link, frame });
        self.pump(number);
    }

    /// Gives a tab's stream up, on both sides.
    pub fn close_stream(&mut self, device: usize, tab: usize) {
        let tab_ = &mut self.devices[device].tabs[tab];
        tab_.frames.clear();
        tab_.wants = None;
        if let Some(number) = tab_.stream.take() {
            self.servers.streams.remove(&number);
        }
    }

    /// A node dies, and its streams with it.
    pub fn node_dies(&mut self, node: usize, for_ms: u64) {
        self.servers.nodes[node].down_until_ms = self.now_ms + for_ms;
        let streams = self.servers.streams.iter();
        let of_node = streams.filter(|(_, stream)| stream.node == node);
        let dying: Vec<_> = of_node.map(|(number, _)| *number).collect();
        for number in dying {
            let Some(stream) = self.servers.streams.remove(&number) else {
                continue;
            };
            let (tab, life) = stream.tab;
            if self.devices[stream.device].tabs[tab].stream == Some(number) {
                self.devices[stream.device].tabs[tab].stream = None;
            }
            let event = Event::LinkClosed {
                link: stream.link,
                failure: LinkFailure::Ended,
            };
            self.tell(stream.device, tab, life, 0, event);
        }
    }

    /// Streams of a device that stand from now on and carry nothing.
    pub fn half_open(&mut self, device: usize) {
        for stream in self.servers.streams.values_mut() {
            stream.dead |= stream.device == device;
        }
    }

    /// Whether a device may still be in touch at all.
    #[must_use]
    pub fn counts(&self, device: &Device) -> bool {
        !self.servers.erased.contains(&device.person)
    }
}

/// A frame of a device in one line.
fn in_short(frame: &DeviceFrame) -> String {
    let change = |change: &sync::change::Change| {
        format!(
            "\n            {:?} {}/{} {} {:?} clock {:x} base {:?} stamps {:?} group {:?}",
            change.op,
            change.table,
            change.key,
            change.op_id,
            change.fields,
            change.stamp.clock.0,
            change.base,
            change.stamps,
            change.group.map(|group| group.id),
        )
    };
    match frame {
        DeviceFrame::Push(push) => {
            let changes: Vec<_> = push.changes.iter().map(change).collect();
            format!("push{}", changes.concat())
        }
        frame => frame.kind().to_owned(),
    }
}
