// SPDX-License-Identifier: MIT
//! Pages without pictures: of a server's log, of what a host offers, and of two traces side by
//! side.

use jiff::tz::TimeZone;
use maud::html;

use super::{
    document::{document, table},
    page::cut,
};
use crate::{
    diff::Diff,
    doctor::{Doctor, State},
    render::words::{diff, finding::about, server_log},
    serverlog::report::LogReport,
};

pub(super) fn server_log(report: &LogReport) -> String {
    let rows: Vec<_> = report
        .addresses
        .iter()
        .map(|row| server_log::cells(row).to_vec())
        .collect();
    let body = html! {
        header { p.product { "zkchurn · a server's log" } h1 { (cut(&report.answer)) } }
        main {
            @if !rows.is_empty() { h2 { "By address" } (table(&server_log::COLUMNS, &rows)) }
            @for finding in &report.findings {
                article class=(format!("finding {}", finding.severity.word())) {
                    h3 { (finding.title) " (" (finding.confidence.word()) ")" }
                    p { (cut(&about(finding, "→"))) }
                    p { (cut(&finding.summary)) }
                    dl {
                        @for (name, sentences) in [("for", &finding.reasons_for), ("against", &finding.reasons_against),
                            ("confirm", &finding.would_decide), ("next", &finding.next)] {
                            @if !sentences.is_empty() {
                                dt { (name) }
                                dd { @for sentence in sentences { p { (cut(sentence)) } } }
                            }
                        }
                    }
                }
            }
            h2 { "What was read" }
            p { "in all: " (cut(&server_log::total(report))) }
            @for sentence in server_log::unknown_counts(report) { p { "not reported by this log: " (cut(&sentence)) } }
            @for note in &report.notes { p.warn { "incomplete: " (cut(note)) } }
            p { "log: " (cut(&server_log::log(report))) }
        }
    };
    document("zkchurn: a server's log", &body, None)
}

pub(super) fn doctor(doctor: &Doctor) -> String {
    let verdict = match doctor.can_trace {
        true => "zkchurn can trace here.",
        false => "zkchurn cannot trace here.",
    };
    let words = |words: &Option<String>| words.clone().unwrap_or_default();
    let checks = doctor.checks.iter().map(|check| {
        let state = match check.state {
            State::Ok => "ok",
            State::Degraded => "degraded",
            State::NotPermitted | State::Unsupported => "MISSING",
            State::Unknown => "unknown",
        };
        vec![
            state.to_owned(),
            check.name.to_owned(),
            check.found.clone(),
            words(&check.consequence),
            words(&check.fix),
        ]
    });
    let checks: Vec<_> = checks.collect();
    let capabilities = doctor.capabilities.iter().map(|row| {
        let held = if row.held { "held" } else { "not held" };
        vec![
            held.to_owned(),
            row.name.to_owned(),
            row.asked_by.to_owned(),
            row.purpose.to_owned(),
        ]
    });
    let capabilities: Vec<_> = capabilities.collect();
    let body = html! {
        header { p.product { "zkchurn doctor · " (cut(&doctor.host)) } h1 { (verdict) } }
        main {
            h2 { "Checks" }
            (table(&["State", "Check", "Found", "Follows", "Fix"], &checks))
            h2 { "Capabilities" }
            (table(&["Held", "Capability", "For", "Purpose"], &capabilities))
        }
    };
    document("zkchurn doctor", &body, None)
}

pub(super) fn compared(compared: &Diff, zone: &TimeZone) -> String {
    let families = compared.families.iter().take(diff::SHOWN);
    let rows: Vec<_> = families
        .map(|family| diff::cells(family).to_vec())
        .collect();
    let body = html! {
        header {
            p.product { "zkchurn · before and after" }
            h1 { (cut(&compared.verdict)) }
            div.scope { @for note in &compared.notes { p.warn { (cut(note)) } } }
        }
        main {
            @if !rows.is_empty() { h2 { "Programs and their peers" } (table(&diff::COLUMNS, &rows)) }
            @for line in diff::left_out(compared) { p.see { (cut(&line)) } }
            @if !compared.findings.is_empty() {
                h2 { "Findings that are in one of them only" }
                ul {
                    @for change in &compared.findings {
                        li { (diff::class_of(change)) ": " (cut(&diff::finding(change))) }
                    }
                }
            }
            h2 { "The traces" }
            dl.facts {
                dt { "before" } dd { (cut(&diff::trace(&compared.before, zone))) }
                dt { "after" } dd { (cut(&diff::trace(&compared.after, zone))) }
            }
        }
    };
    document("zkchurn: before and after", &body, None)
}
