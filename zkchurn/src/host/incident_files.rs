// SPDX-License-Identifier: MIT
//! The files of an incident, made by this program once more (`zkchurn report`): the part of the
//! recording, and reports on it.

use std::{
    os::unix::process::CommandExt,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use super::{
    incident_store::{OF_BOOT, Order},
    limited_program::{IsOver, run},
};

/// How long measuring the files may take, which is done again for a shorter part, and how long
/// making them.
const REPORT_WITHIN: Duration = Duration::from_secs(120);
/// How long all of it may take.
pub(super) const FILES_WITHIN: Duration = Duration::from_secs(2 * REPORT_WITHIN.as_secs());

/// Makes the files of incidents.
pub(super) trait Files {
    /// What they would take, in bytes each, the report as JSON last.
    ///
    /// # Errors
    ///
    /// A clause: that cannot be found out.
    fn measure(&self, order: &Order) -> Result<Vec<u64>, String>;

    /// Makes them in a directory, where they take no more than `room` bytes of disk.
    ///
    /// # Errors
    ///
    /// A clause: they, or some of them, cannot be made.
    fn make(&self, order: &Order, to: &Path, room: u64) -> Result<(), String>;
}

/// By a process of its own each time, of one incident.
pub(super) struct ByReport<'a> {
    is_over: IsOver<'a>,
    deadline: Instant,
}

impl<'a> ByReport<'a> {
    /// What makes the files of one incident, from now on.
    pub(super) fn new(is_over: IsOver<'a>) -> Self {
        let deadline = Instant::now() + FILES_WITHIN;
        Self { is_over, deadline }
    }

    fn run(&self, order: &Order, to: &Path, room: u64) -> Result<(), String> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let seconds = FILES_WITHIN.as_secs();
            return Err(format!("measuring it took longer than {seconds} s"));
        }
        let within = REPORT_WITHIN.min(left);
        run(report(order, to, room), &[], within, self.is_over)
    }
}

impl Files for ByReport<'_> {
    fn measure(&self, order: &Order) -> Result<Vec<u64>, String> {
        // In no room at all nothing is made, and what is needed is said.
        match self.run(order, Path::new("/"), 0) {
            Err(why) => sizes(&why).ok_or(why),
            Ok(()) => Err("it did not say how much it would take".to_owned()),
        }
    }

    fn make(&self, order: &Order, to: &Path, room: u64) -> Result<(), String> {
        self.run(order, to, room)
    }
}

fn report(order: &Order, to: &Path, room: u64) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg0("zkchurn").env_clear();
    if let Some(zone) = std::env::var_os("TZ") {
        command.env("TZ", zone);
    }
    command.arg("report").arg(&order.directory);
    command.args(["--room", &room.to_string()]);
    let of_boot = |at| format!("{OF_BOOT}{}", order.monotonic_ns(at));
    command.args(["--since", &of_boot(order.since)]);
    command.args(["--until", &of_boot(order.until)]);
    command.arg("-o").arg(to.join("incident.zkchurn"));
    let endings = order.rules.reports.iter().map(String::as_str);
    for ending in endings.filter(|ending| *ending != "json").chain(["json"]) {
        command.arg("-o").arg(to.join(format!("report.{ending}")));
    }
    command
}

/// The sizes in `N bytes of disk are needed, and 0 may be taken: N N N`.
fn sizes(why: &str) -> Option<Vec<u64>> {
    let (_, sizes) = why.rsplit_once(" may be taken: ")?;
    sizes.split(' ').map(|size| size.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_the_time_is_over_nothing_is_begun() {
        let files = ByReport {
            is_over: &|| false,
            deadline: Instant::now(),
        };
        let order = Order::of_a_test(Path::new("/no/such"), 0);
        for why in [
            files.measure(&order).unwrap_err(),
            files.make(&order, Path::new("/no/such"), 0).unwrap_err(),
        ] {
            assert_eq!(why, "measuring it took longer than 240 s");
        }
    }

    #[test]
    fn sizes_are_read_from_what_is_said() {
        let why =
            "exit code 7: zkchurn: 12288 bytes of disk are needed, and 0 may be taken: 4100 9";
        assert_eq!(sizes(why), Some(vec![4100, 9]));
        assert_eq!(sizes("exit code 3: /kept cannot be read"), None);
        assert_eq!(sizes("0 may be taken: many"), None);
    }
}
