// SPDX-License-Identifier: MIT
//! `zkchurn report`: files for the ticket, made of a recording, or again of a page.

mod hosts;
mod room;

use std::{
    cell::RefCell,
    fs::File,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    rc::Rc,
};

use anyhow::Context;
use clap::Args;
use zkchurn_core::{
    filter::{Expectation, Filter},
    pipeline::{Pipeline, View},
    redact::Redactor,
    render::{Form, Renderer, Several, html, named},
};

use super::{
    expect, output, outputs,
    redact::RedactArgs,
    replay,
    selection::SelectionArgs,
    source::{self, WindowArgs},
    values,
};
use crate::{
    exit::{Code, Failure},
    host::recording_file,
};

/// Options of `report`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ReportArgs {
    /// The recording, a directory of an agent's segments, or a page that `zkchurn report` has
    /// made. Several recordings, one of each host, make one report on which hosts churn together.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// Which part of it.
    #[command(flatten)]
    pub window: WindowArgs,

    /// Where to write; may be given several times. The ending says what: .html is a page
    /// with pictures, .md for a ticket, .json for programs, .txt for a terminal, .zkchurn a
    /// recording of that part alone.
    ///
    /// The file must not exist.
    #[arg(short, long, value_name = "FILE", required = true, value_parser = values::report_or_recording)]
    pub output: Vec<PathBuf>,

    /// Count and show only these connections and findings, such as
    /// 'process:java not finding:tcp_health_probe' (docs/reference/filter.md).
    #[arg(long, value_name = "FILTER", value_parser = values::filter)]
    pub filter: Option<Filter>,

    /// Whose.
    #[command(flatten)]
    pub selection: SelectionArgs,

    /// Whether it leaves the house.
    #[command(flatten)]
    pub redact: RedactArgs,

    /// How many processes the report lists, and how many threads of each.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = values::positive)]
    pub top: usize,

    /// Write nothing where all files together take more than so many bytes of disk, and say how
    /// many each takes. An agent makes room for an incident so.
    #[arg(long, value_name = "BYTES", hide = true)]
    pub room: Option<u64>,

    /// Fail with exit code 9 unless a finding is like this, such as
    /// 'finding=refused,confidence>=likely'; may be given several times.
    #[arg(long, value_name = "TERMS", value_parser = values::expectation)]
    pub expect: Vec<Expectation>,
}

impl ReportArgs {
    /// The recordings that are to be written, and what else.
    fn parted(&self) -> (Vec<PathBuf>, Self) {
        let all = self.output.iter().cloned();
        let (recordings, output) = all.partition(|to| values::is_recording(to));
        let rest = Self {
            output,
            ..self.clone()
        };
        (recordings, rest)
    }
}

/// Writes the files.
///
/// # Errors
///
/// The file is neither a recording nor a page, or a file cannot be written.
pub(crate) fn run(args: &ReportArgs) -> Result<Code, Failure> {
    outputs::new(args.output.iter().map(PathBuf::as_path))?;
    match args.files.as_slice() {
        [file] => {
            if let Some(room) = args.room {
                room::check(args, file, room)?;
            }
            of_one(args, file)
        }
        files => hosts::run(args, files),
    }
}

fn of_one(args: &ReportArgs, path: &Path) -> Result<Code, Failure> {
    let mut recordings = args.output.iter();
    if recordings.any(|to| values::is_recording(to)) {
        return with_recordings(args, path);
    }
    if source::is_joined(path, args.window) {
        return of_recording(args, |pipeline| {
            Ok(replay::play_path(path, args.window, false, pipeline)?.code)
        });
    }
    let (head, rest) = head(replay::long_read(replay::open_file(path)?, false), path)?;
    let bytes = head.chain(rest);
    match html::is_page(&head) {
        true => again(args, path, bytes),
        false => {
            let mut reader = replay::open(bytes, path)?;
            of_recording(args, |pipeline| {
                Ok(replay::play_all(&mut reader, pipeline, path)?.code)
            })
        }
    }
}

/// The first bytes of a file, which tell a page from a recording, and the rest.
///
/// # Errors
///
/// It cannot be read.
pub(super) fn head<R: Read>(mut from: R, path: &Path) -> Result<(Vec<u8>, R), Failure> {
    let mut head = vec![0; 64];
    let length = fill(&mut from, &mut head).map_err(|error| unreadable(path, error))?;
    head.truncate(length);
    Ok((head, from))
}

fn fill(from: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while let Some(rest) = into.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match from.read(rest)? {
            0 => break,
            read => length += read,
        }
    }
    Ok(length)
}

fn unreadable(path: &Path, error: io::Error) -> Failure {
    let message = format!("{} cannot be read", path.display());
    Failure::new(Code::Unreadable, anyhow::Error::new(error).context(message))
}

