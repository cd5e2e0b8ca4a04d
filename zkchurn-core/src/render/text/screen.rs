// SPDX-License-Identifier: MIT
//! The first screen: the answer in at most 23 lines, so that it stands on a terminal of
//! 24 lines when the prompt is back.
//!
//! The worst finding whole, a line for each further one, and of losses and limitations
//! what bears on them. All else is below `--details`.

use std::{
    io::{self, Write},
    iter,
};

use super::{Page, cell::clip, style::Style, wrap::wrapped};
use crate::{
    diagnose::{Confidence, Finding},
    render::words::{
        filtered,
        finding::{
            about, about_at_same_place, about_in_short, also, also_name, places, runs_in, title,
        },
        loss, scope, time_wait,
    },
    report::{Report, in_no_row},
    text::{self, printable},
};

/// Lines of a terminal of 24, less the prompt's.
const LINES: usize = 23;
/// Narrower than this nothing can be read.
const NARROWEST: u16 = 40;
/// Longer lines are hard to read.
const READABLE: u16 = 100;
/// Bytes of a sentence that are shown: it may quote a line of a log.
const SENTENCE: usize = 400;
/// Lines at most, the first of these with which all of it fits.
const FULLNESS: [Fullness; 5] = [
    Fullness::of(4, 5, 2),
    Fullness::of(3, 5, 2),
    Fullness::of(3, 4, 1),
    Fullness::of(2, 3, 1),
    Fullness::of(1, 1, 1),
];
/// Alternatives of a finding that have a line each.
const ALTERNATIVES: usize = 2;
/// Lines that the description of the trace has at most: it may name many ports. And lines of what
/// it leaves out: what the filter does, and who is missing.
const TRACED: usize = 2;
const LEFT_OUT: usize = 2;
/// Limitations that are shown where nothing was found.
const LIMITATIONS: usize = 2;
/// Further findings that have room, where there is some.
const FURTHER: usize = 5;

/// Lines at most.
#[derive(Clone, Copy)]
struct Fullness {
    section: usize,
    /// A quoted line convinces only if it is not cut.
    proof: usize,
    further: usize,
}

/// What is said behind one name, and how many lines of that are shown at most.
struct Part {
    lines: Vec<String>,
    most: usize,
}

impl Part {
    fn shown(&self) -> usize {
        self.lines.len().min(self.most)
    }
}

impl Fullness {
    const fn of(section: usize, proof: usize, further: usize) -> Self {
        Self {
            section,
            proof,
            further,
        }
    }
}

pub(super) fn write(to: &mut impl Write, report: &Report, page: &Page) -> io::Result<()> {
    let style = &page.style;
    let columns = page.columns.clamp(NARROWEST, READABLE);
    let Some((first, further)) = report.findings.split_first() else {
        return without_finding(to, report, style, columns);
    };
    let heading = wrapped("", &title(first.title, first.confidence), columns);
    let foot = foot(report, columns);
    let room = LINES.saturating_sub(heading.len() + foot.len());
    let mut lines = Vec::new();
    for fullness in FULLNESS {
        let mut parts = finding(report, first, fullness, columns);
        parts.extend(further_parts(first, further, fullness.further, columns));
        lines = shown(parts, columns);
        if lines.len() <= room {
            break;
        }
    }
    for heading in &heading {
        writeln!(to, "{}", style.finding(first, heading))?;
    }
    write_lines(to, &lines)?;
    write_lines(to, &foot)
}

/// The worst finding in at most `room` lines, its title first; without one the answer.
pub(super) fn in_short(report: &Report, columns: u16, room: usize) -> Vec<String> {
    let columns = columns.max(NARROWEST);
    let Some((first, further)) = report.findings.split_first() else {
        return at_most(room, wrapped("", &report.answer, columns), columns);
    };
    let heading = Part {
        lines: wrapped("", &title(first.title, first.confidence), columns),
        most: 1,
    };
    let mut parts = vec![heading];
    for fullness in FULLNESS {
        parts.truncate(1);
        parts.extend(finding(report, first, fullness, columns));
        parts.extend(further_parts(first, further, fullness.further, columns));
        if rows(&parts) <= room {
            break;
        }
    }
    if rows(&parts) > room {
        parts.truncate(1);
        parts.extend(shortest(report, first, columns));
    }
    fill(&mut parts, room);
    at_most(room, shown(parts, columns), columns)
}

