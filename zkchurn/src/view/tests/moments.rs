// SPDX-License-Identifier: MIT
//! What is said at a moment of a recording.

use super::*;

#[test]
fn before_the_first_connection_the_rest_of_the_recording_is_to_come() {
    let recorded = recording("incident.zkchurn");
    let end_ns = recorded.player.mark(0).monotonic_ns;
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let mut recorded = Recorded::open(&root.join("incident.zkchurn"));
    recorded.play(0);
    let start_ns = recorded.start_ns();
    recorded.play(start_ns);
    let mut snapshot = recorded.snapshot(&Want::default(), start_ns);
    let mut position = snapshot.position.unwrap();
    position.until_ns = end_ns;
    snapshot.position = Some(position);
    let mut view = view();
    view.update(snapshot.clone());
    let text = screen(&mut view, 80, 24);
    assert!(
        text.starts_with("No connection yet at this moment of the recording: 23.8 s of it are"),
        "{text}"
    );
    assert!(!text.contains("--port"), "{text}");
    // At its end the question is the right one.
    position.until_ns = position.now_ns;
    snapshot.position = Some(position);
    view.update(snapshot);
    let text = screen(&mut view, 80, 24);
    assert!(text.contains("was opened from this host"), "{text}");
    assert!(text.contains("--port"), "{text}");
}