fn again(args: &ReportArgs, file: &Path, from: impl Read) -> Result<Code, Failure> {
    let path = file.display();
    let refuse = |why: &str| {
        Err(Failure::sentence(
            Code::Usage,
            format!("{path} is a page: {why}"),
        ))
    };
    if args.selection.and(args.filter.as_ref()).is_some() || !args.expect.is_empty() {
        return refuse("a filter and an expectation need the recording it was made of");
    }
    if args.redact.redact {
        return refuse("other names need the recording it was made of");
    }
    if args
        .output
        .iter()
        .any(|to| values::form_of(to) != Some("html"))
    {
        return refuse("of a page only the same page can be made; other forms need the recording");
    }
    let mut bytes = Vec::new();
    let most = html::LARGEST as u64 + 1;
    from.take(most)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(file, error))?;
    let page = html::again(&bytes)
        .with_context(|| format!("{path} cannot be read as a page"))
        .map_err(|error| Failure::new(Code::Damaged, error))?;
    for to in &args.output {
        write(to, page.as_bytes())?;
    }
    Ok(Code::Success)
}

/// What a form writes until its file is written.
#[derive(Clone, Default)]
struct Memory(Rc<RefCell<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What makes all forms of a recording, and where each of them is then.
fn pipeline(args: &ReportArgs, redactor: Option<Redactor>) -> (Pipeline<Several>, Vec<Memory>) {
    let mut renderers: Vec<Box<dyn Renderer>> = Vec::new();
    let mut memories = Vec::new();
    for to in &args.output {
        let memory = Memory::default();
        let form = values::form_of(to).and_then(named);
        renderers.extend(form.map(|form| renderer(form, memory.clone())));
        memories.push(memory);
    }
    let view = View {
        top: args.top,
        time_wait_rows: false,
    };
    let pipeline = Pipeline::new(Several(renderers), view)
        .with_filter(args.selection.and(args.filter.as_ref()))
        .redacted(redactor);
    (pipeline, memories)
}

fn of_recording(
    args: &ReportArgs,
    play: impl FnOnce(&mut Pipeline<Several>) -> Result<Code, Failure>,
) -> Result<Code, Failure> {
    let (mut pipeline, memories) = pipeline(args, args.redact.redactor());
    let code = play(&mut pipeline)?;
    for (to, memory) in args.output.iter().zip(memories) {
        write(to, &memory.0.borrow())?;
    }
    let findings = pipeline.report().map(|report| report.findings.as_slice());
    Ok(expect::check(
        &args.expect,
        findings.unwrap_or_default(),
        code,
    ))
}

/// The same, where a part of the recording itself is wanted, too.
fn with_recordings(args: &ReportArgs, path: &Path) -> Result<Code, Failure> {
    if args.redact.redact {
        let why = "a recording has all names as they are: --redact makes reports only";
        return Err(Failure::sentence(Code::Usage, why));
    }
    if args.selection.and(args.filter.as_ref()).is_some() {
        let why = "a recording has all connections: a filter makes reports only";
        return Err(Failure::sentence(Code::Usage, why));
    }
    let (recordings, rest) = args.parted();
    for to in &recordings {
        let (bytes, segments) = source::join_bytes(path, args.window)?;
        copy(bytes, to)?;
        if segments.is_damaged() && rest.output.is_empty() {
            return Ok(segments.report_damage(true));
        }
    }
    match rest.output.is_empty() {
        true => Ok(Code::Success),
        false => of_one(&rest, path),
    }
}

/// Writes a recording that is being read; it has its name once it is whole.
fn copy(from: impl Read, path: &Path) -> Result<(), Failure> {
    let failed = |error| not_written(path, error);
    let (mut file, unfinished): (File, _) = recording_file::create(path).map_err(failed)?;
    io::copy(&mut io::BufReader::with_capacity(1 << 16, from), &mut file).map_err(failed)?;
    file.sync_data().map_err(failed)?;
    unfinished.finish().map_err(failed)
}

/// What is said of it.
pub(super) fn not_written(path: &Path, error: io::Error) -> Failure {
    let path = path.display();
    let sentence = match error.kind() {
        io::ErrorKind::AlreadyExists => format!("{path} exists already; choose another name"),
        // Root's, but for reading, are given up before a file is taken apart.
        io::ErrorKind::PermissionDenied if recording_file::caller().is_some() => format!(
            "{path} cannot be written ({error}): a report is made without root's rights; run this \
             without sudo"
        ),
        _ => format!("{path} cannot be written: {error}"),
    };
    Failure::sentence(Code::Unwritable, sentence)
}

fn renderer(form: &dyn Form, to: Memory) -> Box<dyn Renderer> {
    form.renderer(Box::new(to), output::options_of_file())
}

/// It has its name once it is whole.
///
/// # Errors
///
/// There is such a file, or it cannot be written.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failed = |error| not_written(path, error);
    let (mut file, unfinished): (File, _) = recording_file::create(path).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    unfinished.finish().map_err(|error| {
        Failure::sentence(
            Code::Unwritable,
            format!("{} cannot be named: {error}", path.display()),
        )
    })?;
    Ok(())
}
