// SPDX-License-Identifier: MIT
//! The counts that Prometheus gets, as metrics of OTLP. `zkchurn_connections_total` becomes
//! `zkchurn.connections`, a sum, and `zkchurn_connect_seconds` becomes `zkchurn.connect` with the
//! unit `s`: what translates them back, as collectors and Prometheus itself do, gets the names
//! that the rules and the dashboard know.

use prometheus::proto::{self, LabelPair, MetricFamily, MetricType};

use super::{
    attributes::Attributes,
    message::{Data, Gauge, Histogram, HistogramPoint, KeyValue, Metric, Number, NumberPoint, Sum},
};

/// `AGGREGATION_TEMPORALITY_CUMULATIVE`: since counting began.
const CUMULATIVE: i32 = 2;

/// When counting began, and now: nanoseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub started: u64,
    pub now: u64,
}

/// All of these.
pub(super) fn metrics(families: &[MetricFamily], window: Window) -> Vec<Metric> {
    let metrics = families.iter();
    metrics.map(|family| metric(family, window)).collect()
}

fn metric(family: &MetricFamily, window: Window) -> Metric {
    let counted = family.get_metric();
    let numbers = |value: fn(&proto::Metric) -> Number| {
        let points = counted.iter();
        let points = points.map(|metric| number(metric, value(metric), window));
        points.collect()
    };
    let data = match family.get_field_type() {
        MetricType::COUNTER => Data::Sum(Sum {
            data_points: numbers(count),
            aggregation_temporality: CUMULATIVE,
            is_monotonic: true,
        }),
        MetricType::HISTOGRAM => {
            let points = counted.iter();
            Data::Histogram(Histogram {
                data_points: points.map(|metric| histogram(metric, window)).collect(),
                aggregation_temporality: CUMULATIVE,
            })
        }
        _ => Data::Gauge(Gauge {
            data_points: numbers(|metric| Number::Double(metric.get_gauge().get_value())),
        }),
    };
    let (name, unit) = named(family.name());
    Metric {
        name,
        description: family.help().to_owned(),
        unit: unit.to_owned(),
        data: Some(data),
    }
}

/// The name and unit of what Prometheus calls so.
fn named(name: &str) -> (String, &'static str) {
    let name = name.strip_suffix("_total").unwrap_or(name);
    let (name, unit) = match name.strip_suffix("_seconds") {
        Some(name) => (name, "s"),
        None => (name, ""),
    };
    (name.replacen('_', ".", 1), unit)
}

/// It was made of a whole number.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a count is exact up to 9 quadrillions"
)]
fn count(metric: &proto::Metric) -> Number {
    Number::Int(metric.get_counter().get_value() as i64)
}

fn number(metric: &proto::Metric, value: Number, window: Window) -> NumberPoint {
    NumberPoint {
        start_time_unix_nano: window.started,
        time_unix_nano: window.now,
        value: Some(value),
        attributes: attributes(metric.get_label()),
    }
}

/// Prometheus counts what is below a bound, OTLP what is between two.
fn histogram(metric: &proto::Metric, window: Window) -> HistogramPoint {
    let counted = metric.get_histogram();
    let mut below = 0;
    let mut between =
        |cumulative: u64| cumulative.saturating_sub(std::mem::replace(&mut below, cumulative));
    let buckets = counted.get_bucket().iter();
    let mut bucket_counts: Vec<_> = buckets
        .map(|bucket| between(bucket.cumulative_count()))
        .collect();
    bucket_counts.push(between(counted.get_sample_count()));
    let bounds = counted.get_bucket().iter();
    HistogramPoint {
        start_time_unix_nano: window.started,
        time_unix_nano: window.now,
        count: counted.get_sample_count(),
        sum: Some(counted.get_sample_sum()),
        bucket_counts,
        explicit_bounds: bounds.map(|bucket| bucket.upper_bound()).collect(),
        attributes: attributes(metric.get_label()),
    }
}

fn attributes(labels: &[LabelPair]) -> Vec<KeyValue> {
    let mut attributes = Attributes::default();
    for label in labels {
        attributes.text(label.name(), label.value());
    }
    attributes.all()
}
