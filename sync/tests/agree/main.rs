//! Devices and a server in memory, with the real engine on both sides: do they come to agree?
//!
//! - [`basics`]: what is written comes to the other devices, whatever the network does
//! - [`apart`]: edits made apart
//! - [`faults`]: servers that refuse, fail, or send what does not fit
//! - [`rebuild`]: taking everything anew, and healing a server

mod apart;
mod basics;
mod device;
mod faults;
mod rebuild;
mod server;
#[path = "../../src/fixture/store.rs"]
mod store;
#[path = "../../src/fixture/tables.rs"]
mod tables;

use device::Device;
use server::Server;
use std::collections::BTreeMap;
use sync::device::status::{Status, status};

fn two() -> (Server, Device, Device) {
    (Server::new(), Device::new(1), Device::new(2))
}

/// Lets everybody talk until nobody has anything left to say.
fn settle(server: &mut Server, devices: &mut [&mut Device]) {
    for _ in 0..40 {
        wait(server, devices, 1_500);
        for device in devices.iter_mut() {
            device.heartbeat(server);
        }
    }
}

/// Lets time pass for everybody.
fn wait(server: &mut Server, devices: &mut [&mut Device], ms: u64) {
    server.now_ms += ms;
    devices.iter_mut().for_each(|device| device.later(ms));
}

/// Lets everybody talk, and sees that they came to the same.
fn agree(server: &mut Server, devices: &mut [&mut Device]) {
    settle(server, devices);
    for device in devices.iter() {
        assert_eq!(status(device.state()), Status::SyncComplete);
    }
    let everything: Vec<_> = devices.iter().map(|device| device.everything()).collect();
    let theirs = server.log().rows().filter(|row| !row.deleted);
    let theirs = theirs.map(|row| ((row.table.clone(), row.key), row.fields.clone()));
    let theirs: BTreeMap<_, _> = theirs.collect();
    for ours in everything {
        assert_eq!(ours, theirs);
    }
}

/// Everybody has what there is, and then nobody can reach the server.
fn part(server: &mut Server, devices: &mut [&mut Device]) {
    settle(server, devices);
    server.away = true;
    settle(server, devices);
}