/// Rows that they take.
fn rows(parts: &[Part]) -> usize {
    parts.iter().map(Part::shown).sum()
}

/// Gives rows that are left to what is cut, a row each in turn; the title stays one line.
fn fill(parts: &mut [Part], room: usize) {
    let mut left = room.saturating_sub(rows(parts));
    while left > 0 {
        let before = left;
        let cut = parts.iter_mut().skip(1);
        for part in cut.filter(|part| part.lines.len() > part.most).take(left) {
            part.most += 1;
            left -= 1;
        }
        if left == before {
            return;
        }
    }
}

fn shown(parts: Vec<Part>, columns: u16) -> Vec<String> {
    let lines = parts.into_iter();
    lines
        .flat_map(|part| at_most(part.most, part.lines, columns))
        .collect()
}

/// Who, the first proof and the first thing to do, a line each.
fn shortest(report: &Report, first: &Finding, columns: u16) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut add = |name: &str, sentence: &str| parts.extend(section(name, &[sentence], 1, columns));
    add("who", &about(first, "->"));
    add("what", &first.summary);
    let proof = first.reasons_for.first();
    add("proof", proof.unwrap_or(&seen(first)));
    if let Some(next) = first.next.first() {
        add("do", next);
    }
    if let more @ 1.. = report.findings.len() - 1 {
        parts.push(one_line(format!(
            "  also   {}",
            text::counted(more as u64, "more finding")
        )));
    }
    parts
}

fn one_line(line: String) -> Part {
    Part {
        lines: vec![line],
        most: 1,
    }
}

/// Who, where to, what was seen, the proof, and what to do.
fn finding(report: &Report, finding: &Finding, most: Fullness, columns: u16) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut add = |name: &str, sentences: &[&str]| {
        let most = match name {
            "proof" => most.proof,
            _ => most.section,
        };
        parts.extend(section(name, sentences, most, columns));
    };
    let runs_in = runs_in(finding);
    let who = iter::once(finding.who.words.as_str()).chain(runs_in.as_deref());
    add("who", &who.collect::<Vec<_>>());
    if !finding.destinations.is_empty() {
        add("to", &[&places(finding)]);
    }
    add("what", &[&finding.summary]);
    add("seen", &[&seen(finding)]);
    let table = report.time_wait.as_ref();
    if let Some(sockets) = time_wait::of_finding(table, &report.loss.kernel, finding) {
        add("", &[&sockets]);
    }
    add("proof", &strings(&finding.reasons_for));
    add("but", &strings(&finding.reasons_against));
    match (lookalikes(finding), what_decides(finding)) {
        (Some(lookalikes), _) => add("or", &[&lookalikes]),
        (None, Some(decides)) if finding.confidence != Confidence::Certain => {
            add("", &[&decides]);
        }
        (None, _) => {}
    }
    parts.extend(alternatives(finding, columns));
    parts.extend(section(
        "do",
        &strings(&finding.next),
        most.section,
        columns,
    ));
    parts
}

fn strings(sentences: &[String]) -> Vec<&str> {
    sentences.iter().map(String::as_str).collect()
}

/// The numbers, and the rhythm.
fn seen(finding: &Finding) -> String {
    let rhythm = finding
        .rhythm
        .as_ref()
        .map(|rhythm| format!("opened {rhythm}"));
    let parts = finding.seen.iter().cloned().chain(rhythm);
    parts.collect::<Vec<_>>().join("; ")
}

