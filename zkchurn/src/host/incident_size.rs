// SPDX-License-Identifier: MIT
//! How much of an incident fits into what all of them may take. It is known before anything is
//! removed for it: one that alone is too large must not cost the older ones.

use jiff::Timestamp;

use super::{
    blocks::{BLOCK, blocks},
    incident_store::Order,
};

/// What stands in `incident.json` beside the report: sentences and paths.
const AROUND_REPORT: u64 = 256 << 10;
/// What may come late, as of a recorder whose file system was slow, in parts of the whole and at
/// least.
const LATE_PART: u64 = 16;
const LATE: u64 = 64 << 10;
/// How often a shorter part is tried.
const TRIES: u32 = 4;

/// What of an incident is kept, and the room for it.
#[derive(Clone, Debug)]
pub(super) struct Fitting {
    /// The order, with the part that fits.
    pub part: Order,
    /// Bytes of disk that recording and reports take; why that cannot be found out, a clause.
    pub files: Result<u64, String>,
    /// What is to be said of it, a sentence without its full stop.
    pub cut: Option<String>,
}

/// Finds the part of an incident that fits, given what measures the files of a part, in bytes,
/// that of the report as JSON last. What cannot be measured can be given no room.
///
/// # Errors
///
/// Even a short part is too large; a clause.
pub(super) fn fitting(
    order: &Order,
    mut measure: impl FnMut(&Order) -> Result<Vec<u64>, String>,
) -> Result<Fitting, String> {
    let most = order.rules.bytes;
    let mut part = order.clone();
    let mut whole = 0;
    for _ in 0..=TRIES {
        let sizes = match measure(&part) {
            Ok(sizes) => sizes,
            Err(why) => {
                return Ok(Fitting {
                    part,
                    files: Err(why),
                    cut: None,
                });
            }
        };
        let files: u64 = sizes.iter().map(|size| blocks(*size)).sum();
        let files = files + blocks(files / LATE_PART) + LATE;
        let needed = needed(files, sizes.last().copied().unwrap_or_default());
        if whole == 0 {
            whole = needed;
        }
        if needed <= most {
            let cut = (whole > needed).then(|| said(&part, whole));
            return Ok(Fitting {
                part,
                files: Ok(files),
                cut,
            });
        }
        narrow(&mut part, needed.div_ceil(most.max(1)).max(2));
    }
    Err(format!(
        "alone it takes {} MiB, and `incidents-size` is {} MiB",
        whole.div_ceil(1 << 20),
        most >> 20
    ))
}

/// What an incident takes with files of so many bytes of disk and a report of so many bytes, which
/// stands in `incident.json` once more.
fn needed(files: u64, report: u64) -> u64 {
    BLOCK + files + blocks(report + AROUND_REPORT)
}

/// Keeps what is near to its begin: that says why.
fn narrow(part: &mut Order, divisor: u64) {
    let began = part.began;
    let nearer = |at: Timestamp| {
        let from_begin = at.duration_since(began);
        let divisor = i32::try_from(divisor).unwrap_or(i32::MAX);
        began.checked_add(from_begin / divisor).unwrap_or(began)
    };
    (part.since, part.until) = (nearer(part.since), nearer(part.until));
}

fn said(part: &Order, whole: u64) -> String {
    format!(
        "an incident is kept from {:.0} to {:.0} only, the time around its begin: all of it takes \
         {} MiB, and `incidents-size` is {} MiB; what was recorded is in {}",
        part.since,
        part.until,
        whole.div_ceil(1 << 20),
        part.rules.bytes >> 20,
        part.directory.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn order(bytes: u64) -> Order {
        let at = |text: &str| text.parse().unwrap();
        Order {
            began: at("2026-11-28T02:05:00Z"),
            since: at("2026-11-28T02:00:00Z"),
            until: at("2026-11-28T02:07:00Z"),
            ..Order::of_a_test("/kept".as_ref(), bytes)
        }
    }

    /// What takes so many bytes a second.
    fn a_second(bytes: u64) -> impl Fn(&Order) -> Result<Vec<u64>, String> {
        move |part| {
            let seconds = part.until.duration_since(part.since).as_secs();
            Ok(vec![bytes * u64::try_from(seconds).unwrap()])
        }
    }

    #[test]
    fn what_fits_is_kept_as_it_is() {
        let fits = fitting(&order(16 * MIB), a_second(16 << 10)).unwrap();
        assert_eq!(fits.part, order(16 * MIB));
        let bytes = 420 * (16 << 10);
        let files = fits.files.unwrap();
        assert!((bytes..bytes * 9 / 8).contains(&files), "{files}");
        assert_eq!(fits.cut, None);
    }

    #[test]
    fn of_what_alone_is_too_large_the_time_around_its_begin_is_kept() {
        let fits = fitting(&order(16 * MIB), a_second(MIB)).unwrap();
        let Fitting { part, files, cut } = fits;
        assert!(part.since < part.began && part.began < part.until);
        assert!(2 * files.unwrap() + AROUND_REPORT < 16 * MIB);
        let before = part.began.duration_since(part.since);
        let after = part.until.duration_since(part.began);
        assert_eq!(
            before.as_secs() / after.as_secs(),
            5 / 2,
            "in the same proportion"
        );
        let cut = cut.unwrap();
        assert!(
            cut.contains("takes 867 MiB, and `incidents-size` is 16 MiB"),
            "{cut}"
        );
        let why = fitting(&order(16 * MIB), |_| Ok(vec![16 * MIB])).unwrap_err();
        assert_eq!(why, "alone it takes 34 MiB, and `incidents-size` is 16 MiB");
    }

    #[test]
    fn why_it_cannot_be_measured_is_told() {
        let fits = fitting(&order(MIB), |_| Err("no such file".to_owned())).unwrap();
        assert_eq!(
            (fits.files, fits.cut),
            (Err("no such file".to_owned()), None)
        );
    }
}
