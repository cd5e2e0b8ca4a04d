// SPDX-License-Identifier: MIT
//! `zkchurn serverlog`: who churns, from a server's own log files.

use std::{
    collections::HashSet,
    io::{self, BufWriter, Write},
    os::unix::ffi::OsStrExt,
    path::PathBuf,
};

use clap::Args;
use zkchurn_core::{
    render::{FORMS, Form},
    serverlog::{moment::Moment, reading::Reading, report, scan::Scanner, window::Window},
    text,
};

use super::{output, values};
use crate::{
    exit::{Code, Failure},
    host::{
        long_read::was_stopped,
        patient::Patient,
        server_log_file::{self, ReadError, Source},
    },
    warn::warn,
};

/// Options of `serverlog`.
#[derive(Debug, Args)]
pub(crate) struct ServerLogArgs {
    /// The log files; `-` for standard input.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// Output format.
    #[arg(long, value_name = "FORM", default_value = FORMS[0].name(), value_parser = values::form())]
    pub format: &'static dyn Form,

    /// How many addresses and findings the report lists.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = values::positive)]
    pub top: usize,

    /// Ignore lines before this time by the server's clock (where the log's times are numbers: in
    /// UTC), such as "2026-11-25 04:13:01".
    #[arg(long, value_name = "TIME", value_parser = values::moment)]
    pub since: Option<Moment>,

    /// Ignore lines from this time on.
    #[arg(long, value_name = "TIME", value_parser = values::moment)]
    pub until: Option<Moment>,

    /// No colours. Pipes and NO_COLOR switch them off, too.
    #[arg(long)]
    pub no_color: bool,
}

/// Reports on logs. Files that cannot be read or are not understood are named on standard
/// error; the report is of the others.
///
/// # Errors
///
/// `--since` is not before `--until`, no file can be read, or the output cannot be written.
pub(crate) fn run(args: &ServerLogArgs) -> Result<Code, Failure> {
    if let (Some(since), Some(until)) = (args.since, args.until)
        && since >= until
    {
        return Err(Failure::sentence(
            Code::Usage,
            "no moment is from --since on and before --until: give the earlier time as --since",
        ));
    }
    let mut troubles = Vec::new();
    let mut sources = Vec::new();
    let mut read_already = HashSet::new();
    for path in &args.files {
        if server_log_file::identity(path).is_some_and(|file| !read_already.insert(file)) {
            let path = text::printable(path.as_os_str().as_bytes());
            warn(format_args!(
                "{path} is a file that is given already, perhaps by another name: it is read once"
            ));
            continue;
        }
        match server_log_file::open(path) {
            Ok(source) => sources.push(source),
            Err(error) => troubles.push(error),
        }
    }
    let any = !sources.is_empty();
    let report = any.then(|| read(sources, args, &mut troubles));
    // Of one log the report says it itself.
    let is_in_report = |trouble: &ReadError| {
        args.files.len() == 1 && matches!(trouble, ReadError::NotUnderstood { .. })
    };
    for trouble in troubles.iter().filter(|trouble| !is_in_report(trouble)) {
        warn(format_args!("{trouble}"));
    }
    if let Some(report) = &report {
        print(report, args)?;
    }
    let code = code(&troubles, report.as_ref());
    if !was_stopped() {
        return Ok(code);
    }
    warn(format_args!(
        "stopped: the report covers what was read until then"
    ));
    Ok(match code {
        Code::Success => Code::Damaged,
        code => code,
    })
}

fn read(
    mut sources: Vec<Source>,
    args: &ServerLogArgs,
    troubles: &mut Vec<ReadError>,
) -> report::LogReport {
    server_log_file::sort(&mut sources);
    let mut scanner = Scanner::new(Window {
        since: args.since,
        until: args.until,
    });
    let mut files = Vec::new();
    for source in sources {
        let (note, trouble) = source.read(&mut scanner);
        files.push(note);
        if was_stopped() {
            // What was not read is not judged.
            break;
        }
        troubles.extend(trouble);
    }
    // Among rotated files one that has just been begun is usual.
    if files.iter().any(|file| file.reading != Reading::Empty) {
        troubles
            .retain(|trouble| !matches!(trouble, ReadError::NotUnderstood { is_empty: true, .. }));
    }
    let (tally, facts) = scanner.finish();
    report::build(&tally, &facts, files, args.top)
}

fn print(report: &report::LogReport, args: &ServerLogArgs) -> io::Result<()> {
    let mut to = BufWriter::new(Patient(io::stdout().lock()));
    args.format
        .server_log(&mut to, report, &output::options(args.no_color))?;
    to.flush()
}

/// A file that cannot be read is worse than one that is not understood, and that is worse
/// than one that can be read in part.
///
/// Where no line is in the range that was asked for it is as with an empty log: a script must not
/// take that for no churn.
fn code(troubles: &[ReadError], report: Option<&report::LogReport>) -> Code {
    let range = report.and_then(|report| report.log.range.as_ref());
    let is_empty = range.is_some_and(|range| !range.has_lines);
    let any = |is: fn(&ReadError) -> bool| troubles.iter().any(is);
    if any(|trouble| {
        matches!(
            trouble,
            ReadError::Unreadable { .. } | ReadError::Packed { .. }
        )
    }) {
        Code::Unreadable
    } else if is_empty || any(|trouble| matches!(trouble, ReadError::NotUnderstood { .. })) {
        Code::NotUnderstood
    } else if troubles.is_empty() {
        Code::Success
    } else {
        Code::Damaged
    }
}
