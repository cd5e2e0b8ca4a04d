// SPDX-License-Identifier: MIT
//! The report as data.

use std::{collections::BTreeMap, net::IpAddr};

use serde::Serialize;

use super::{
    begun,
    facts::LogFacts,
    file_note::FileNote,
    finding::{self, Subject},
    kind::Kind,
    line::LEVELS,
    moment::Moment,
    range::{self, Range},
    rate::Row,
    reading::Reading,
    tally::{Address, Counts, LogTally},
    unknown_counts,
};
use crate::{
    diagnose::{Churn, Confidence, Finding},
    text,
};

/// All there is to say.
#[derive(Debug, Serialize)]
pub struct LogReport {
    /// The most important in one sentence.
    pub answer: String,
    /// What the addresses do, worst first.
    pub findings: Vec<Finding>,
    /// Findings that were left out.
    pub findings_left_out: u64,
    /// Counts of all; `None` where this log cannot tell.
    pub total: BTreeMap<&'static str, Option<u64>>,
    /// Why some counts are not known.
    pub unknown_counts: Vec<UnknownCount>,
    /// What limits the counts.
    pub notes: Vec<String>,
    /// Of all connections, ends.
    pub ended: u64,
    /// The busiest minute of all.
    pub busiest_minute: Option<Minute>,
    /// By address, worst first.
    pub addresses: Vec<AddressRow>,
    /// Addresses that were left out.
    pub addresses_left_out: u64,
    /// Counts of addresses that found no place in the table.
    pub other_addresses: BTreeMap<&'static str, u64>,
    /// Counts of lines without an address.
    pub without_address: BTreeMap<&'static str, u64>,
    pub rate: Rate,
    /// The log itself.
    pub log: Log,
}

/// A count that is not known.
#[derive(Debug, Serialize)]
pub struct UnknownCount {
    pub kind: Kind,
    pub why: &'static str,
}

/// A minute and how many connections ended in it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Minute {
    /// Its beginning.
    pub at: Moment,
    pub ended: u64,
}

#[derive(Debug, Serialize)]
pub struct AddressRow {
    pub address: String,
    /// Connections of it that ended.
    pub ended: u64,
    /// Its counts, without zeros.
    pub counts: BTreeMap<&'static str, u64>,
    /// Ends a second between its first and its last end.
    pub per_second: Option<f64>,
    pub busiest_minute: Option<Minute>,
    /// Its first line.
    pub first: Option<Moment>,
    /// Its last line.
    pub last: Option<Moment>,
    /// The four-letter words that it asked.
    pub words: Vec<&'static str>,
    /// The limit that it ran into.
    pub limit: Option<u64>,
    #[serde(skip)]
    failed: u64,
}

/// Connections over time.
#[derive(Debug, Serialize)]
pub struct Rate {
    /// How wide a bucket is.
    pub width_minutes: u64,
    /// Those in which something happened.
    pub buckets: Vec<Row>,
    /// Connections that ended by lines whose time was not understood: they are in no bucket.
    pub ended_without_time: u64,
}

/// What the log is like.
#[derive(Debug, Serialize)]
pub struct Log {
    /// The files in the order of their times.
    pub files: Vec<FileNote>,
    /// Bytes, of gzip files unpacked.
    pub bytes: u64,
    /// All lines: the sum of the next four.
    pub lines: u64,
    /// Lines that begin a record.
    pub records: u64,
    /// Lines that go on with one.
    pub continuations: u64,
    /// Empty lines.
    pub blank: u64,
    /// Lines that are not of a ZooKeeper server's log, or of a layout that is not understood.
    pub foreign: u64,
    /// Whose log it is.
    pub reading: Reading,
    /// Records that a class of ZooKeeper's server wrote.
    pub of_server: u64,
    /// Lines of a ZooKeeper client.
    pub of_client: u64,
    /// Lines whose message is a known one of the server's.
    pub known: u64,
    /// Lines that name a class of the server's and were not understood.
    pub unread: u64,
    /// Lines that syslog or the journal left out, by its own count.
    pub lost: u64,
    /// How often a record is more than a second older than the one before it.
    pub steps_back: u64,
    /// Records whose time is a number, and so of UTC.
    pub in_utc: u64,
    /// Whether no other record has a time.
    #[serde(skip)]
    pub is_in_utc: bool,
    /// Lines that were too long; their beginning was looked at.
    pub cut: u64,
    /// When it begins.
    pub first: Option<Moment>,
    /// When it ends.
    pub last: Option<Moment>,
    /// What of it was counted, where that is not all.
    pub range: Option<Range>,
    /// Records by level.
    pub levels: BTreeMap<&'static str, u64>,
    /// Versions that the servers named when they started.
    pub versions: Vec<String>,
    /// Whether a server said that it uses Netty.
    pub netty: bool,
}

