// SPDX-License-Identifier: MIT
//! The text that Prometheus reads (exposition format 0.0.4): node_exporter's textfile collector
//! takes no other.

use prometheus::{
    TextEncoder,
    proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType},
};

use super::{
    Metrics,
    families::Name,
    family::{CONNECTING, Counts, Histogram as Counted, LIVED},
};

/// What stands for all families without series of their own.
const OTHERS: &str = "_other";

/// All that was counted, as text.
pub(super) fn of(metrics: &Metrics) -> String {
    // It fails where a family has no name or no metric only.
    TextEncoder::new()
        .encode_to_string(&all(metrics))
        .unwrap_or_default()
}

/// The same as data.
pub(super) fn all(metrics: &Metrics) -> Vec<MetricFamily> {
    let all = [
        build_info(metrics),
        started(metrics),
        open(metrics),
        ended(metrics),
        histogram(
            metrics,
            "zkchurn_connection_lifetime_seconds",
            "How long connections that ended had been established.",
            &LIVED,
            |counts| &counts.lived,
        ),
        histogram(
            metrics,
            "zkchurn_connect_seconds",
            "How long connecting took, or was tried.",
            &CONNECTING,
            |counts| &counts.connecting,
        ),
        found(metrics),
        lost(metrics),
        limitations(metrics),
        folded(metrics),
    ];
    let mut all: Vec<_> = all.into();
    all.retain(|family| !family.get_metric().is_empty());
    all
}

/// The families with series of their own, then the others, each with what its labels say.
fn families(metrics: &Metrics) -> Vec<(Vec<LabelPair>, &Counts)> {
    let named = metrics.families.named();
    let mut families: Vec<_> = named
        .into_iter()
        .map(|(name, counts)| (labels_of(name), counts))
        .collect();
    families.extend(metrics.families.others().map(|(side, others)| {
        let labels = labels(&[("peer", OTHERS), ("process", OTHERS), ("side", side)]);
        (labels, others)
    }));
    families
}

fn labels_of(name: &Name) -> Vec<LabelPair> {
    let Name {
        side,
        process,
        peer,
    } = name;
    labels(&[("peer", peer), ("process", process), ("side", side)])
}

fn ended(metrics: &Metrics) -> MetricFamily {
    let families = families(metrics).into_iter();
    let metric = families.flat_map(|(labels_of_family, counts)| {
        counts.ended.iter().map(move |((outcome, closed), count)| {
            let mut all = labels(&[("closed_first", closed.name()), ("outcome", outcome.name())]);
            all.extend(labels_of_family.clone());
            counter(all, *count)
        })
    });
    family(
        "zkchurn_connections_total",
        "Connections that ended, by how and who closed first; at the end of a trace half-closed ones, too.",
        MetricType::COUNTER,
        metric.collect(),
    )
}

fn histogram(
    metrics: &Metrics,
    name: &str,
    help: &str,
    bounds: &[f64],
    of: impl Fn(&Counts) -> &Counted,
) -> MetricFamily {
    let families = families(metrics).into_iter();
    let metric = families.map(|(labels, counts)| {
        let counted = of(counts);
        let mut below = 0;
        let buckets = bounds.iter().enumerate().map(|(index, bound)| {
            below += counted.buckets.get(index).copied().unwrap_or(0);
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(*bound);
            bucket.set_cumulative_count(below);
            bucket
        });
        let mut histogram = Histogram::default();
        histogram.set_bucket(buckets.collect());
        histogram.set_sample_count(counted.count);
        histogram.set_sample_sum(counted.sum);
        let mut metric = Metric::from_label(labels);
        metric.set_histogram(histogram);
        metric
    });
    family(name, help, MetricType::HISTOGRAM, metric.collect())
}

fn open(metrics: &Metrics) -> MetricFamily {
    gauge(
        "zkchurn_connections_open",
        "Established connections whose sockets are there, half-closed ones included.",
        vec![(Vec::new(), number(metrics.open.unwrap_or_default()))],
    )
}

fn found(metrics: &Metrics) -> MetricFamily {
    let findings = metrics.findings.iter().map(|alike| {
        let labels = labels(&[
            ("confidence", alike.confidence.word()),
            ("finding", alike.name),
            ("peer", &alike.peer),
            ("process", &alike.process),
        ]);
        (labels, number(alike.count))
    });
    gauge(
        "zkchurn_findings",
        "Findings that are likely at least, the worst ten kinds and `_other`; absent where there is none.",
        findings.collect(),
    )
}

fn lost(metrics: &Metrics) -> MetricFamily {
    family(
        "zkchurn_records_lost_total",
        "What could not be recorded, by where it was lost.",
        MetricType::COUNTER,
        metrics
            .lost
            .all()
            .map(|(place, count)| counter(labels(&[("where", place)]), count))
            .collect(),
    )
}

fn limitations(metrics: &Metrics) -> MetricFamily {
    gauge(
        "zkchurn_limitations",
        "Sentences about what this host could not offer; the report has them.",
        vec![(Vec::new(), number(metrics.limitations))],
    )
}

fn folded(metrics: &Metrics) -> MetricFamily {
    family(
        "zkchurn_families_folded_total",
        "How often a process name and peer had no room for series of its own.",
        MetricType::COUNTER,
        vec![counter(Vec::new(), metrics.families.folded())],
    )
}

fn build_info(metrics: &Metrics) -> MetricFamily {
    gauge(
        "zkchurn_build_info",
        "Always 1; which zkchurn traces.",
        vec![(labels(&[("version", &metrics.version)]), 1.0)],
    )
}

fn started(metrics: &Metrics) -> MetricFamily {
    #[expect(
        clippy::cast_precision_loss,
        reason = "seconds since 1970 are exact to a microsecond"
    )]
    let seconds = metrics.started_unix_ns as f64 / 1e9;
    gauge(
        "zkchurn_trace_start_timestamp_seconds",
        "When the trace began.",
        vec![(Vec::new(), seconds)],
    )
}

fn gauge(name: &str, help: &str, values: Vec<(Vec<LabelPair>, f64)>) -> MetricFamily {
    let metric = values.into_iter().map(|(labels, value)| {
        let mut gauge = Gauge::default();
        gauge.set_value(value);
        let mut metric = Metric::from_label(labels);
        metric.set_gauge(gauge);
        metric
    });
    family(name, help, MetricType::GAUGE, metric.collect())
}

fn counter(labels: Vec<LabelPair>, count: u64) -> Metric {
    let mut counter = Counter::default();
    counter.set_value(number(count));
    let mut metric = Metric::from_label(labels);
    metric.set_counter(counter);
    metric
}

fn family(name: &str, help: &str, kind: MetricType, metric: Vec<Metric>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(kind);
    family.set_metric(metric);
    family
}

fn labels(pairs: &[(&str, &str)]) -> Vec<LabelPair> {
    let pairs = pairs.iter().map(|(name, value)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*value).to_owned());
        pair
    });
    pairs.collect()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a count is exact up to 9 quadrillions"
)]
const fn number(count: u64) -> f64 {
    count as f64
}
