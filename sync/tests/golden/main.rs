//! The wire as it was released: every frame as a file, byte for byte. A file here never changes
//! within a version of the wire; a device of last year sends just that.

mod frames;
#[path = "../journal/mod.rs"]
mod journal;
mod malformed;

use frames::{device_frames, server_frames};
use journal::RULES;
use std::fs;
use std::path::Path;
use sync::frame::{DeviceFrame, ServerFrame};

/// The file's text. A missing or different one is printed as it should be.
fn golden(side: &str, name: &str, encoded: &str) -> bool {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{side}/{name}.json"));
    let same = fs::read_to_string(&path).is_ok_and(|text| text == format!("{encoded}\n"));
    if !same {
        println!("sync/tests/golden/{side}/{name}.json should have\n{encoded}");
    }
    same
}

#[test]
fn every_frame_of_a_device_is_sent_and_read_as_it_was_released() {
    let mut all = true;
    for (name, frame) in device_frames() {
        let encoded = frame.encode();
        assert!(name.starts_with(frame.kind()), "{name}");
        assert_eq!(
            DeviceFrame::decode(&encoded, RULES.schema),
            Ok(frame),
            "{name}"
        );
        all &= golden("device", name, &encoded);
    }
    assert!(all, "the wire has changed");
}

#[test]
fn every_frame_of_a_server_is_sent_and_read_as_it_was_released() {
    let mut all = true;
    for (name, frame) in server_frames() {
        let encoded = frame.encode();
        assert!(name.starts_with(frame.kind()), "{name}");
        assert_eq!(ServerFrame::decode(&encoded), Ok(frame), "{name}");
        all &= golden("server", name, &encoded);
    }
    assert!(all, "the wire has changed");
}

#[test]
fn every_golden_file_is_a_frame_that_is_still_made() {
    for (side, names) in [
        (
            "device",
            device_frames()
                .into_iter()
                .map(|(name, _)| name)
                .collect::<Vec<_>>(),
        ),
        (
            "server",
            server_frames().into_iter().map(|(name, _)| name).collect(),
        ),
    ] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/golden")
            .join(side);
        for file in fs::read_dir(folder).expect("the folder is there").flatten() {
            let path = file.path();
            let name = path
                .file_stem()
                .and_then(|stem| stem.to_str())
                .unwrap_or_default();
            assert!(names.contains(&name), "{side}/{name}.json");
        }
    }
}