/// What else it may be, and what would decide.
fn lookalikes(finding: &Finding) -> Option<String> {
    let kinds = finding.cannot_tell_from.iter();
    let kinds: Vec<_> = kinds.map(|kind| format!("\"{}\"", kind.title())).collect();
    let kinds = match kinds.as_slice() {
        [] => return None,
        [kind] => kind.clone(),
        [kinds @ .., last] => format!("{} or {last}", kinds.join(", ")),
    };
    let mut sentence = format!("it may be {kinds}");
    if let Some(decides) = what_decides(finding) {
        sentence.push_str(&format!("; {decides}"));
    }
    Some(sentence)
}

/// What would tell whether the finding is right, of which most comes of the first.
fn what_decides(finding: &Finding) -> Option<String> {
    let decides = finding.would_decide.first()?;
    Some(format!("what decides: {decides}"))
}

/// A line each for what the same connections may be as well, of most of them no more than
/// how many there are.
fn alternatives(finding: &Finding, columns: u16) -> Vec<Part> {
    let name = also_name(finding);
    let others = also(finding);
    let named = others.iter().take(ALTERNATIVES);
    let mut parts: Vec<_> = named
        .filter_map(|other| section(name, &[other], 1, columns))
        .collect();
    if let more @ 1.. = others.len().saturating_sub(ALTERNATIVES) {
        let more = text::count(more as u64);
        parts.push(one_line(format!("  {name:<6} {more} more: --details")));
    }
    parts
}

/// Sentences behind a name, in at most `most` lines; `None` where there is nothing to say.
fn section(name: &str, sentences: &[&str], most: usize, columns: u16) -> Option<Part> {
    let names = iter::once(name).chain(iter::repeat(""));
    let lines: Vec<_> = names
        .zip(sentences)
        .flat_map(|(name, sentence)| {
            let sentence = printable(text::clip(sentence, SENTENCE).as_bytes());
            wrapped(&format!("  {name:<6} "), &sentence, columns)
        })
        .collect();
    (!lines.is_empty()).then_some(Part { lines, most })
}

/// The first `most` lines, the last one with an ellipsis if there were more.
pub(super) fn at_most(most: usize, mut lines: Vec<String>, columns: u16) -> Vec<String> {
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            *last = clip(&format!("{last} …"), usize::from(columns));
        }
    }
    lines
}

/// The other findings in at most `most` lines each, and how many have none.
fn further_parts(first: &Finding, findings: &[Finding], most: usize, columns: u16) -> Vec<Part> {
    let shown = match findings.len() <= FURTHER {
        true => findings.len(),
        false => FURTHER - 1,
    };
    let mut parts: Vec<_> = findings
        .iter()
        .take(shown)
        .filter_map(|finding| {
            if most == 1 {
                return Some(one_line(in_one_line(first, finding, usize::from(columns))));
            }
            let title = title(finding.title, finding.confidence);
            let about = match finding.destinations == first.destinations {
                true => about_at_same_place(finding),
                false => about(finding, "->"),
            };
            section("also", &[&format!("{title}: {about}")], most, columns)
        })
        .collect();
    if let more @ 1.. = findings.len() - shown {
        let more = text::counted(more as u64, "more finding");
        parts.push(one_line(format!("  also   {more} (--details)")));
    }
    parts
}

/// What it is and whose: the title is why there is a line, so who it is about is cut first.
fn in_one_line(first: &Finding, finding: &Finding, columns: usize) -> String {
    let about = printable(about_in_short(first, finding).as_bytes());
    let title = title(finding.title, finding.confidence);
    clip(&format!("  also   {title}: {about}"), columns)
}