/// Builds it, with the `top` worst addresses.
pub fn build(tally: &LogTally, facts: &LogFacts, files: Vec<FileNote>, top: usize) -> LogReport {
    let total = tally.total();
    let mut addresses: Vec<_> = tally
        .addresses
        .iter()
        .map(|(ip, address)| row(*ip, address))
        .collect();
    addresses.sort_by(|one, other| {
        (other.failed, other.ended)
            .cmp(&(one.failed, one.ended))
            .then_with(|| one.address.cmp(&other.address))
    });
    let mut findings = findings(tally);
    let left_out = |all: usize| all.saturating_sub(top) as u64;
    let (findings_left_out, addresses_left_out) =
        (left_out(findings.len()), left_out(addresses.len()));
    let answer = answer(&findings, &total, facts);
    let mut notes = unknown_counts::notes(facts, &total);
    notes.extend(copies(facts, &files));
    findings.truncate(top);
    addresses.truncate(top);
    LogReport {
        answer,
        findings,
        findings_left_out,
        total: totals(&total, facts),
        unknown_counts: unknown_counts(&total, facts),
        notes,
        ended: total.sum(Kind::is_end),
        busiest_minute: minute(tally.busiest.most()),
        addresses,
        addresses_left_out,
        other_addresses: without_zeros(&tally.others.counts),
        without_address: without_zeros(&tally.without_address.counts),
        rate: Rate {
            width_minutes: tally.histogram.width_minutes(),
            buckets: tally.histogram.rows(),
            ended_without_time: tally.ended_without_time,
        },
        log: log(facts, files),
    }
}

/// Which files hold the same lines: a few of them by name.
fn copies(facts: &LogFacts, files: &[FileNote]) -> Option<String> {
    let named = facts.copies.iter().filter_map(|(one, other)| {
        let names = (&files.get(*one)?.name, &files.get(*other)?.name);
        Some(format!("{} and {}", names.0, names.1))
    });
    let mut named: Vec<_> = named.collect();
    let more = named.len().saturating_sub(COPIES);
    named.truncate(COPIES);
    if more > 0 {
        named.push(format!("{} more", text::counted(more as u64, "pair")));
    }
    (!named.is_empty()).then(|| {
        format!(
            "the same lines are in {} (a copy, or two logs of one server): refusals, sessions and rates \
             count twice in part, so give one of them only",
            named.join(", "),
        )
    })
}

/// Pairs of files that are named.
const COPIES: usize = 3;

fn row(ip: IpAddr, address: &Address) -> AddressRow {
    let ended = address.counts.sum(Kind::is_end);
    let range = address.range_where(Kind::is_end);
    let seconds = range.map_or(0.0, |(first, last)| {
        last.0.saturating_sub(first.0) as f64 / 1000.0
    });
    AddressRow {
        address: ip.to_string(),
        ended,
        counts: without_zeros(&address.counts),
        per_second: (seconds >= 1.0).then(|| ended.saturating_sub(1) as f64 / seconds),
        busiest_minute: minute(address.busiest.most()),
        first: address.first,
        last: address.last,
        words: match address.counts.of(Kind::FourLetterWord) {
            0 => Vec::new(),
            _ => finding::words(address),
        },
        limit: address.limit,
        failed: address.counts.sum(Kind::is_failure),
    }
}

fn minute(most: Option<(Moment, u64)>) -> Option<Minute> {
    most.map(|(at, ended)| Minute { at, ended })
}

fn findings(tally: &LogTally) -> Vec<Finding> {
    let mut findings = finding::find(&Subject {
        address: None,
        details: &tally.without_address,
        broken_with: &tally.broken_with,
    });
    for (ip, address) in &tally.addresses {
        let name = ip.to_string();
        findings.extend(finding::find(&Subject {
            address: Some(&name),
            details: address,
            broken_with: &tally.broken_with,
        }));
    }
    let is_ensemble = |finding: &Finding| finding.name == Churn::EnsembleChurn;
    let is_of_this = |finding: &Finding| finding.who.label == finding::THIS_SERVER;
    // One that names the other server says it all, unless it is only possible.
    let names_other = findings.iter().any(|finding| {
        is_ensemble(finding) && !is_of_this(finding) && finding.confidence > Confidence::Possible
    });
    findings.retain(|finding| !(names_other && is_ensemble(finding) && is_of_this(finding)));
    finding::sort(&mut findings);
    findings
}

