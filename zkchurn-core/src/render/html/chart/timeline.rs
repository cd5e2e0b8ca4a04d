// SPDX-License-Identifier: MIT
//! Connections on a line of time, by thread or by remote host; in bins where there are too
//! many to tell apart.

use std::borrow::Cow;

use maud::{Markup, html};

use super::Figure;
use crate::{
    render::html::{
        collect::{Chart, MarkOf},
        lanes::Lane,
        look::Look,
        page::{LogLine, Page, cut},
        svg::{WIDTH, at, moment, picture, step},
    },
    text::{count, counted, duration},
};

/// Rows of the picture; the last is of all others where there are more lanes.
const LANES: usize = 12;
/// Marks on one line that can be told apart.
const APART: u64 = 110;
const LANE: f64 = 46.0;
const LEFT: f64 = 12.0;
const PLOT: f64 = WIDTH - 2.0 * LEFT;
/// Log lines that have a mark.
const LOGS: usize = 9;

pub(super) fn figure(page: &Page) -> Option<Figure> {
    let chart = &page.chart;
    if chart.lanes.is_empty() {
        return None;
    }
    let rows = rows(&chart.lanes);
    let is_dense = |lane: &Lane| lane.connections > APART;
    let binned = chart.without_mark > 0 || rows.iter().any(|lane| is_dense(lane));
    let scale = Scale {
        length_ns: page.length_ns.max(1),
    };
    let logs: Vec<_> = logs(page).take(LOGS).collect();
    let bottom = 8.0 + LANE * rows.len() as f64;
    let height = bottom + if logs.is_empty() { 26.0 } else { 52.0 };
    let inner = html! {
        (axis(&scale, bottom))
        @for (index, lane) in rows.iter().enumerate() {
            @let top = 8.0 + LANE * index as f64;
            text.lane x=(at(LEFT)) y=(at(top + 12.0)) {
                (cut(&lane.label)) " · " (counted(lane.connections, "connection"))
            }
            @let rule = top + if binned { 42.0 } else { 32.0 };
            line.rule x1=(at(LEFT)) x2=(at(WIDTH - LEFT)) y1=(at(rule)) y2=(at(rule)) {}
            @if binned { (bars(lane, chart.bin_ns, &scale, top)) }
            @else { (marks(of_row(chart, index), &scale, top + 32.0)) }
        }
        @for (number, (at_ns, line)) in logs.iter().enumerate() {
            @let x = scale.x(*at_ns);
            g.log {
                title { (cut(&line.line)) }
                line x1=(at(x)) x2=(at(x)) y1="8" y2=(at(bottom)) {}
                path d=(format!("M{} {}l7 12l-14 0Z", at(x), at(bottom + 24.0))) {}
                text.tick x=(at(x)) y=(at(bottom + 48.0)) text-anchor="middle" { "log " (number + 1) }
            }
        }
    };
    let description = sentence(page, binned, &rows);
    Some(Figure {
        id: "timeline",
        title: "Connections over time",
        of_rows: match binned {
            false => chart.marks.len(),
            true => chart.lanes.iter().map(|lane| lane.bins.len()).sum(),
        },
        picture: html! {
            (legend(chart))
            (picture("timeline", height, "Connections over time", &description, &inner))
            @if !logs.is_empty() { (log_list(&logs)) }
        },
        sentence: description,
        columns: match binned {
            false => &["Start", "Who", "Peer", "Lived", "Outcome"],
            true => &["From", "Who", "Began", "How they ended"],
        },
        rows: match binned {
            false => mark_rows(chart),
            true => bin_rows(chart),
        },
    })
}

/// Each lane in a row of its own, as far as there is room; what has none is drawn in the last.
fn rows(lanes: &[Lane]) -> Vec<Cow<'_, Lane>> {
    if lanes.len() <= LANES {
        return lanes.iter().map(Cow::Borrowed).collect();
    }
    let (own, rest) = lanes.split_at(LANES - 1);
    let mut others = Lane {
        label: "all others".to_owned(),
        others: true,
        ..Lane::default()
    };
    for lane in rest {
        others.absorb(lane.clone());
    }
    let own = own.iter().map(Cow::Borrowed);
    own.chain([Cow::Owned(others)]).collect()
}

