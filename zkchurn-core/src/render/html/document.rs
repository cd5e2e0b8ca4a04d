// SPDX-License-Identifier: MIT
//! The page itself: one file that fetches nothing, runs one script that it does not need, and
//! holds no markup of anybody else.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{
    build::FAMILY_COLUMNS,
    chart, embedded,
    page::{Page, Section, Stack, cut},
};

/// SHA-256 of the style and of the script, as a policy names them; a test compares them.
pub(super) const STYLE_HASH: &str = "sha256-uqe8yipGZaO1VuvrUSjRRP1dTW+9tsB7BC61nM1iBNs=";
pub(super) const SCRIPT_HASH: &str = "sha256-20Q1ZdwYuKCxiq4OpxNNmYEzSnWE6QP1F8Fvfo5PAtQ=";

pub(super) const STYLE: &str = include_str!("style.css");
pub(super) const SCRIPT: &str = include_str!("script.js");

/// A whole document.
pub(super) fn document(title: &str, body: &Markup, data: Option<&str>) -> String {
    let policy = format!(
        "default-src 'none'; style-src '{STYLE_HASH}'; script-src '{SCRIPT_HASH}'; base-uri \
         'none'; form-action 'none'"
    );
    let document = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content="zkchurn";
                title { (cut(title)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (body)
                @if let Some(data) = data {
                    script type="application/json" id=(embedded::ID) { (PreEscaped(data)) }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    document.into_string() + "\n"
}

/// The page of a report.
pub(super) fn of_report(page: &Page) -> String {
    let data = embedded::write(page);
    let title = match page.confidence.is_empty() {
        true => "zkchurn: no churn found".to_owned(),
        false => format!("zkchurn: {} ({})", page.title, page.confidence),
    };
    let body = html! {
        a.skip href="#evidence" { "Skip to the evidence" }
        (head(page))
        main { (pictures_and_evidence(page)) }
        footer { (made_by()) }
    };
    document(&title, &body, Some(&data))
}

/// What stands on the page, to be a part of another one.
pub(super) fn report_body(page: &Page) -> Markup {
    html! { (head(page)) (pictures_and_evidence(page)) }
}

fn pictures_and_evidence(page: &Page) -> Markup {
    html! {
        (chart::all(page))
        @if !page.stacks.is_empty() { (stacks(&page.stacks)) }
        (findings(page))
        (families(page))
        (processes(&page.processes))
        (facts(page))
    }
}

pub(super) fn made_by() -> Markup {
    html! {
        p {
            "Made by zkchurn. This file needs no network. It holds what it shows as JSON, too: "
            code { "zkchurn report THIS-FILE -o AGAIN.html" }
            " makes the same page again. A filter or a comparison needs the recording."
        }
    }
}

fn head(page: &Page) -> Markup {
    html! {
        header {
            p.product { "zkchurn · " (cut(&page.from)) " · " (cut(&page.length)) }
            @if page.confidence.is_empty() {
                h1 { (cut(&page.answer)) }
            } @else {
                h1 { (cut(&page.title)) }
                p.badges {
                    span.badge { (cut(&page.confidence)) }
                    span class=(format!("badge {}", severity(&page.severity))) { (cut(&page.severity)) }
                }
                (lead(&page.lead))
            }
            @if page.findings.len() > 1 { (further(page)) }
            div.scope {
                @for sentence in &page.scope { p { (cut(sentence)) } }
                @for sentence in &page.limitations { p.warn { "limitation: " (cut(sentence)) } }
            }
        }
    }
}

/// A class by which it is coloured, of those that there are.
fn severity(name: &str) -> &'static str {
    match name {
        "broken" => "broken",
        "wasteful" => "wasteful",
        "harmless" => "harmless",
        _ => "unknown",
    }
}

fn lead(sections: &[Section]) -> Markup {
    html! {
        dl.lead {
            @for section in sections {
                dt { (cut(&section.name)) }
                dd class=(if section.name == "do" { "do" } else { "said" }) {
                    @for sentence in section.sentences.iter().take(12) { p { (cut(sentence)) } }
                }
            }
        }
    }
}

fn further(page: &Page) -> Markup {
    html! {
        p { "Also found:" }
        ul {
            @for finding in page.findings.iter().skip(1).take(8) {
                li { (cut(&finding.title)) " (" (cut(&finding.confidence)) "): " (cut(&finding.about)) }
            }
            @if let more @ 1.. = page.findings.len().saturating_sub(9) {
                li { (more) " more below" }
            }
        }
    }
}

fn stacks(stacks: &[Stack]) -> Markup {
    html! {
        section aria-labelledby="stack-h" {
            h2 id="stack-h" { "Where the thread was" }
            p.see { "As it was when zkchurn looked. The innermost frame is first; the first frame \
                     that is not of the JDK or of ZooKeeper is the application's, or of a library \
                     that it uses." }
            @for stack in stacks {
                h3 { (cut(&stack.heading)) }
                pre {
                    @for frame in stack.frames.iter().take(64) { (cut(frame)) "\n" }
                    @if stack.frames_left_out > 0 { "… " (stack.frames_left_out) " more frames" }
                }
            }
        }
    }
}

fn findings(page: &Page) -> Markup {
    html! {
        section id="evidence" aria-labelledby="evidence-h" {
            h2 id="evidence-h" { "The evidence" }
            @if page.findings.is_empty() { p { (cut(&page.answer)) } }
            @for (index, finding) in page.findings.iter().enumerate() {
                article class=(format!("finding {}", severity(&finding.severity))) {
                    h3 { (index + 1) ". " (cut(&finding.title)) " (" (cut(&finding.confidence)) ", "
                         (cut(&finding.severity)) ")" }
                    p { (cut(&finding.about)) }
                    dl {
                        @for section in &finding.sections {
                            dt { (cut(&section.name)) }
                            dd { @for sentence in section.sentences.iter().take(24) { p { (cut(sentence)) } } }
                        }
                    }
                }
            }
        }
    }
}

fn families(page: &Page) -> Markup {
    html! {
        section aria-labelledby="families-h" {
            h2 id="families-h" { "Who connects, and how it ends" }
            (table(&FAMILY_COLUMNS, &page.families))
            @for note in &page.families_notes { p.see { (cut(note)) } }
        }
    }
}

fn processes(processes: &[Section]) -> Markup {
    html! {
        @if !processes.is_empty() {
            section aria-labelledby="processes-h" {
                h2 id="processes-h" { "The processes" }
                @for process in processes {
                    details {
                        summary { (cut(&process.name)) }
                        pre { @for line in process.sentences.iter().take(200) { (cut(line)) "\n" } }
                    }
                }
            }
        }
    }
}

fn facts(page: &Page) -> Markup {
    html! {
        section aria-labelledby="facts-h" {
            h2 id="facts-h" { "The host, and how it was traced" }
            dl.facts {
                @for (name, value) in &page.facts { dt { (cut(name)) } dd { (cut(value)) } }
            }
        }
    }
}

/// A table; rows may be shorter than its head.
pub(super) fn table(columns: &[&str], rows: &[Vec<String>]) -> Markup {
    html! {
        div.scroll tabindex="0" role="group" aria-label="table" {
            table {
                thead { tr { @for column in columns { th scope="col" { (column) } } } }
                tbody {
                    @for row in rows {
                        tr { @for index in 0..columns.len() { td { (cell(row, index)) } } }
                    }
                }
            }
        }
    }
}

fn cell(row: &[String], index: usize) -> String {
    row.get(index).map(|cell| cut(cell)).unwrap_or_default()
}
