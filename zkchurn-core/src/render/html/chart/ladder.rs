// SPDX-License-Identifier: MIT
//! One connection step by step, between client and server.

use maud::{Markup, html};

use super::Figure;
use crate::{
    outcome::Outcome,
    render::html::{
        collect::MarkOf,
        page::{Page, cut},
        svg::{at, picture},
    },
    text::{count, counted, duration},
};

const CLIENT: f64 = 250.0;
const SERVER: f64 = 710.0;
const TOP: f64 = 44.0;
const STEP: f64 = 38.0;
const ABORTED: &str = "aborted from outside of the program";

/// A step: when since the connect, what, and which way; neither way is the kernel's end.
struct Step {
    after_ns: Option<u64>,
    what: String,
    way: Way,
}

#[derive(Clone, Copy, PartialEq)]
enum Way {
    ToServer,
    ToClient,
    Nowhere,
}

pub(super) fn figure(page: &Page) -> Option<Figure> {
    let (mark, such) = typical(page)?;
    let lane = page.chart.lanes.first()?;
    let is_server = page
        .facts
        .iter()
        .any(|(name, value)| name == "side" && value == "server");
    let steps = steps(mark, is_server);
    let sentence = format!(
        "A connection of {}: {}. {} of {} ended in this way ({}). It is not to scale, and bytes are \
         those of its whole life.",
        lane.label,
        mark.outcome,
        count(such),
        counted(lane.connections, "connection"),
        mark.look.words()
    );
    let inner = html! {
        text.lane x=(at(CLIENT)) y="20" text-anchor="middle" { "client" @if !is_server { " (this host)" } }
        text.lane x=(at(SERVER)) y="20" text-anchor="middle" { "server" @if is_server { " (this host)" } }
        @let bottom = TOP + STEP * steps.len() as f64;
        line.rule x1=(at(CLIENT)) x2=(at(CLIENT)) y1="30" y2=(at(bottom)) {}
        line.rule x1=(at(SERVER)) x2=(at(SERVER)) y1="30" y2=(at(bottom)) {}
        @for (index, step) in steps.iter().enumerate() {
            (arrow(step, TOP + STEP * index as f64 + 12.0, mark))
        }
    };
    let height = TOP + STEP * steps.len() as f64 + 6.0;
    Some(Figure {
        id: "ladder",
        title: "One connection, step by step",
        picture: picture(
            "ladder",
            height,
            "Steps of one connection",
            &sentence,
            &inner,
        ),
        sentence,
        columns: &["After", "Step"],
        of_rows: steps.len(),
        rows: steps
            .iter()
            .map(|step| vec![after(step), step.what.clone()])
            .collect(),
    })
}

/// The latest one, of those that have a mark, that looks as most of the busiest thread's do,
/// and how many do. Of one that is older than the trace the beginning is not known.
fn typical(page: &Page) -> Option<(&MarkOf, u64)> {
    let lane = page.chart.lanes.first()?;
    let (look, such) = lane
        .looks
        .iter()
        .max_by_key(|(look, count)| (**count, std::cmp::Reverse(**look)))?;
    let marks = page.chart.marks.iter().rev();
    let mark = marks
        .filter(|mark| mark.lane == 0 && !mark.before_start)
        .find(|mark| mark.look == *look)?;
    Some((mark, *such))
}