/// The marks of a row; the last has those of all lanes without one.
fn of_row(chart: &Chart, row: usize) -> impl Iterator<Item = &MarkOf> {
    let marks = chart.marks.iter();
    marks.filter(move |mark| mark.lane.min(LANES - 1) == row)
}

struct Scale {
    length_ns: u64,
}

impl Scale {
    fn x(&self, ns: u64) -> f64 {
        let share = ns as f64 / self.length_ns as f64;
        LEFT + PLOT * share.clamp(0.0, 1.0)
    }
}

fn axis(scale: &Scale, bottom: f64) -> Markup {
    let step = step(scale.length_ns, 12);
    let ticks = (0..=scale.length_ns / step)
        .take(24)
        .map(|tick| tick * step);
    html! {
        @for ns in ticks {
            @let x = scale.x(ns);
            line.grid x1=(at(x)) x2=(at(x)) y1="4" y2=(at(bottom)) {}
            text.tick x=(at(x)) y=(at(bottom + 16.0))
                text-anchor=(if x < 40.0 { "start" } else if x > WIDTH - 40.0 { "end" } else { "middle" })
                { (moment(ns)) }
        }
    }
}

fn marks<'a>(of_row: impl Iterator<Item = &'a MarkOf>, scale: &Scale, y: f64) -> Markup {
    // What failed is on top: it may have been tried at the same moment as something else.
    let (failed, others): (Vec<_>, Vec<_>) = of_row.partition(|mark| mark.look == Look::Failed);
    html! {
        @for mark in others.into_iter().chain(failed) {
            @let x = scale.x(mark.at_ns);
            @let end = scale.x(mark.at_ns.saturating_add(mark.lived_ns.unwrap_or(0)));
            g class=(mark.look.class()) {
                title {
                    @if mark.before_start { "before the trace" } @else { (moment(mark.at_ns)) }
                    ": " (cut(&mark.outcome))
                    @if let Some(lived) = lived(mark) { ", lived " (lived) }
                    @else if mark.look == Look::Failed { ", not established" }
                }
                @if end - x > 8.0 {
                    line.life x1=(at(x)) x2=(at(end)) y1=(at(y)) y2=(at(y)) {}
                }
                path.mark d=(mark.look.shape(x, y)) {}
            }
        }
    }
}

/// Columns of what began in each bin, the worst at the bottom.
fn bars(lane: &Lane, bin_ns: u64, scale: &Scale, top: f64) -> Markup {
    let most = lane.bins.values().map(sum).max().unwrap_or(1).max(1);
    let width = (PLOT * bin_ns as f64 / scale.length_ns as f64).clamp(1.0, 24.0);
    html! {
        @for (bin, looks) in lane.bins.iter().take(512) {
            @let x = scale.x(bin.saturating_mul(bin_ns));
            @let pieces = pieces(looks, most, top + 42.0);
            @for (look, y, height) in pieces {
                rect class=(look.class()) x=(at(x)) y=(at(y)) width=(at((width - 0.4).max(0.8)))
                    height=(at(height)) {}
            }
        }
    }
}

type Looks = std::collections::BTreeMap<Look, u64>;

fn sum(looks: &Looks) -> u64 {
    looks
        .values()
        .fold(0, |sum, count| sum.saturating_add(*count))
}

/// From the bottom up, 26 units high for the fullest bin.
fn pieces(looks: &Looks, most: u64, bottom: f64) -> Vec<(Look, f64, f64)> {
    let mut y = bottom;
    let pieces = looks.iter().map(|(look, count)| {
        let height = 26.0 * (*count as f64 / most as f64);
        y -= height;
        (*look, y, height)
    });
    pieces.collect()
}

fn legend(chart: &Chart) -> Markup {
    let there = |look: &Look| chart.lanes.iter().any(|lane| lane.looks.contains_key(look));
    html! {
        ul.legend {
            @for look in Look::ALL.into_iter().filter(there) {
                li {
                    svg class=(look.class()) viewBox="0 0 14 14" width="14" height="14" aria-hidden="true" {
                        path.mark d=(look.shape(7.0, 7.0)) {}
                    }
                    (look.words())
                }
            }
        }
    }
}

