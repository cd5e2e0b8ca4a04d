// SPDX-License-Identifier: MIT
//! What a finding says and whom it is about, in words.

use crate::{
    diagnose::{Confidence, Finding},
    text,
};

/// What kind of churn it is, and how sure that is.
pub fn title(title: &str, confidence: Confidence) -> String {
    format!("{title} ({})", confidence.word())
}

/// Who, where to, and how many connections; a server's log knows of no other place than
/// the server.
pub fn about(finding: &Finding, arrow: &str) -> String {
    let connections = text::counted(finding.connections, "connection");
    let who = &finding.who.words;
    // Of a connection that was accepted here the destination begins with that host.
    let host = format!("{} -> ", finding.who.label);
    let places: Vec<_> = finding
        .destinations
        .iter()
        .map(|place| place.strip_prefix(&host).unwrap_or(place))
        .collect();
    match places.as_slice() {
        [] => format!("{who}, {connections}"),
        places => format!("{who} {arrow} {}, {connections}", places.join(", ")),
    }
}

/// Where they run: what the instance, unit, container and pod are called.
pub fn runs_in(finding: &Finding) -> Option<String> {
    let places = &finding.who.runs_in;
    (!places.is_empty()).then(|| places.join(", "))
}

/// What else it is or may be, besides what it cannot be told apart from, a sentence each.
pub fn also(finding: &Finding) -> Vec<String> {
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