fn steps(mark: &MarkOf, is_server: bool) -> Vec<Step> {
    let since = |ns: Option<u64>| ns.map(|ns| ns.saturating_sub(mark.at_ns));
    let mut steps = Vec::new();
    if !is_server {
        steps.push(match mark.no_syn {
            true => step(Some(0), "connect, without a SYN", Way::Nowhere),
            false => step(Some(0), "SYN", Way::ToServer),
        });
    }
    let established = mark.lived_ns.is_some() || mark.first_close.is_some();
    if established {
        let after = if is_server {
            Some(0)
        } else {
            mark.connecting_ns
        };
        steps.push(step(
            after,
            "established",
            if is_server {
                Way::ToServer
            } else {
                Way::ToClient
            },
        ));
        steps.extend(payload(
            mark,
            is_server,
            since(mark.request_ns),
            since(mark.response_ns),
        ));
        let ended = mark
            .lived_ns
            .map(|lived| lived.saturating_add(mark.connecting_ns.unwrap_or(0)));
        let is_aborted = mark.outcome == Outcome::Aborted.label();
        let (what, way) = match (mark.first_close.as_deref(), is_server) {
            (Some("us"), false) if is_aborted => (ABORTED, Way::ToServer),
            (Some("us"), true) if is_aborted => (ABORTED, Way::ToClient),
            (Some("us"), false) => ("the client closes first", Way::ToServer),
            (Some("us"), true) => ("the server closes first", Way::ToClient),
            (Some("peer"), false) => ("the server closes first", Way::ToClient),
            (Some("peer"), true) => ("the client closes first", Way::ToServer),
            (Some(_), _) => ("the kernel gives up", Way::Nowhere),
            (None, _) => ("no end was seen", Way::Nowhere),
        };
        steps.push(step(ended, what, way));
    } else {
        // A firewall may refuse on the way, too; that a host is unreachable it does not say itself.
        let (what, way) = match mark.outcome.as_str() {
            "refused" => ("refused, by the host or by a firewall", Way::ToClient),
            other => (other, Way::Nowhere),
        };
        steps.push(step(mark.connecting_ns, what, way));
    }
    steps
}

/// What was sent, in both directions; that it was nothing is the point of many incidents.
fn payload(
    mark: &MarkOf,
    is_server: bool,
    request: Option<u64>,
    response: Option<u64>,
) -> Vec<Step> {
    let (to_server, to_client) = match is_server {
        false => (mark.sent, mark.received),
        true => (mark.received, mark.sent),
    };
    let peer = if is_server { "client" } else { "server" };
    let bytes = |count: Option<u64>, whose: &str| match count {
        None => format!("bytes of the {whose} unknown"),
        // What it sent may have been dropped before it was seen.
        Some(0) if whose == peer => format!("nothing comes from the {whose}"),
        Some(0) => format!("the {whose} sends nothing"),
        Some(count) => format!("the {whose} sends {}", counted(count, "byte")),
    };
    let way = |count: Option<u64>, way| if count == Some(0) { Way::Nowhere } else { way };
    vec![
        step(
            request,
            &bytes(to_server, "client"),
            way(to_server, Way::ToServer),
        ),
        step(
            response,
            &bytes(to_client, "server"),
            way(to_client, Way::ToClient),
        ),
    ]
}

fn step(after_ns: Option<u64>, what: &str, way: Way) -> Step {
    Step {
        after_ns,
        what: what.to_owned(),
        way,
    }
}

fn after(step: &Step) -> String {
    step.after_ns
        .map_or_else(String::new, |ns| format!("+{}", duration(ns)))
}

fn arrow(step: &Step, y: f64, mark: &MarkOf) -> Markup {
    let (from, to) = match step.way {
        Way::ToServer => (CLIENT + 6.0, SERVER - 6.0),
        Way::ToClient => (SERVER - 6.0, CLIENT + 6.0),
        Way::Nowhere => (0.0, 0.0),
    };
    let head = if to > from { -9.0 } else { 9.0 };
    html! {
        text.tick x=(at(CLIENT - 14.0)) y=(at(y + 4.0)) text-anchor="end" { (after(step)) }
        text.step x=(at((CLIENT + SERVER) / 2.0)) y=(at(y - 6.0)) text-anchor="middle" { (cut(&step.what)) }
        @if step.way == Way::Nowhere {
            line.nothing x1=(at(CLIENT + 6.0)) x2=(at(SERVER - 6.0)) y1=(at(y)) y2=(at(y)) {}
        } @else {
            g class=(mark.look.class()) {
                line.arrow x1=(at(from)) x2=(at(to)) y1=(at(y)) y2=(at(y)) {}
                path.arrow d=(format!("M{} {}l{} -5M{} {}l{} 5", at(to), at(y), at(head), at(to), at(y), at(head))) {}
            }
        }
    }
}
