// SPDX-License-Identifier: MIT
//! What is printed of a recording: in each form, side by side with another, and of several
//! hosts together.

use std::io::Read;

use jiff::tz::TimeZone;
use zkchurn_core::{
    diff::{self, Taken},
    filter::Filter,
    hosts::{self, Host},
    pipeline::{Pipeline, View},
    recording::reader::Reader,
    redact::Redactor,
    render::{FORMS, Options, Renderer, Several},
    replay::{self, collector::Collector},
    report::Report,
};

use crate::shared_bytes::Shared;

pub(crate) const VIEW: View = View {
    top: 10,
    time_wait_rows: true,
};

/// What is printed, by the name of the form, and the report.
pub(crate) struct Printed {
    pub(crate) forms: Vec<(&'static str, Vec<u8>)>,
    pub(crate) report: Option<Report>,
}

/// Replays a recording into all forms.
pub(crate) fn in_all_forms(from: impl Read, filter: Option<&str>, is_redacted: bool) -> Printed {
    let (mut renderers, mut outputs) = (Vec::<Box<dyn Renderer>>::new(), Vec::new());
    for form in FORMS {
        let output = Shared::default();
        renderers.push(form.renderer(Box::new(output.clone()), options()));
        outputs.push((form.name(), output));
    }
    let filter: Option<Filter> = filter.map(|text| text.parse().unwrap());
    let mut pipeline = Pipeline::new(Several(renderers), VIEW)
        .with_filter(filter)
        .redacted(is_redacted.then(Redactor::default));
    replay::play(&mut Reader::new(from).unwrap(), &mut pipeline).unwrap();
    pipeline.flush().unwrap();
    let report = pipeline.report().cloned();
    drop(pipeline);
    let forms = outputs.into_iter();
    let forms = forms.map(|(name, output)| (name, output.text().into_bytes()));
    Printed {
        forms: forms.collect(),
        report,
    }
}

/// Two recordings of one kind, one after the other.
pub(crate) fn compared(before: &[u8], after: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let Some(diff) = diff::compare(&taken(before), &taken(after)) else {
        return Vec::new();
    };
    let forms = FORMS.iter().map(|form| {
        let mut output = Vec::new();
        form.diff(&mut output, &diff, &options()).unwrap();
        (form.name(), output)
    });
    forms.collect()
}

fn taken(recording: &[u8]) -> Taken {
    let collector = Collector::default();
    let mut pipeline = Pipeline::new(collector.clone(), VIEW);
    replay::play(&mut Reader::new(recording).unwrap(), &mut pipeline).unwrap();
    drop(pipeline);
    collector.take()
}

/// Reports as those of several hosts, with what the JSON form says of each.
pub(crate) fn of_hosts(printed: &[Printed]) -> Vec<(&'static str, Vec<u8>)> {
    let mut reports: Vec<_> = printed
        .iter()
        .filter_map(|one| one.report.clone())
        .collect();
    for (number, report) in reports.iter_mut().enumerate() {
        report.trace.host = format!("host-{number}");
    }
    let all: Vec<_> = reports
        .iter()
        .map(|report| Host {
            file: &report.trace.host,
            boot_id: None,
            report,
            is_damaged: report.total.ended % 3 == 0,
        })
        .collect();
    match hosts::merge(&all) {
        Err(why) => vec![("refused", why.to_string().into_bytes())],
        Ok(hosts) => {
            let forms = FORMS.iter().enumerate().map(|(index, form)| {
                let mut output = Vec::new();
                let texts = printed.iter().filter(|one| one.report.is_some());
                let texts: Vec<_> = texts.map(|one| one.forms[index].1.clone()).collect();
                form.hosts(&mut output, &hosts, &texts, &options()).unwrap();
                (form.name(), output)
            });
            forms.collect()
        }
    }
}

fn options() -> Options {
    Options {
        colour: true,
        ..Options::plain(TimeZone::UTC)
    }
}