fn logs(page: &Page) -> impl Iterator<Item = (u64, &LogLine)> {
    page.logs.iter().filter_map(|line| {
        let at_ns = line.at_ns.filter(|at_ns| *at_ns <= page.length_ns)?;
        Some((at_ns, line))
    })
}

fn log_list(logs: &[(u64, &LogLine)]) -> Markup {
    html! {
        ol.logs {
            @for (at_ns, line) in logs {
                li {
                    b { (moment(*at_ns)) } " " (cut(&line.place)) ": "
                    code { (cut(&line.line)) }
                    " (" (counted(line.count, "line")) ": " (cut(&line.meaning)) ")"
                }
            }
        }
    }
}

fn sentence(page: &Page, binned: bool, rows: &[Cow<'_, Lane>]) -> String {
    let chart = &page.chart;
    let mut sentence = whose(&chart.lanes);
    sentence.push_str(&match binned {
        false => " Each mark is a connection at its start; a line behind it is its life where \
                  that is long enough to see. An even row of equal marks goes by a clock: a \
                  program that tries again, or one that checks."
            .to_owned(),
        true => format!(
            " There are too many for a mark each, so each column counts what began in {}, in the \
             colour of how it ended; its height is relative to the row's fullest column.",
            duration(chart.bin_ns)
        ),
    });
    if chart.before_start > 0 {
        sentence.push_str(&format!(
            " What is older than the trace ({}) stands where the trace begins.",
            counted(chart.before_start, "connection")
        ));
    }
    if let (more @ 1.., Some(last)) = (chart.lanes.len().saturating_sub(rows.len()), rows.last()) {
        sentence.push_str(&format!(
            " The last row is of {} that have no row of their own, with {}; the table names them.",
            count(more as u64 + 1),
            counted(last.connections, "connection")
        ));
    }
    sentence
}

/// How many are of the busiest, where one is.
fn whose(lanes: &[Lane]) -> String {
    let all = lanes
        .iter()
        .fold(0_u64, |sum, lane| sum.saturating_add(lane.connections));
    let all = counted(all, "connection");
    match lanes {
        [] => String::new(),
        [only] => format!("{all} of {}.", only.label),
        [first, second, ..] if !second.others && first.connections == second.connections => {
            let most = count(first.connections);
            match lanes.iter().any(|lane| lane.others) {
                true => format!("{all}; no row but that of all others has more than {most}."),
                false => format!("{all}; no row has more than {most}."),
            }
        }
        [first, ..] => {
            // Some of its connections may be among the others.
            let least = match lanes.iter().any(|lane| lane.others) {
                true => "At least ",
                false => "",
            };
            let most = count(first.connections);
            format!("{least}{most} of {all} are of {}.", first.label)
        }
    }
}

/// Rows of a table are limited so that the page stays small.
const ROWS: usize = 400;

/// Of one that is older than the trace it is known from then on only.
fn lived(mark: &MarkOf) -> Option<String> {
    let known = duration(mark.lived_ns?);
    Some(match mark.before_start {
        true => format!(">{known}"),
        false => known,
    })
}

fn mark_rows(chart: &Chart) -> Vec<Vec<String>> {
    let label = |lane: usize| chart.lanes.get(lane).map_or("", |lane| &lane.label);
    let rows = chart.marks.iter().take(ROWS).map(|mark| {
        vec![
            match mark.before_start {
                true => "before the trace".to_owned(),
                false => moment(mark.at_ns),
            },
            label(mark.lane).to_owned(),
            mark.peer.clone(),
            lived(mark).unwrap_or_else(|| "-".to_owned()),
            mark.outcome.clone(),
        ]
    });
    rows.collect()
}

fn bin_rows(chart: &Chart) -> Vec<Vec<String>> {
    let bins = chart.lanes.iter().flat_map(|lane| {
        let bins = lane.bins.iter();
        bins.map(move |(bin, looks)| (lane, *bin, looks))
    });
    let rows = bins.take(ROWS).map(|(lane, bin, looks)| {
        let ended = looks.iter();
        let ended: Vec<_> = ended
            .map(|(look, number)| format!("{} {}", count(*number), look.words()))
            .collect();
        vec![
            moment(bin.saturating_mul(chart.bin_ns)),
            lane.label.clone(),
            count(sum(looks)),
            ended.join(", "),
        ]
    });
    rows.collect()
}
