// SPDX-License-Identifier: MIT
//! How long the pauses between connections are, and how long connections live, on an axis of
//! decades.

use maud::{Markup, html};

use super::Figure;
use crate::{
    render::html::{
        histogram::Histogram,
        page::Page,
        svg::{WIDTH, at, decade, picture},
    },
    text::{count, counted, duration},
};

const LEFT: f64 = 12.0;
const PLOT: f64 = WIDTH - 2.0 * LEFT;
const TOP: f64 = 24.0;
const TALL: f64 = 120.0;
/// What the axis covers, nanoseconds.
const FROM: f64 = 1e4;
const TO: f64 = 1e13;

/// ClientCnxn.SendThread waits 1 s in StaticHostProvider.next and up to another second in
/// startConnect.
const JAVA_BACK_OFF_NS: (f64, f64) = (1e9, 2e9);
/// What a rhythm says that is this one.
const JAVA_BACK_OFF: &str = "Java client's back-off";

pub(super) fn gaps(page: &Page) -> Option<Figure> {
    let lane = page.chart.lanes.first()?;
    let rhythm = page.rhythm.as_deref().unwrap_or_default();
    let band = rhythm.contains(JAVA_BACK_OFF).then_some(JAVA_BACK_OFF_NS);
    let each = match lane.gaps_of_each {
        true => "each of ",
        false => "",
    };
    let mut sentence = format!(
        "From one start to the next of {each}{}. A narrow hill is a rhythm, such as that of a program that \
         tries again; a wide spread is demand, or a pause that grows.",
        lane.label
    );
    if let Some((from, to)) = band {
        sentence.push_str(&format!(
            " The shaded band, {} to {}, is the back-off of ZooKeeper's Java client: it waits so \
             long once it has tried each of its servers.",
            decade(from),
            decade(to)
        ));
    }
    figure(
        "gaps",
        "Pauses between connections",
        sentence,
        &lane.gaps,
        band,
    )
}

pub(super) fn lived(page: &Page) -> Option<Figure> {
    let lane = page.chart.lanes.first()?;
    let sentence = format!(
        "How long established connections of {} lived, until the first FIN or RST. Milliseconds \
         leave time for a few requests at most; a sharp hill at whole seconds is often a timeout.",
        lane.label
    );
    figure("lived", "Lifetimes", sentence, &lane.lived, None)
}

fn figure(
    id: &'static str,
    title: &'static str,
    sentence: String,
    histogram: &Histogram,
    band: Option<(f64, f64)>,
) -> Option<Figure> {
    let total = histogram.total();
    if total == 0 {
        return None;
    }
    let most = histogram.bins().map(|(.., count)| count).max().unwrap_or(1);
    let inner = html! {
        (axis())
        @if let Some((from, to)) = band { (shaded(from, to)) }
        @for (from, to, number) in histogram.bins() {
            @let height = TALL * (number as f64 / most as f64);
            g.bar {
                title { (duration(from)) " to " (duration(to)) ": " (count(number)) }
                rect x=(at(x(from as f64) + 0.5)) y=(at(TOP + TALL - height))
                    width=(at(x(to as f64) - x(from as f64) - 1.0)) height=(at(height)) {}
            }
        }
    };
    let description = format!("{sentence} {} in all.", counted(total, "value"));
    Some(Figure {
        id,
        title,
        picture: picture(id, TOP + TALL + 26.0, title, &description, &inner),
        sentence,
        columns: &["From", "To", "Count"],
        of_rows: histogram.bins().count(),
        rows: histogram
            .bins()
            .map(|(from, to, number)| vec![duration(from), duration(to), count(number)])
            .collect(),
    })
}

fn x(ns: f64) -> f64 {
    let share = (ns.max(FROM) / FROM).log10() / (TO / FROM).log10();
    LEFT + PLOT * share.clamp(0.0, 1.0)
}

fn axis() -> Markup {
    let decades = (4..=13).map(|power| 10_f64.powi(power));
    html! {
        @for ns in decades {
            @let x = x(ns);
            line.grid x1=(at(x)) x2=(at(x)) y1=(at(TOP - 6.0)) y2=(at(TOP + TALL)) {}
            text.tick x=(at(x)) y=(at(TOP + TALL + 18.0))
                text-anchor=(if x < 40.0 { "start" } else if x > WIDTH - 40.0 { "end" } else { "middle" })
                { (decade(ns)) }
        }
        line.rule x1=(at(LEFT)) x2=(at(WIDTH - LEFT)) y1=(at(TOP + TALL)) y2=(at(TOP + TALL)) {}
    }
}

fn shaded(from: f64, to: f64) -> Markup {
    html! {
        rect.band x=(at(x(from))) y=(at(TOP - 6.0)) width=(at(x(to) - x(from))) height=(at(TALL + 6.0)) {}
        text.bandname x=(at(x(to) + 6.0)) y=(at(TOP + 6.0)) { "back-off of the Java client" }
    }
}