fn answer(findings: &[Finding], total: &Counts, facts: &LogFacts) -> String {
    let reading = Reading::of(facts);
    let unread = reading.sentence("This log", facts);
    match (findings.first(), unread) {
        (Some(worst), None) => format!("{} Next: {}.", worst.summary, worst.next.join("; ")),
        (Some(worst), Some(unread)) => format!("{unread} In what was read: {}", worst.summary),
        (None, Some(unread)) => unread,
        (None, None) => range::nothing_in(facts).unwrap_or_else(|| nothing(total, facts)),
    }
}

/// So many connections without a session, or expired sessions, are something, although no address
/// has many of them.
const SCATTERED: u64 = 20;

/// What is not in the log may have happened all the same.
fn nothing(total: &Counts, facts: &LogFacts) -> String {
    let ended = total.sum(Kind::is_end);
    let when = facts.window.words();
    let also = begun::also(|kind| total.of(kind), ended);
    let told = match ended {
        0 => format!("no line of this log{when} is about a connection that ended{also}"),
        _ => format!(
            "{} ended in this log{when}, {} of them without a session{also}",
            text::counted(ended, "connection"),
            text::count(total.sum(Kind::is_failure)),
        ),
    };
    // Of each address too few to be remarkable: pods get another one with each start.
    let scattered =
        total.sum(Kind::is_failure) >= SCATTERED || total.of(Kind::Expired) >= SCATTERED;
    let cannot_tell = |kind| unknown_counts::reason_unknown(kind, facts, total).is_some();
    if facts.not_understood() > 0 {
        format!(
            "No churn found in what was read, but {} of {} name a class of ZooKeeper's server \
             and were not understood: {told}.",
            text::count(facts.not_understood()),
            text::counted(facts.lines, "line"),
        )
    } else if scattered {
        format!(
            "No single address churns, but {told}: possibly one program whose address changes, as \
             that of a pod does with each restart. Next: run `sudo zkchurn --side server` on the \
             server."
        )
    } else if cannot_tell(Kind::Established)
        || cannot_tell(Kind::ClosedWithoutSession)
        || unknown_counts::tells_in_part(facts)
    {
        format!(
            "No churn found: {told}. But this log cannot tell of clients that connect, make a \
             session and close it, however often: run `sudo zkchurn --side server` on the server."
        )
    } else {
        format!("No churn found: {told}.")
    }
}

fn totals(total: &Counts, facts: &LogFacts) -> BTreeMap<&'static str, Option<u64>> {
    let count = |kind: Kind| match unknown_counts::reason_unknown(kind, facts, total) {
        Some(_) => None,
        None => Some(total.of(kind)),
    };
    Kind::ALL
        .into_iter()
        .map(|kind| (kind.name(), count(kind)))
        .collect()
}

fn unknown_counts(total: &Counts, facts: &LogFacts) -> Vec<UnknownCount> {
    let reason = |kind| {
        let why = unknown_counts::reason_unknown(kind, facts, total)?;
        Some(UnknownCount { kind, why })
    };
    Kind::ALL.into_iter().filter_map(reason).collect()
}

fn without_zeros(counts: &Counts) -> BTreeMap<&'static str, u64> {
    let counted = Kind::ALL.into_iter().filter(|kind| counts.of(*kind) > 0);
    counted.map(|kind| (kind.name(), counts.of(kind))).collect()
}

fn log(facts: &LogFacts, files: Vec<FileNote>) -> Log {
    let sum = |of: fn(&FileNote) -> u64| files.iter().map(of).sum();
    let levels = LEVELS
        .into_iter()
        .zip(facts.levels)
        .filter(|(_, count)| *count > 0);
    Log {
        bytes: sum(|file| file.bytes),
        cut: sum(|file| file.cut),
        files,
        lines: facts.lines,
        records: facts.records,
        continuations: facts.continuations,
        blank: facts.blank,
        foreign: facts.foreign,
        reading: Reading::of(facts),
        of_server: facts.of_server,
        of_client: facts.of_client,
        known: facts.known,
        unread: facts.not_understood(),
        lost: facts.lost,
        steps_back: facts.steps_back,
        in_utc: facts.in_utc,
        is_in_utc: facts.is_in_utc(),
        first: facts.first(),
        last: facts.last(),
        range: Range::of(facts),
        levels: levels.map(|((name, _), count)| (name, count)).collect(),
        versions: facts.versions.clone(),
        netty: facts.netty,
    }
}
