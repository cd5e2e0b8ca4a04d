// SPDX-License-Identifier: MIT
//! What a finding says and whom it is about, in words.

use crate::{
    diagnose::{Confidence, Finding, who::WhoRow},
    text,
};

/// What kind of churn it is, and how sure that is.
pub(crate) fn title(title: &str, confidence: Confidence) -> String {
    format!("{title} ({})", confidence.word())
}

/// Who, where to, and how many connections; a server's log knows of no other place than
/// the server.
pub(crate) fn about(finding: &Finding, arrow: &str) -> String {
    let places = places(finding);
    match places.is_empty() {
        true => about_at_same_place(finding),
        false => {
            let who = &finding.who.words;
            format!("{who} {arrow} {places}, {}", connections(finding))
        }
    }
}

/// The same where it was said already where to.
pub(crate) fn about_at_same_place(finding: &Finding) -> String {
    format!("{}, {}", finding.who.words, connections(finding))
}

/// Without threads too; a process that the first finding names is not named again.
pub(crate) fn about_in_short(first: &Finding, finding: &Finding) -> String {
    let WhoRow { label, .. } = &finding.who;
    let label = text::printable(label.as_bytes());
    let is_same = first.who.processes.is_none() && first.who.pid == finding.who.pid;
    let who = match (finding.who.processes, finding.who.pid) {
        (None, Some(_)) if is_same => "same process".to_owned(),
        (Some(processes), _) => {
            let name = text::printable(finding.who.name_of_all.as_bytes());
            format!("{} processes named {name}", text::count(processes))
        }
        (None, Some(pid)) => format!("pid {pid} {label}"),
        (None, None) => finding.who.words.clone(),
    };
    format!("{who}, {}", connections(finding))
}

fn connections(finding: &Finding) -> String {
    text::at_least(finding.at_least, finding.connections, "connection")
}

/// Where to.
pub(crate) fn places(finding: &Finding) -> String {
    let places = finding.destinations.iter();
    let mut places: Vec<_> = places.map(|place| text::place(place)).collect();
    // Of several remote hosts they are one port of this host.
    places.dedup();
    places.join(", ")
}

/// Where they run: what the instance, unit, container and pod are called.
pub(crate) fn runs_in(finding: &Finding) -> Option<String> {
    let places = &finding.who.runs_in;
    (!places.is_empty()).then(|| places.join(", "))
}

/// How [`also`] goes on: what is certain is not replaced by what else is found of the same
/// connections.
pub(crate) fn also_name(finding: &Finding) -> &'static str {
    match finding.confidence {
        Confidence::Certain => "and",
        _ => "or",
    }
}

/// What else it is or may be, besides what it cannot be told apart from, a sentence each.
pub(crate) fn also(finding: &Finding) -> Vec<String> {
    let alike = &finding.cannot_tell_from;
    let others = finding.alternatives.iter();
    others
        .filter(|other| !alike.contains(&other.name))
        .map(|other| {
            let title = title(other.title, other.confidence);
            format!("{title}: {}", other.summary)
        })
        .collect()
}