/// What was traced and lost, what limits it, and where there is more.
fn foot(report: &Report, columns: u16) -> Vec<String> {
    let trace = &report.trace;
    let only = trace.only();
    let only = only.map_or_else(String::new, |only| format!(", {only} only"));
    let traced = format!(
        "{}, {}{only}, {}: {} in all{}; {}.",
        text::ports_first(&trace.ports),
        trace.side.words(),
        text::window(trace.length_ns),
        scope::connections(report),
        scope::half_closed(report),
        loss::in_short(&report.loss),
    );
    let mut lines = at_most(TRACED, wrapped("", &traced, columns), columns);
    let is_shown = |sentence: &&String| {
        report.findings.is_empty() && shown_alone(report).any(|one| one == *sentence)
    };
    let missing = report.who_is_missing.as_ref();
    let missing = missing.filter(|sentence| !is_shown(sentence));
    let missing = missing.map(|sentence| limitation(sentence));
    let filtered = report.filtered.as_ref().map(filtered::sentence);
    // The answer, which has it, is not shown where there is a finding.
    let in_no_row = in_no_row::sentence(report).filter(|_| !report.findings.is_empty());
    if let Some(sentence) = in_no_row {
        lines.extend(at_most(LEFT_OUT, wrapped("", &sentence, columns), columns));
    }
    let left_out: Vec<_> = filtered.into_iter().chain(missing).collect();
    for sentence in &left_out {
        let words = wrapped("", sentence, columns);
        lines.extend(at_most(LEFT_OUT / left_out.len(), words, columns));
    }
    let limitations = match report.degraded.len() as u64 {
        0 => String::new(),
        count => format!(" ({})", text::counted(count, "limitation")),
    };
    let more = format!("More: --details{limitations}, or --format markdown for the ticket.");
    lines.push(clip(&more, usize::from(columns)));
    lines
}

/// Nothing is wrong, or nothing was seen.
fn without_finding(
    to: &mut impl Write,
    report: &Report,
    style: &Style,
    columns: u16,
) -> io::Result<()> {
    for line in wrapped("", &report.answer, columns) {
        writeln!(to, "{}", style.bold(&line))?;
    }
    if let Some(table) = report.time_wait.as_ref().filter(|table| table.total > 0) {
        write_lines(to, &wrapped("", &time_wait::sentence(table), columns))?;
    }
    // They may be why nothing was seen.
    for sentence in shown_alone(report) {
        for line in wrapped("", &limitation(sentence), columns) {
            writeln!(to, "{}", style.warn(&line))?;
        }
    }
    write_lines(to, &foot(report, columns))
}

/// The limitations that are shown where nothing was found.
fn shown_alone(report: &Report) -> impl Iterator<Item = &String> {
    report.degraded.iter().take(LIMITATIONS)
}

fn limitation(sentence: &str) -> String {
    format!("Limitation: {}", printable(sentence.as_bytes()))
}

fn write_lines(to: &mut impl Write, lines: &[String]) -> io::Result<()> {
    for line in lines {
        writeln!(to, "{line}")?;
    }
    Ok(())
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its purpose"
)]
mod tests {
    use jiff::tz::TimeZone;
    use proptest::prelude::*;
    use unicode_width::UnicodeWidthStr;

    use super::*;
    use crate::{
        clock::ClockPair,
        diagnose::{
            Alternative, Churn, Depth,
            test_case::{diagnosed, every, only},
        },
        filter::Filtered,
        frame::{Hook, Mark, Sides, TraceStart},
        ledger::Ledger,
        outcome::Outcome,
        registry::Registry,
        render::text::parts::{main_outcome, main_outcome_in},
        report::{AggregatedOnly, Sources, build},
    };

    fn finding() -> Finding {
        only(diagnosed(&every(1_000, 5, (0, 0, Outcome::Refused))))
    }

    fn alternative(name: Churn) -> Alternative {
        Alternative {
            name,
            title: name.title(),
            confidence: Confidence::Possible,
            summary: "10 attempts failed, while the same process reaches another".to_owned(),
        }
    }

    fn report(ports: Vec<u16>, findings: Vec<Finding>) -> Report {
        let mut report = build(&Sources {
            start: &TraceStart {
                zkchurn: String::new(),
                clock: ClockPair {
                    monotonic_ns: 0,
                    realtime_ns: 0,
                },
                host: String::new(),
                boot_id: None,
                run_id: None,
                kernel: String::new(),
                hook: Hook::TpBtf,
                ports,
                side: Sides::Client,
                pid: None,
                pids: Vec::new(),
                process_name: None,
                handshake: false,
                degraded: Vec::new(),
                part: None,
            },
            mark: &Mark::default(),
            beside: None,
            ledger: &Ledger::default(),
            registry: &Registry::default(),
            time_wait: None,
            undecodable_records: 0,
            unknown_records: 0,
            limitations: &[],
            who_is_missing: None,
            missing: crate::frame::Missing::default(),
            elsewhere: None,
            found_closed: 0,
            both_ends_here: 0,
            handshakes_evicted: 0,
            filtered: None,
            filter: None,
            top: 10,
            depth: Depth::All,
        });
        report.findings = findings;
        report
    }

