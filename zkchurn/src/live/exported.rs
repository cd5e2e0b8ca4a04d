// SPDX-License-Identifier: MIT
//! Events and counts for a collector of OpenTelemetry, handed to a helper process that sends them.
//! Nobody waits for it but the end, for a moment; what the collector lacks is counted and said.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use zkchurn_core::{
    otlp::{Export, Exporting, Signal},
    render::Renderer,
    text,
};

use crate::{
    exit::{Code, Failure},
    host::{
        helper::{
            exporting::Exporter,
            recording::{StartedRecorder, Unfinished},
        },
        journal::Priority,
        otlp::{Course, Endpoint, Progress},
    },
    warn::{say, warn},
};

/// How long records wait here at most while the loop is awake.
const HANDED_OVER_EVERY: Duration = Duration::from_secs(1);
/// How long the helper has to say how it goes, before the report counts what is lost.
const ANSWERED_WITHIN: Duration = Duration::from_millis(50);

/// The collector, as the end of a trace sees it.
pub(super) struct Collected {
    address: SocketAddr,
    exporter: Exporter,
}

/// Where requests go as the trace goes on.
struct Outlet {
    exporter: Exporter,
    handed_over: Instant,
    told: Told,
}

/// What was said of how it goes.
struct Told {
    address: SocketAddr,
    /// With events.
    has_trouble: bool,
    /// With counts.
    has_trouble_with_counts: bool,
    /// Events that it was said to lack.
    dropped: u64,
    is_gone: bool,
}

/// Tells a helper that was started while there was one thread where the collector is.
///
/// # Errors
///
/// The helper has ended.
pub(super) fn open(
    endpoint: &Endpoint,
    helper: StartedRecorder,
) -> Result<(Collected, Box<dyn Renderer>), Failure> {
    let address = endpoint.address;
    let exporter = Exporter::open(helper, endpoint).map_err(|error| {
        let sentence = format!("nothing can be sent to the collector at {address}: {error}");
        Failure::sentence(Code::Unwritable, sentence)
    })?;
    if !address.ip().is_loopback() {
        warn(format_args!(
            "the names of processes and the addresses of clients and servers go to {address} \
             unencrypted; a collector on this host can encrypt them"
        ));
    }
    let outlet = Outlet {
        exporter: exporter.clone(),
        handed_over: Instant::now(),
        told: Told {
            address,
            has_trouble: false,
            has_trouble_with_counts: false,
            dropped: 0,
            is_gone: false,
        },
    };
    let collected = Collected { address, exporter };
    Ok((collected, Box::new(Exporting::new(outlet))))
}

impl Export for Outlet {
    fn export(&mut self, signal: Signal, records: u64, request: Vec<u8>) {
        self.exporter.send(signal, records, &request);
        self.handed_over = Instant::now();
        // Once an interval.
        if signal == Signal::Metrics {
            let progress = self.exporter.progress();
            self.told.news(&progress, self.exporter.is_gone());
            self.exporter.ask();
        }
    }

    fn is_due(&self) -> bool {
        self.handed_over.elapsed() >= HANDED_OVER_EVERY
    }
}

impl Told {
    fn news(&mut self, progress: &Progress, is_gone: bool) {
        self.news_of_events(&progress.events);
        self.news_of_counts(&progress.counts);
        if is_gone && !std::mem::replace(&mut self.is_gone, true) {
            warn(format_args!(
                "nothing is sent to the collector at {} any more: the helper process that \
                 does it (zkchurn-otlp) has ended; the trace goes on without it",
                self.address
            ));
        }
    }

