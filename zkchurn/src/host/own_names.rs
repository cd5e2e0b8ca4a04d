// SPDX-License-Identifier: MIT
//! The names that an agent gives in its directory. What has another one is somebody else's:
//! it is neither counted nor removed.

use super::{recording_file::PARTIAL, segment_files::ENDING};

/// The directory of the incidents.
pub(crate) const INCIDENTS: &str = "incidents";
/// How a time is written in a name.
pub(super) const TIME: &str = "%Y%m%dT%H%M%SZ";
/// Characters of a time.
const TIME_LENGTH: usize = 16;
/// Most characters of the id of a run, and of what tells an incident from others.
pub(super) const RUN_LENGTH: usize = 8;
pub(super) const KEY_LENGTH: usize = 60;
/// Files of an incident.
const OF_INCIDENT: [&str; 6] = [
    "incident.json",
    "incident.zkchurn",
    "report.html",
    "report.md",
    "report.txt",
    "report.json",
];

/// `20261127T215155Z-1f0c33a2-000001.zkchurn`
pub(super) fn of_segment(begun: jiff::Timestamp, run: &str, number: u64) -> String {
    let run = run.chars().filter(char::is_ascii_alphanumeric);
    let run: String = run.take(RUN_LENGTH).collect();
    format!("{}-{run}-{number:06}{ENDING}", begun.strftime(TIME))
}

/// When a segment of this name began, nanoseconds since 1970; `None` where it is no name that
/// [`of_segment`] gives, with or without `.partial`.
pub(super) fn segment_begun(name: &str) -> Option<i64> {
    let name = name.strip_suffix(PARTIAL).unwrap_or(name);
    let (begun, rest) = time_of(name.strip_suffix(ENDING)?)?;
    let (run, number) = rest.rsplit_once('-')?;
    let is_run = run.len() <= RUN_LENGTH && run.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_number = number.len() >= 6 && number.bytes().all(|byte| byte.is_ascii_digit());
    (is_run && is_number).then_some(begun)
}

/// `20261127T215155Z-refused-java`
pub(super) fn of_incident(began: jiff::Timestamp, key: &str) -> String {
    let key = key.chars().map(|one| if is_plain(one) { one } else { '_' });
    let key: String = key.take(KEY_LENGTH).collect();
    format!("{}-{key}", began.strftime(TIME))
}

/// The order of names by the time that they begin with, where it is `now_ns`: what is called by
/// a day that has not come was made while the clock was wrong, and goes before what was made
/// since it is right.
pub(super) fn oldest_first(begun_ns: i64, now_ns: i64) -> (bool, i64) {
    const DAY_NS: i64 = 86_400_000_000_000;
    (begun_ns <= now_ns.saturating_add(DAY_NS), begun_ns)
}

/// When an incident of this name began, nanoseconds since 1970; 0 where the name tells none.
pub(super) fn incident_began(name: &str) -> i64 {
    time_of(name).map_or(0, |(begun, _)| begun)
}

/// Whether [`of_incident`] gives such a name, with or without `.partial`.
pub(super) fn is_incident(name: &str) -> bool {
    let name = name.strip_suffix(PARTIAL).unwrap_or(name);
    time_of(name).is_some_and(|(_, key)| key.len() <= KEY_LENGTH && key.chars().all(is_plain))
}

/// Whether a file of this name may be part of an incident.
pub(super) fn is_of_incident(name: &str) -> bool {
    OF_INCIDENT.contains(&name.strip_suffix(PARTIAL).unwrap_or(name))
}

fn is_plain(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-_.".contains(character)
}

/// The time that a name begins with, and what follows the hyphen behind it.
fn time_of(name: &str) -> Option<(i64, &str)> {
    let (time, rest) = name.split_at_checked(TIME_LENGTH)?;
    let date = jiff::civil::DateTime::strptime(TIME, time).ok()?;
    let at = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    // The parser takes fewer digits, too.
    let is_exact = at.strftime(TIME).to_string() == time;
    let ns = i64::try_from(at.as_nanosecond()).ok()?;
    is_exact.then_some((ns, rest.strip_prefix('-')?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_is_known_again_and_nothing_else_is() {
        let at: jiff::Timestamp = "2026-11-27T21:51:55Z".parse().unwrap();
        let begun = Some(i64::try_from(at.as_nanosecond()).unwrap());
        for (run, number) in [("1f0c33a2-77", 1), ("", 0), ("a", 12_345_678)] {
            let name = of_segment(at, run, number);
            assert_eq!(segment_begun(&name), begun, "{name}");
            assert_eq!(segment_begun(&format!("{name}.partial")), begun);
            assert!(!is_incident(&format!("x{name}")));
        }
        for name in [
            "other.zkchurn",
            "copy-20261127T215155Z-1f0c33a2-000001.zkchurn",
            "20261127T215155Z-1f0c33a2-000001 (copy).zkchurn",
            "20261127T215155Z-1f0c33a2-1.zkchurn",
            "20261327T215155Z-1f0c33a2-000001.zkchurn",
            "20261127T215155Z-1f0c33a2-000001.zkchurn.gz",
            "20261127T215155Z-1f0c33a2-000001.zkchurn.partial.partial",
            "20261127T215155Z-of-friday-000001.zkchurn",
            "20261127T215155Z.zkchurn",
            "\u{e9}0261127T215155Z-a-000001.zkchurn",
        ] {
            assert_eq!(segment_begun(name), None, "{name}");
        }
        let name = of_incident(at, "refused-java \u{e9}/..");
        assert_eq!(name, "20261127T215155Z-refused-java___..");
        assert!(is_incident(&name) && is_incident(&format!("{name}.partial")));
        for name in ["home", "20261127", "20261127T215155Z", "2026112T215155Z-x"] {
            assert!(!is_incident(name), "{name}");
        }
        assert!(is_of_incident("report.html.partial") && !is_of_incident("notes.txt"));
    }
}