    fn screen(report: &Report, columns: u16) -> String {
        let mut text = Vec::new();
        let page = Page::new(false, &TimeZone::UTC, columns);
        write(&mut text, report, &page).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn connections_in_no_row_are_said_on_the_first_screen() {
        let mut report = report(vec![2181], vec![finding()]);
        assert!(!screen(&report, 100).contains("in no row"));
        report.aggregated_only = Some(AggregatedOnly {
            flows_evicted: 0,
            opened: 0,
            ended: 0,
            opened_over_limit: 1_004,
            ended_over_limit: 1_004,
            threads_evicted: 0,
        });
        let said = "\n1,004 connections are in no row and no finding,";
        assert!(screen(&report, 100).contains(said));
        for findings in 1..9 {
            report.findings = vec![finding(); findings];
            let screen = screen(&report, 60);
            assert!(screen.lines().count() <= LINES, "{screen}");
            assert!(screen.contains(said), "{screen}");
        }
    }

    #[test]
    fn the_shortest_form_says_how_many_more_there_are() {
        let more = |findings: usize| {
            let report = report(vec![2181], vec![finding(); findings]);
            let parts = shortest(&report, &report.findings[0], 100);
            shown(parts, 100).pop().unwrap()
        };
        assert!(!more(1).contains("more finding"), "{}", more(1));
        assert_eq!(more(2), "  also   1 more finding");
        assert_eq!(more(4), "  also   3 more findings");
    }

    /// At each number of rows: all of them are used before anything is cut.
    #[test]
    fn no_row_stays_empty_while_something_is_cut() {
        let mut first = finding();
        first.summary = "word ".repeat(60);
        first.next = vec!["act ".repeat(40)];
        let report = report(vec![2181], vec![first.clone(), first]);
        for room in 5..60 {
            let lines = in_short(&report, 60, room);
            let is_cut = |line: &String| line.ends_with('…') && !line.starts_with("  also");
            assert!(lines.len() <= room);
            if lines.iter().any(is_cut) {
                assert_eq!(lines.len(), room, "{lines:#?}");
            }
        }
    }

    #[test]
    fn who_it_is_about_is_cut_before_what_it_is() {
        let first = finding();
        let mut other = first.clone();
        other.title = "The client fails before it speaks";
        let whole = title(other.title, other.confidence);
        assert!(in_one_line(&first, &other, 60).contains(&whole));
        let line = in_one_line(&first, &other, 80);
        // The process is named already.
        assert!(line.contains("same process, 5 co"), "{line}");
        other.who.pid = Some(1);
        let line = in_one_line(&first, &other, 80);
        assert!(line.contains(&whole) && line.contains("pid 1"), "{line}");
    }

    #[test]
    fn what_has_no_outcome_yet_is_open_or_nothing() {
        let mut total = report(vec![2181], Vec::new()).total;
        assert_eq!(main_outcome(&total), "-");
        total.open = 2;
        assert_eq!(main_outcome(&total), "2 open");
        (total.open, total.older.ended) = (0, 4);
        assert_eq!(main_outcome(&total), "4 older ended");
        total.older.open = 3;
        assert_eq!(main_outcome(&total), "3 open");
        total.outcomes.insert(Outcome::Refused, 1);
        assert_eq!(main_outcome(&total), "refused");
        total.outcomes.insert(Outcome::TimedOut, 3);
        assert_eq!(main_outcome(&total), "75% timed out");
        assert_eq!(main_outcome_in(&total, 13), "75% timed out");
        assert_eq!(main_outcome_in(&total, 12), "timed out");
        total
            .outcomes
            .insert(Outcome::ClosedByPeerBeforeAnyByte, 96);
        assert_eq!(main_outcome_in(&total, 17), "96% peer, 0 bytes");
        assert_eq!(main_outcome_in(&total, 13), "96% peer, 0 B");
        assert_eq!(main_outcome_in(&total, 9), "peer, 0 B");
    }

    #[test]
    fn two_alternatives_have_a_line_each_and_the_rest_a_number() {
        let mut refused = finding();
        let others = [
            Churn::StaleAddress,
            Churn::ClientPerRequest,
            Churn::ReadTimeouts,
            Churn::TcpHealthProbe,
        ];
        refused.alternatives = others.map(alternative).to_vec();
        refused.cannot_tell_from = vec![Churn::TcpHealthProbe];
        let text = screen(&report(vec![2181], vec![refused.clone()]), 80);
        let begins = |begin: &str| text.lines().filter(|line| line.starts_with(begin)).count();
        assert_eq!(
            begins("  and    One address fails while others work (possible): 10 at"),
            1
        );
        assert_eq!(begins("  and    "), 3, "{text}");
        assert!(text.contains("  and    1 more: --details\n"), "{text}");
        refused.confidence = Confidence::Likely;
        let text = screen(&report(vec![2181], vec![refused]), 80);
        assert!(text.contains("  or     1 more: --details\n"), "{text}");
    }

    /// Of a trace of some processes, one that ended is half of the answer.
    #[test]
    fn who_is_missing_stands_on_the_first_screen_once() {
        let missing = "the traced process (pid 7) ended during the trace; another process named \
                       app.py (pid 9) began meanwhile, and was not traced: --pid app.py is about \
                       those that run when the trace begins";
        for findings in [vec![finding()], Vec::new()] {
            let mut report = report(vec![2181], findings);
            report.degraded = vec!["another limitation".to_owned(), missing.to_owned()];
            let without = screen(&report, 80);
            assert_eq!(
                without.contains("(pid 7) ended"),
                report.findings.is_empty()
            );
            report.who_is_missing = Some(missing.to_owned());
            let text = screen(&report, 80);
            assert_eq!(text.matches("(pid 7) ended during").count(), 1, "{text}");
            assert!(text.contains("pid 9) began meanwhile"), "{text}");
        }
    }

    fn sentence() -> impl Strategy<Value = String> {
        "([a-z\u{52d5}]{1,90} ){1,30}"
    }

    prop_compose! {
        fn any_finding()(
            sentences in prop::collection::vec(sentence(), 9),
            certain in any::<bool>(),
            others in 0..6_usize,
        ) -> Finding {
            let mut finding = finding();
            let mut sentences = sentences.into_iter();
            let mut next = || sentences.next().unwrap();
            finding.who.words = next();
            finding.destinations = vec![next()];
            finding.summary = next();
            finding.seen = Some(next());
            finding.reasons_for = vec![next()];
            finding.reasons_against = vec![next()];
            finding.would_decide = vec![next()];
            finding.next = vec![next(), next()];
            finding.cannot_tell_from = vec![Churn::TcpHealthProbe];
            finding.alternatives = vec![alternative(Churn::StaleAddress); others];
            if !certain {
                finding.confidence = Confidence::Possible;
            }
            finding
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// Whatever there is to say: it fits, and no line wraps.
        #[test]
        fn it_fits(
            findings in prop::collection::vec(any_finding(), 1..8),
            ports in prop::collection::vec(1_u16.., 1..40),
            columns in 40..120_u16,
            missing in prop::option::of(sentence()),
            filter in prop::option::of(sentence()),
        ) {
            let mut report = report(ports, findings);
            report.who_is_missing = missing;
            report.filtered = filter.map(|filter| Filtered { filter, connections: 7, ..Filtered::default() });
            let text = screen(&report, columns);
            prop_assert!(text.lines().count() <= LINES, "{text}");
            prop_assert!(text.lines().all(|line| line.width() <= usize::from(columns)), "{text}");
        }
    }
}
