//! **Quiet**: when nothing happens, nothing is said but signs of life. Loops that send the same
//! thing to and fro are found here.

use super::Checks;
use crate::world::BEGIN_MS;
use sync::frame::{DeviceFrame, ServerFrame};

impl Checks {
    /// From now on, nothing is to be said.
    pub const fn quiet_since(&mut self, now_ms: u64) {
        self.quiet_since_ms = Some(now_ms);
    }

    /// A device says something.
    pub fn said(&mut self, now_ms: u64, device: usize, frame: &DeviceFrame) {
        if !matches!(frame, DeviceFrame::Ack(_) | DeviceFrame::Heartbeat {}) {
            self.noise(now_ms, device, frame.kind());
        }
    }

    /// A device is told something.
    pub fn heard(&mut self, now_ms: u64, device: usize, frame: &ServerFrame) {
        if !matches!(frame, ServerFrame::Heartbeat(_)) {
            self.noise(now_ms, device, frame.kind());
        }
    }

    fn noise(&mut self, now_ms: u64, device: usize, kind: &str) {
        if let Some(since_ms) = self.quiet_since_ms {
            let what = format!(
                "device {device}: {kind}, {} ms into the quiet",
                now_ms - since_ms
            );
            self.violated("quiet", now_ms - BEGIN_MS, what);
        }
    }
}