    /// That it takes some again is said once one was taken: a refusal is no such thing.
    fn news_of_events(&mut self, events: &Course) {
        let address = self.address;
        match (&events.trouble, self.has_trouble) {
            (Some(why), false) => warn(format_args!(
                "the collector at {address} takes no records ({why}): the trace goes on, and they \
                 wait and are sent again; what it lacks in the end is counted"
            )),
            (None, true) => say(
                Priority::Notice,
                format_args!("the collector at {address} takes records again"),
            ),
            _ => {}
        }
        self.has_trouble = events.trouble.is_some();
        // A collector that is away for days is no news each time.
        let dropped = events.dropped();
        if dropped > self.dropped.saturating_mul(2) {
            warn(format_args!(
                "the collector at {address} lacks {} so far: {}",
                text::counted(dropped, "record"),
                why(events)
            ));
            self.dropped = dropped;
        }
    }

    fn news_of_counts(&mut self, counts: &Course) {
        let address = self.address;
        match (&counts.trouble, self.has_trouble_with_counts) {
            (Some(why), false) => warn(format_args!(
                "the collector at {address} {} ({why}): the trace goes on, and nothing \
                 is lost once it takes later counts, which have all",
                match counts.has_some {
                    true => "does not take all counts",
                    false => "takes no counts",
                }
            )),
            (None, true) => say(
                Priority::Notice,
                format_args!("the collector at {address} takes all counts again"),
            ),
            _ => {}
        }
        self.has_trouble_with_counts = counts.trouble.is_some();
    }
}

/// Why events are lacking, in a few words.
fn why(events: &Course) -> String {
    let because = |what: &str, why: &Option<String>| match why {
        Some(why) => format!("{what} ({why})"),
        None => what.to_owned(),
    };
    let refused = because("refused", &events.why_refused);
    let given_up = because("given up after five tries", &events.why_given_up);
    let counts = [
        (events.no_room, "without room in the queue".to_owned()),
        (events.refused, refused),
        (events.given_up, given_up),
        (
            events.unsent,
            "not confirmed before the trace ended".to_owned(),
        ),
    ];
    let counts = counts.into_iter().filter(|(count, _)| *count > 0);
    let counts: Vec<_> = counts
        .map(|(count, why)| format!("{} {why}", text::count(count)))
        .collect();
    counts.join(", ")
}

/// Says at the end what the collector has not taken.
fn tell_what_is_lacking(address: SocketAddr, Progress { events, counts }: &Progress) {
    if counts.lacks_last {
        let why = counts.trouble.as_deref();
        let why = why.unwrap_or("it did not answer in time");
        let the = match counts.has_some {
            true => "all of the last",
            false => "the last",
        };
        warn(format_args!(
            "the collector at {address} does not have {the} counts: {why}"
        ));
    }
    if events.dropped() > 0 {
        let said = why(events);
        let trouble = events.trouble.as_deref();
        let trouble = trouble.filter(|why| !said.contains(why));
        let trouble = trouble.map_or_else(String::new, |why| format!("; {why}"));
        let lacks = match events.unanswered {
            false => "lacks",
            true => "may lack",
        };
        warn(format_args!(
            "the collector at {address} {lacks} {}: {said}{trouble}",
            text::counted(events.dropped(), "record"),
        ));
    }
}

impl Collected {
    /// Events that the collector lacks, as far as that is known.
    pub(super) fn dropped(&self) -> u64 {
        self.exporter.progress().events.dropped()
    }

    /// Learns what is known by now, for the report.
    pub(super) fn settle(&self) {
        self.exporter.ask();
        self.exporter.wait(ANSWERED_WITHIN);
    }

    /// Has all sent, and says what is missing; whether nothing is.
    pub(super) fn is_finished(&self, deadline: Instant) -> bool {
        let address = self.address;
        let stopped = match self.exporter.finish(deadline) {
            Ok(progress) => {
                tell_what_is_lacking(address, &progress);
                return progress.is_complete();
            }
            Err(Unfinished::Waits) => "it does not answer".to_owned(),
            Err(Unfinished::Stopped(pid)) => {
                format!("the helper process that sends them (zkchurn-otlp, pid {pid}) is stopped")
            }
            Err(Unfinished::Ended) => "the helper process that sends them has ended".to_owned(),
        };
        warn(format_args!(
            "the collector at {address} may lack the last records: {stopped}"
        ));
        false
    }
}
