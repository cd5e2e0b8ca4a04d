// SPDX-License-Identifier: MIT
//! `zkchurn diff`: two recordings side by side.

use std::{
    io::{self, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use zkchurn_core::{
    diff::{self, Class, Diff, Taken},
    filter::Filter,
    pipeline::{Pipeline, View},
    redact::Redactor,
    render::{FORMS, Form, html},
    replay::collector::Collector,
    segments::window::When,
};

use super::{
    output, outputs,
    redact::RedactArgs,
    replay::{self, Played},
    report,
    selection::SelectionArgs,
    source::{self, WindowArgs},
    values,
};
use crate::{
    exit::{Code, Failure},
    host::{long_read::was_stopped, patient::Patient},
    warn::warn,
};

/// Options of a comparison.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// The recording of before: of the incident, or of a healthy day.
    pub before: PathBuf,

    /// The recording of after: of the restart, the new version, today.
    pub after: PathBuf,

    /// Compare only these connections, such as 'peer:10.0.1.0/24 not process:monitor'
    /// (docs/reference/filter.md).
    #[arg(long, value_name = "FILTER", value_parser = values::filter)]
    pub filter: Option<Filter>,

    /// From when to when, of both.
    #[command(flatten)]
    pub window: WindowArgs,

    /// Of BEFORE only from then on: --since and --until are of AFTER alone then. So that one
    /// recording, or an agent's directory, is compared with itself.
    #[arg(long, value_name = "WHEN", value_parser = values::when)]
    pub before_since: Option<When>,

    /// Of BEFORE only until then, likewise.
    #[arg(long, value_name = "WHEN", value_parser = values::when)]
    pub before_until: Option<When>,

    /// Whose.
    #[command(flatten)]
    pub selection: SelectionArgs,

    /// Whether it leaves the house.
    #[command(flatten)]
    pub redact: RedactArgs,

    /// Output format.
    #[arg(long, value_name = "FORM", default_value = FORMS[0].name(), value_parser = values::form())]
    pub format: &'static dyn Form,

    /// Write to this file instead; the ending says what, as for `zkchurn report`. May be given
    /// several times. The file must not exist.
    #[arg(short, long, value_name = "FILE", value_parser = values::report_file)]
    pub output: Vec<PathBuf>,

    /// Fail with exit code 10 if something is so.
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    pub fail_on: Vec<FailOn>,

    /// No colours. Pipes and NO_COLOR switch them off, too.
    #[arg(long)]
    pub no_color: bool,
}

impl DiffArgs {
    /// That of both, or its own.
    fn window_of_before(&self) -> WindowArgs {
        match (self.before_since, self.before_until) {
            (None, None) => self.window,
            (since, until) => WindowArgs { since, until },
        }
    }
}

/// What `--fail-on` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// A program opens connections that did not before.
    New,
    /// A program churns worse than before, or churns that did not before.
    Worse,
}

impl FailOn {
    fn is_met(self, diff: &Diff) -> bool {
        let mut families = diff.families.iter();
        match self {
            Self::New => families.any(|one| one.class == Class::New),
            Self::Worse => families.any(diff::is_worse),
        }
    }
}

/// Compares them.
///
/// # Errors
///
/// A file cannot be read or is no recording, or the output cannot be written.
pub(crate) fn run(args: &DiffArgs) -> Result<Code, Failure> {
    outputs::new(args.output.iter().map(PathBuf::as_path))?;
    let mut redactor = args.redact.redactor();
    let (before, first) = read(args, &args.before, args.window_of_before(), &mut redactor)?;
    if was_stopped() {
        let why = "stopped before the second recording was read: nothing to compare";
        return Err(Failure::sentence(Code::Damaged, why));
    }
    let (after, second) = read(args, &args.after, args.window, &mut redactor)?;
    let code = [first, second]
        .into_iter()
        .find(|code| *code != Code::Success)
        .unwrap_or(Code::Success);
    let Some(diff) = diff::compare(&before, &after) else {
        // Which file has nothing to compare was said when it was read.
        return Ok(code);
    };
    print(&diff, args)?;
    if args.fail_on.iter().any(|one| one.is_met(&diff)) {
        warn(format_args!("{}", diff.verdict));
        return Ok(match code {
            Code::Success => Code::Changed,
            code => code,
        });
    }
    if !diff.has_compared && code == Code::Success {
        warn(format_args!("{}", diff.verdict));
        return Ok(Code::NotUnderstood);
    }
    Ok(code)
}

/// What both have has the same other name in both.
fn read(
    args: &DiffArgs,
    path: &Path,
    window: WindowArgs,
    redactor: &mut Option<Redactor>,
) -> Result<(Taken, Code), Failure> {
    let collector = Collector::default();
    let view = View {
        top: 1,
        time_wait_rows: false,
    };
    let mut pipeline = Pipeline::new(collector.clone(), view)
        .with_filter(args.selection.and(args.filter.as_ref()))
        .redacted(redactor.take());
    let played = play(path, window, &mut pipeline)?;
    *redactor = pipeline.take_redactor();
    Ok((collector.take().damaged(played.is_damaged), played.code))
}

fn play(
    path: &Path,
    window: WindowArgs,
    pipeline: &mut Pipeline<Collector>,
) -> Result<Played, Failure> {
    if source::is_joined(path, window) {
        return replay::play_path(path, window, false, pipeline);
    }
    let file = replay::long_read(replay::open_file(path)?, false);
    let (head, rest) = report::head(file, path)?;
    if html::is_page(&head) {
        let why = format!(
            "{} is a page: a comparison needs the recording it was made of",
            path.display()
        );
        return Err(Failure::sentence(Code::Usage, why));
    }
    let mut reader = replay::open(head.chain(rest), path)?;
    replay::play_all(&mut reader, pipeline, path)
}

fn print(diff: &Diff, args: &DiffArgs) -> Result<(), Failure> {
    for path in &args.output {
        let form = values::form_of(path).and_then(zkchurn_core::render::named);
        let mut bytes = Vec::new();
        if let Some(form) = form {
            form.diff(&mut bytes, diff, &output::options_of_file())?;
        }
        report::write(path, &bytes)?;
    }
    if args.output.is_empty() {
        let mut to = BufWriter::new(Patient(io::stdout().lock()));
        args.format
            .diff(&mut to, diff, &output::options(args.no_color))?;
        to.flush()?;
    }
    Ok(())
}
