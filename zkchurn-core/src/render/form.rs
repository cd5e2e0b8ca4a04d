// SPDX-License-Identifier: MIT
//! The forms of output, listed in one place.

use std::{
    fmt::Debug,
    io::{self, Write},
};

use jiff::tz::TimeZone;

use super::{
    Renderer,
    html::HtmlForm,
    json::JsonForm,
    markdown::MarkdownForm,
    text::{TextForm, column::Column},
};
use crate::{diff::Diff, doctor::Doctor, hosts::Hosts, serverlog};

/// How a form may look.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether to colour.
    pub colour: bool,
    /// The zone of the times of day.
    pub zone: TimeZone,
    /// Most lines of connections a second; 0 for no limit.
    pub lines_per_second: u32,
    /// Columns of the terminal; `None` where the output is none, or where it does not say.
    pub columns: Option<u16>,
    /// Its rows, likewise.
    pub rows: Option<u16>,
    /// What the lines of connections show, in this order; empty where the width decides.
    pub chosen: Vec<Column>,
    /// Whether people are shown tables, evidence and processes above the answer.
    pub details: bool,
}

impl Options {
    /// Everything, for whatever reads it: no colour, no limit, no terminal.
    pub const fn plain(zone: TimeZone) -> Self {
        Self {
            colour: false,
            zone,
            lines_per_second: 0,
            columns: None,
            rows: None,
            chosen: Vec::new(),
            details: true,
        }
    }
}

/// Columns that sentences are wrapped to where no terminal says how many it has.
pub(super) const COLUMNS: u16 = 100;

/// Bytes that a renderer gathers before they go out.
pub(super) const BUFFER: usize = 64 * 1024;

/// A form of output: everything that zkchurn prints, in one way.
pub trait Form: Debug + Sync {
    /// Its name behind `--format`.
    fn name(&self) -> &'static str;
    /// What it is for, in a few words.
    fn purpose(&self) -> &'static str;
    /// A trace or a replay. What is written is buffered until it is flushed.
    fn renderer(&self, to: Box<dyn Write>, options: Options) -> Box<dyn Renderer>;
    /// The report of `zkchurn serverlog`.
    ///
    /// # Errors
    ///
    /// What the output fails with; likewise below.
    fn server_log(
        &self,
        to: &mut dyn Write,
        report: &serverlog::report::LogReport,
        options: &Options,
    ) -> io::Result<()>;
    /// What `zkchurn doctor` found.
    fn doctor(&self, to: &mut dyn Write, doctor: &Doctor) -> io::Result<()>;
    /// The comparison of `zkchurn diff`.
    fn diff(&self, to: &mut dyn Write, diff: &Diff, options: &Options) -> io::Result<()>;
    /// Several hosts, of which this form's renderer wrote `reports`, in the order of the hosts.
    fn hosts(
        &self,
        to: &mut dyn Write,
        hosts: &Hosts,
        reports: &[Vec<u8>],
        options: &Options,
    ) -> io::Result<()>;
}

/// All forms; the first is the default.
pub static FORMS: [&dyn Form; 4] = [&TextForm, &JsonForm, &MarkdownForm, &HtmlForm];

/// The form of this name.
pub fn named(name: &str) -> Option<&'static dyn Form> {
    FORMS.into_iter().find(|form| form.name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_says_what_it_is_for() {
        for form in FORMS {
            assert!(form.purpose().len() > 5, "{}", form.name());
            assert!(named(form.name()).is_some());
        }
    }
}
