// SPDX-License-Identifier: MIT
//! One page of several hosts: the heading over all, then the page of each.

use jiff::tz::TimeZone;
use maud::{Markup, PreEscaped, html};
use serde::{Deserialize, Serialize};

use super::{
    document::{self, document, table},
    embedded,
    page::{Page, cut},
};
use crate::{
    hosts::{self, Hosts, Standing},
    render::words::hosts::{COLUMNS, answer, cells, common},
};

/// Bytes of the pages of single hosts that one page takes: any page stays below 2 MB.
const ROOM: usize = 1_700_000;

/// What stands on it, as data.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct HostsPage {
    pub answer: String,
    /// A row a host.
    pub rows: Vec<Vec<String>>,
    pub notes: Vec<String>,
    /// Hosts and their pages, those that churn first.
    pub hosts: Vec<(String, Page)>,
}

impl HostsPage {
    /// As [`Page::bounded`].
    pub(super) fn bounded(mut self) -> Self {
        self.rows.truncate(hosts::MOST);
        self.notes.truncate(2 * hosts::MOST);
        self.hosts.truncate(hosts::MOST);
        let hosts = self.hosts.into_iter();
        self.hosts = hosts.map(|(host, page)| (host, page.bounded())).collect();
        self
    }
}

/// Puts together the pages of single hosts, which are in the order of the hosts.
pub(super) fn page(hosts: &Hosts, pages: &[Vec<u8>], zone: &TimeZone) -> HostsPage {
    let mut notes = vec![common(hosts, zone)];
    notes.extend(hosts.notes.iter().cloned());
    let mut all: Vec<_> = hosts.hosts.iter().zip(pages).collect();
    all.sort_by_key(|(row, _)| match row.standing {
        Standing::Churns(_) => 0,
        Standing::MayChurn(_) => 1,
        Standing::CannotTell { .. } => 2,
        Standing::DoesNotChurn => 3,
    });
    let mut room = ROOM;
    let mut shown = Vec::new();
    for (row, bytes) in all {
        let page = embedded::page_in(bytes).ok();
        match (page, room.checked_sub(bytes.len())) {
            (Some(page), Some(rest)) => {
                room = rest;
                shown.push((row.host.clone(), page));
            }
            _ => notes.push(format!(
                "the page of {} did not fit here: make it of its recording alone",
                row.host
            )),
        }
    }
    let rows = hosts.hosts.iter().map(|row| cells(row, zone).to_vec());
    HostsPage {
        answer: answer(hosts, zone),
        rows: rows.collect(),
        notes,
        hosts: shown,
    }
}

/// The whole document.
pub(super) fn write(page: &HostsPage) -> String {
    let (short, whole) = heading(&page.answer);
    let body = html! {
        header {
            p.product { "zkchurn · several hosts" }
            h1 { (cut(short)) }
            @if let Some(whole) = whole { p { (cut(whole)) } }
            div.scope { @for note in &page.notes { p { (cut(note)) } } }
        }
        main {
            (table(&COLUMNS, &page.rows))
            @for (index, (host, page)) in page.hosts.iter().enumerate() {
                section aria-labelledby=(format!("host-{index}")) {
                    h2 id=(format!("host-{index}")) { "Host " (cut(host)) }
                    (scoped(&document::report_body(page), &format!("host-{index}")))
                }
            }
        }
        footer { (document::made_by()) }
    };
    let title = "zkchurn: several hosts";
    document(title, &body, Some(&embedded::write_hosts(page)))
}

/// How many hosts churn, and which, against whom and when: too much for a heading.
fn heading(answer: &str) -> (&str, Option<&str>) {
    match answer.split_once(": ") {
        Some((short, whole)) => (short, Some(whole)),
        None => (answer, None),
    }
}

/// The same with other ids, since those of a page are there once for each host, with the host in
/// front of all names, and with headings below that of the host. In text and in values every
/// quote and angle bracket is escaped, so what looks like an attribute or a tag is one.
fn scoped(markup: &Markup, prefix: &str) -> Markup {
    let lowered = lowered(&markup.0);
    let mut rest = lowered.as_str();
    let mut out = String::with_capacity(rest.len());
    while let Some((at, is_name)) = next_id(rest) {
        let (before, behind) = rest.split_at(at);
        let (ids, tail) = behind.split_once('"').unwrap_or((behind, ""));
        out.push_str(before);
        if is_name {
            out.push_str(&format!("{prefix} "));
        }
        let ids: Vec<_> = ids.split(' ').map(|id| format!("{prefix}-{id}")).collect();
        out.push_str(&ids.join(" "));
        out.push('"');
        rest = tail;
    }
    out.push_str(rest);
    PreEscaped(out)
}

/// Where the value of the next such attribute begins, and whether it names its element.
fn next_id(markup: &str) -> Option<(usize, bool)> {
    let attributes = [(" id=\"", false), (" aria-labelledby=\"", true)].into_iter();
    let places =
        attributes.filter_map(|(name, is_name)| Some((markup.find(name)? + name.len(), is_name)));
    places.min()
}

/// With the title of a host's report and its sections below the second level.
fn lowered(markup: &str) -> String {
    [("h3", "h4"), ("h2", "h3"), ("h1", "h3")].into_iter().fold(
        markup.to_owned(),
        |markup, (from, to)| {
            let markup = markup.replace(&format!("<{from}"), &format!("<{to}"));
            markup.replace(&format!("</{from}>"), &format!("</{to}>"))
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heading_is_short() {
        let (short, whole) = heading("2 of 3 hosts churn: app-1 against 10.0.1.5:2181: refused");
        assert_eq!(short, "2 of 3 hosts churn");
        assert_eq!(whole, Some("app-1 against 10.0.1.5:2181: refused"));
        assert_eq!(heading("No host churns."), ("No host churns.", None));
    }

    #[test]
    fn a_hosts_part_stands_below_its_heading_and_has_its_own_ids() {
        let part = html! {
            header { h1 { "<h1> id=\"x\"" } }
            section aria-labelledby="gaps-h" { h2 id="gaps-h" { "Gaps" } h3 { "more" } }
        };
        let expected = html! {
            header { h3 { "<h1> id=\"x\"" } }
            section aria-labelledby="host-1 host-1-gaps-h" {
                h3 id="host-1-gaps-h" { "Gaps" } h4 { "more" }
            }
        };
        assert_eq!(scoped(&part, "host-1").0, expected.0);
    }
}
