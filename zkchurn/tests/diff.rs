// SPDX-License-Identifier: MIT
//! Recordings side by side: with themselves, by halves, and with every other connection gone.
#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its purpose"
)]

mod cut;

use std::{fs, ops::Range, path::Path};

use cut::{VIEW, length, recordings};
use zkchurn_core::{
    diff::{self, Class, Diff, FamilyNumbers, Taken},
    frame::Frame,
    pipeline::Pipeline,
    replay::collector::Collector,
};

/// A part of a recording, as a comparison takes it.
fn taken(bytes: &[u8], part: Range<u64>) -> Taken {
    let collector = Collector::default();
    let mut pipeline = Pipeline::new(collector.clone(), VIEW);
    let end = cut::play(&mut pipeline, bytes, part);
    pipeline.accept(Frame::End(&end)).unwrap();
    collector.take()
}

fn compared(before: &Taken, after: &Taken) -> Diff {
    diff::compare(before, after).unwrap()
}

fn name(path: &Path) -> String {
    path.file_stem().unwrap().display().to_string()
}

#[test]
fn a_recording_beside_itself_has_not_changed() {
    for path in recordings() {
        let bytes = fs::read(&path).unwrap();
        let all = taken(&bytes, 0..length(&bytes));
        let diff = compared(&all, &all);
        assert_eq!(diff.class, Class::Unchanged, "{}: {diff:#?}", name(&path));
        for family in &diff.families {
            assert_eq!(
                family.class,
                Class::Unchanged,
                "{}: {family:?}",
                name(&path)
            );
        }
        assert!(diff.findings.is_empty(), "{}", name(&path));
    }
}

/// Connections that one trace holds from before it began, at a port that the other did not
/// trace.
#[test]
fn what_the_other_trace_could_not_see_has_not_stayed_as_it_was() {
    let of = |name: &str| {
        let bytes = fs::read(format!("tests/recordings/kinds/{name}.zkchurn")).unwrap();
        taken(&bytes, 0..length(&bytes))
    };
    let (elsewhere, healthy) = (of("incident"), of("healthy"));
    for (diff, why) in [
        (compared(&elsewhere, &healthy), "BEFORE did not trace port "),
        (compared(&healthy, &elsewhere), "AFTER did not trace port "),
    ] {
        let held = diff.families.iter().filter(|family| {
            let numbers = family.before.iter().chain(&family.after);
            numbers.fold(0, |sum, numbers| sum + numbers.opened) == 0
        });
        let held: Vec<_> = held.collect();
        assert!(!held.is_empty());
        for family in held {
            assert_eq!(family.class, Class::CannotTell, "{family:?}");
            assert!(family.why.starts_with(why), "{family:?}");
        }
    }
}

#[test]
fn the_halves_of_a_recording_are_never_better_nor_worse() {
    let mut unchanged = 0;
    for path in recordings() {
        let bytes = fs::read(&path).unwrap();
        let length = length(&bytes);
        let first = taken(&bytes, 0..length / 2);
        let second = taken(&bytes, length / 2..length);
        for diff in [compared(&first, &second), compared(&second, &first)] {
            let classes = [Class::Unchanged, Class::CannotTell];
            let name = name(&path);
            // Of connections that stay open a cut recording does not tell.
            let ends = |numbers: &Option<FamilyNumbers>| {
                numbers.as_ref().is_some_and(|numbers| numbers.ended > 0)
            };
            let mut families = diff.families.iter();
            if families.all(|one| ends(&one.before) || ends(&one.after)) {
                assert!(classes.contains(&diff.class), "{name}: {}", diff.verdict);
            }
            let families = diff.families.iter();
            for family in families.filter(|one| ends(&one.before) || ends(&one.after)) {
                assert!(classes.contains(&family.class), "{name}: {family:?}");
            }
            for finding in &diff.findings {
                assert_eq!(finding.class, Class::CannotTell, "{name}: {finding:?}");
            }
            unchanged += u32::from(diff.class == Class::Unchanged);
        }
    }
    // Half of the recordings are as short as 10 s; of the others it is known.
    assert!(unchanged >= 50, "{unchanged}");
}
