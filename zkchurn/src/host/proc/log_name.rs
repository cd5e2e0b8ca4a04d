// SPDX-License-Identifier: MIT
//! Whether a file that a process writes to is a log, by its name.
//!
//! A name such as `log.100000001` is not one: it is a transaction log of
//! ZooKeeper, data that only looks like it. A wrong "yes" costs a search in a
//! file without lines; a wrong "no" hides the line that explains the churn, so
//! what is unknown and appended to is taken.

/// How likely a file is the log that explains churn; the likeliest is least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likelihood {
    /// Standard output, or a name that says so: `catalina.out`, `app.log.1`.
    Named,
    /// A name that has `log` in it somewhere.
    Similar,
    /// Nothing but that it is appended to.
    Appended,
    /// A log of other matters: garbage collection, requests served.
    Secondary,
}

/// Where these are mounted, files are no files.
const PSEUDO: [&str; 4] = ["/proc/", "/sys/", "/dev/", "/memfd:"];

/// Directories of data: PostgreSQL's, HBase's and ZooKeeper's write-ahead logs.
const DATA_DIRECTORIES: [&str; 4] = ["/pg_wal/", "/pg_xlog/", "/WALs/", "/version-2/"];

/// Endings of data files.
const DATA_ENDINGS: [&str; 40] = [
    "index",
    "timeindex",
    "txnindex",
    "snapshot",
    "checkpoint",
    "db",
    "db-wal",
    "db-shm",
    "db-journal",
    "sqlite",
    "sqlite3",
    "mdb",
    "ibd",
    "frm",
    "sst",
    "ldb",
    "wal",
    "aof",
    "rdb",
    "dat",
    "data",
    "bin",
    "idx",
    "txn",
    "jar",
    "war",
    "class",
    "so",
    "hprof",
    "jfr",
    "pid",
    "lock",
    "lck",
    "tmp",
    "gz",
    "zip",
    "zst",
    "journal",
    "cache",
    "pcap",
];

/// Parts of the names of databases' logs, which hold pages and no lines.
const DATA_PARTS: [&str; 6] = [
    "ib_logfile",
    "aria_log",
    "binlog.",
    "-bin.",
    "wiredtigerlog",
    "wiredtigerpreplog",
];

/// Logs that seldom explain a connection.
const SECONDARY_PARTS: [&str; 4] = ["access_log", "access.log", "access-log", "audit"];

/// How likely `path` is a log; `None` when it is data. `is_output` says that it
/// is standard output or error.
pub fn likelihood(path: &str, appends: bool, is_output: bool) -> Option<Likelihood> {
    if PSEUDO.iter().any(|directory| path.starts_with(directory)) {
        return None;
    }
    if is_output {
        return Some(Likelihood::Named);
    }
    let name = path.rsplit('/').next()?.to_ascii_lowercase();
    if is_data(path, &name) {
        return None;
    }
    if is_secondary(&name) {
        Some(Likelihood::Secondary)
    } else if is_named_log(&name) {
        Some(Likelihood::Named)
    } else if name.contains("log") || name.contains("console") {
        Some(Likelihood::Similar)
    } else {
        appends.then_some(Likelihood::Appended)
    }
}

fn is_data(path: &str, name: &str) -> bool {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    DATA_ENDINGS.contains(&ending)
        || DATA_PARTS.iter().any(|part| name.contains(part))
        || DATA_DIRECTORIES.iter().any(|part| path.contains(part))
        || is_numbered(name)
}

/// `log.100000001`, `snapshot.0` (ZooKeeper, Berkeley DB), and
/// `00000000000000000000.log` (Kafka, LevelDB, BookKeeper). A date of eight
/// digits, `log.20240131`, is a log.
fn is_numbered(name: &str) -> bool {
    let Some((stem, ending)) = name.split_once('.') else {
        return false;
    };
    let hexadecimal = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match (stem, ending) {
        ("log" | "snapshot", number) => hexadecimal(number) && !is_date(number),
        (number, "log") => digits(number) && !is_date(number),
        _ => false,
    }
}

fn is_date(digits: &str) -> bool {
    digits.len() == 8 && (digits.starts_with("19") || digits.starts_with("20"))
}

fn is_secondary(name: &str) -> bool {
    let is_gc = name.starts_with("gc.") || name.starts_with("gc-") || name.contains("-gc.");
    is_gc || SECONDARY_PARTS.iter().any(|part| name.contains(part))
}

/// `*.log`, `*.out`, `*.err`, also with a number or a date behind it or, as
/// `catalina.2024-01-31.log`, within.
fn is_named_log(name: &str) -> bool {
    let is_mark = |part: &str| matches!(part, "log" | "out" | "err");
    name.starts_with("catalina.")
        || matches!(name, "stdout" | "stderr" | "messages" | "syslog")
        || name.split(['.', '-']).skip(1).any(is_mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_are_told_from_data() {
        use Likelihood::{Named, Secondary, Similar};
        let cases = [
            ("/opt/tomcat/logs/catalina.out", Some(Named)),
            ("/opt/tomcat/logs/catalina.2024-01-31.log", Some(Named)),
            ("/var/log/app/app.log.1", Some(Named)),
            ("/var/log/app/app.log-20240131", Some(Named)),
            ("/var/log/app/service.err", Some(Named)),
            ("/var/log/messages", Some(Named)),
            ("/var/log/app/LOGFILE", Some(Similar)),
            ("/var/log/app/log.20240131", Some(Similar)),
            ("/var/log/app/gc.log", Some(Secondary)),
            (
                "/opt/tomcat/logs/localhost_access_log.2024-01-31.txt",
                Some(Secondary),
            ),
            ("/srv/report.txt", None),
            ("/var/lib/zookeeper/version-2/log.100000001", None),
            ("/data/log.5af", None),
            ("/data/log.1", None),
            ("/kafka/t-0/00000000000000000000.log", None),
            ("/kafka/t-0/00000000000000000000.index", None),
            ("/rocks/000123.log", None),
            ("/var/lib/mysql/ib_logfile0", None),
            ("/var/lib/mysql/mysql-bin.000012", None),
            ("/app/lib/log4j.jar", None),
            ("/app/blog.db", None),
            ("/dev/null", None),
            ("/memfd:log", None),
            ("/proc/self/oom_score_adj", None),
            ("", None),
        ];
        for (path, expected) in cases {
            assert_eq!(likelihood(path, false, false), expected, "{path}");
        }
    }

    #[test]
    fn what_is_appended_to_or_standard_output_is_taken() {
        let appended = likelihood("/srv/report.txt", true, false);
        assert_eq!(appended, Some(Likelihood::Appended));
        assert_eq!(likelihood("/data/log.1f", true, false), None);
        let output = likelihood("/srv/report.txt", false, true);
        assert_eq!(output, Some(Likelihood::Named));
        assert_eq!(likelihood("/dev/null", false, true), None);
    }
}
