// SPDX-License-Identifier: MIT
//! `zkchurn serverlog`: what a ZooKeeper server's own log tells about churn, by
//! client address.
//!
//! ```text
//! input ─> lines ─> line ─> scan (signature, recent) ─> tally, facts ─> report ─> render
//! ```
//!
//! From `line` on nothing does I/O. Memory does not grow with the log: lines,
//! addresses, sessions, threads and buckets of time are bounded, and what does
//! not fit is counted together.

pub mod address;
pub mod facts;
pub mod finding;
pub mod input;
pub mod kind;
pub mod line;
pub mod lines;
pub mod moment;
pub mod rate;
pub mod recent;
pub mod report;
pub mod scan;
pub mod signature;
pub mod tally;
pub mod untold;

use std::io::{self, BufWriter, Write};

use crate::{
    cli::{Format, ServerLogArgs},
    complain::complain,
    exit::{Code, Failure},
    output::colour_is_welcome,
    render,
};
use input::{ReadError, Source};
use scan::{Scanner, Window};

/// Reports on logs. Files that cannot be read are named on standard error; the
/// report is of the others.
///
/// # Errors
///
/// No file can be read, or the output cannot be written.
pub fn run(args: &ServerLogArgs) -> Result<Code, Failure> {
    let mut troubles = Vec::new();
    let mut sources = Vec::new();
    for path in &args.files {
        match input::open(path) {
            Ok(source) => sources.push(source),
            Err(error) => troubles.push(error),
        }
    }
    let any = !sources.is_empty();
    let report = any.then(|| read(sources, args, &mut troubles));
    for trouble in &troubles {
        complain(format_args!("{trouble}"));
    }
    if let Some(report) = report {
        print(&report, args)?;
    }
    Ok(code(&troubles))
}

fn read(
    mut sources: Vec<Source>,
    args: &ServerLogArgs,
    troubles: &mut Vec<ReadError>,
) -> report::Report {
    input::sort(&mut sources);
    let mut scanner = Scanner::new(Window {
        since: args.since,
        until: args.until,
    });
    let mut files = Vec::new();
    for source in sources {
        let (note, trouble) = source.read(|line| scanner.line(line));
        scanner.end_of_file();
        files.push(note);
        troubles.extend(trouble);
    }
    let (tally, facts) = scanner.finish();
    report::build(&tally, &facts, files, args.top)
}

fn print(report: &report::Report, args: &ServerLogArgs) -> io::Result<()> {
    let stdout = io::stdout().lock();
    let colour = !args.no_color && colour_is_welcome(&stdout);
    let mut to = BufWriter::new(stdout);
    match args.format {
        Format::Text => render::server_log::write_text(&mut to, report, colour)?,
        Format::Json => render::server_log::write_json(&mut to, report)?,
    }
    to.flush()
}

/// A file that cannot be read is worse than one that can be read in part.
fn code(troubles: &[ReadError]) -> Code {
    let unreadable = |trouble: &ReadError| matches!(trouble, ReadError::Unreadable { .. });
    match troubles {
        [] => Code::Success,
        _ if troubles.iter().any(unreadable) => Code::Unreadable,
        _ => Code::Damaged,
    }
}
