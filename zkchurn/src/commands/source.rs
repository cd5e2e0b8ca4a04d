// SPDX-License-Identifier: MIT
//! What is read: a recording, a directory of segments as one recording, or a part of either
//! by time.

use std::{
    cell::RefCell,
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    rc::Rc,
};

use clap::Args;
use zkchurn_core::{
    recording::reader::{Place, Reader},
    segments::{
        joined::{Joined, Trouble, Wrong},
        plan::{NoPlan, Plan, plan},
        window::{When, Window},
    },
    text::{counted, first_of},
};

use super::{replay, values};
use crate::{
    exit::{Code, Failure},
    host::segment_files::{SegmentFiles, is_partial},
    warn::warn,
};

/// From when to when.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct WindowArgs {
    /// Only from then on: a time such as 21:05, "2026-11-27 21:05:00" or
    /// 2026-11-27T21:05:00Z, or one before the recording's end, such as 10m.
    ///
    /// What was open then is older than the report, as for a trace that begins there.
    #[arg(long, value_name = "WHEN", value_parser = values::when)]
    pub since: Option<When>,

    /// Only until then, likewise.
    #[arg(long, value_name = "WHEN", value_parser = values::when)]
    pub until: Option<When>,
}

impl WindowArgs {
    fn window(self) -> Window {
        Window {
            since: self.since,
            until: self.until,
        }
    }

    /// Whether there is none.
    pub(crate) fn is_all(self) -> bool {
        self.window().is_all()
    }
}

/// A recording of any make.
pub(crate) type Recorded = Reader<Box<dyn Read>>;

/// Segments that are read as one recording, and what was wrong with them.
pub(crate) struct Segments {
    directory: PathBuf,
    files: Rc<SegmentFiles>,
    trouble: Rc<RefCell<Trouble>>,
}

/// Whether it is a directory of segments, or only a part of a file is wanted.
pub(crate) fn is_joined(path: &Path, window: WindowArgs) -> bool {
    !window.is_all() || fs::metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

/// Opens the segments of a directory, or a part of a file by time.
///
/// # Errors
///
/// There is nothing that can be read, or nothing of that time.
pub(crate) fn join(path: &Path, window: WindowArgs) -> Result<(Recorded, Segments), Failure> {
    let (bytes, segments) = join_bytes(path, window)?;
    Ok((replay::open(bytes, path)?, segments))
}

/// The same as the bytes of one recording.
///
/// # Errors
///
/// As [`join`].
pub(crate) fn join_bytes(
    path: &Path,
    window: WindowArgs,
) -> Result<(Box<dyn Read>, Segments), Failure> {
    let name = path.display();
    let is_directory = fs::metadata(path).is_ok_and(|metadata| metadata.is_dir());
    let files = match is_directory {
        true => SegmentFiles::of(path).map_err(|error| {
            let message = format!("{name} cannot be read");
            Failure::new(Code::Unreadable, anyhow::Error::new(error).context(message))
        })?,
        // What is wrong with a file that is no recording is said as ever.
        false => {
            drop(replay::open(replay::open_again(path)?, path)?);
            SegmentFiles::of_one(path)
        }
    };
    let files = Rc::new(files);
    let plan = plan(&files.starts, &window.window(), |index| files.end_of(index));
    let mut plan = plan.map_err(|why| {
        say_unreadable(&files);
        let (code, fix) = match why {
            NoPlan::Empty => (
                Code::Damaged,
                "; recordings are files whose names end with .zkchurn",
            ),
            NoPlan::Outside { .. }
            | NoPlan::Between { .. }
            | NoPlan::OtherBoots
            | NoPlan::Reversed => (Code::Usage, ""),
        };
        Failure::sentence(code, format!("{name} cannot be replayed: {why}{fix}"))
    })?;
    plan.notes.extend(left_out(&files));
    plan.left_out = not_read(&files, &plan);
    let opened = Rc::clone(&files);
    let paths = files.paths.iter().enumerate();
    let unfinished = paths.filter(|(_, path)| is_partial(path));
    let unfinished = unfinished.map(|(index, _)| index).collect();
    let joined = Joined::new(plan, move |index| File::open(&opened.paths[index]))
        .with_unfinished(unfinished);
    let trouble = joined.trouble();
    let directory = path.to_owned();
    Ok((
        Box::new(joined),
        Segments {
            directory,
            files,
            trouble,
        },
    ))
}

/// How many files are named at most.
const MOST_NAMED: usize = 5;

/// Which recordings of a directory could be read and are not, and how they are.
fn not_read(files: &SegmentFiles, plan: &Plan) -> Option<String> {
    let names = |indices: &[usize]| {
        let names = indices.iter().map(|index| {
            let name = files.paths[*index].file_name().unwrap_or_default();
            name.display().to_string()
        });
        first_of(&names.collect::<Vec<_>>())
    };
    let hosts = (!plan.other_hosts.is_empty()).then(|| {
        let others = plan.other_hosts.iter();
        let mut others: Vec<_> = others
            .map(|index| files.starts[*index].host.clone())
            .collect();
        others.sort();
        others.dedup();
        format!(
            "the directory has recordings of several hosts: {} is read, {} left out ({}): replay \
             that by itself, or have `zkchurn report FILE FILE -o all.html` put hosts side by side",
            plan.start.host,
            first_of(&others),
            names(&plan.other_hosts)
        )
    });
    let overlapping = (!plan.overlapping.is_empty()).then(|| {
        format!(
            "left out is {}: it is of a time of which a longer recording is read, and nothing is to \
             be counted twice; replay it by itself",
            names(&plan.overlapping)
        )
    });
    let all: Vec<_> = hosts.into_iter().chain(overlapping).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// What of a directory cannot be read, a sentence of the report.
fn left_out(files: &SegmentFiles) -> Option<String> {
    let (first, why) = files.unreadable.first()?;
    let first = first.file_name().unwrap_or_default().display();
    Some(match files.unreadable.len() {
        1 => format!("{first} is left out: {why}"),
        all => format!("{all} files are left out, such as {first}: {why}"),
    })
}

fn say_unreadable(files: &SegmentFiles) {
    for (path, why) in files.unreadable.iter().take(MOST_NAMED) {
        warn(format_args!("{} is left out: {why}", path.display()));
    }
    if let more @ 1.. = files.unreadable.len().saturating_sub(MOST_NAMED) {
        let more = counted(more as u64, "more file");
        warn(format_args!("{more} cannot be read and are left out"));
    }
    say_beside(files);
}

fn say_beside(files: &SegmentFiles) {
    let names = files.beside.iter();
    let names: Vec<_> = names.map(|path| path.display().to_string()).collect();
    if names.is_empty() {
        return;
    }
    warn(format_args!(
        "{}: left out, an agent did not make it: replay it by itself",
        first_of(&names)
    ));
}

impl Segments {
    /// Says on standard error what was wrong with them.
    pub(crate) fn report_damage(&self, begun: bool) -> Code {
        say_unreadable(&self.files);
        let trouble = self.trouble.borrow();
        let mut is_damaged = !self.files.unreadable.is_empty() || trouble.is_incomplete;
        let mut silent = 0;
        let mut named = 0;
        for (index, wrong) in &trouble.segments {
            let path = &self.files.paths[*index];
            let name = path.display();
            match wrong {
                Wrong::Damaged(_) if !self.is_harm(*index, wrong) => continue,
                Wrong::Damaged(_) | Wrong::MoreDamages(_) | Wrong::Unreadable(_)
                    if named >= MOST_NAMED =>
                {
                    silent += 1;
                }
                Wrong::Damaged(damage) => warn(format_args!("{name} is {damage}")),
                Wrong::MoreDamages(more) => {
                    let more = counted(*more, "more damaged place");
                    warn(format_args!("{name} has {more}"));
                }
                Wrong::UnknownFrames(newer) => {
                    warn(format_args!(
                        "{name} contains {} from a newer zkchurn, which {}",
                        counted(*newer, "frame"),
                        replay::were_skipped(*newer)
                    ));
                    continue;
                }
                Wrong::Unreadable(error) => warn(format_args!("{name} is left out: {error}")),
            }
            named += 1;
            is_damaged = true;
        }
        if silent > 0 {
            let more = counted(silent, "more damaged place");
            warn(format_args!("{} has {more}", self.directory.display()));
        }
        if trouble.is_incomplete {
            warn(format_args!(
                "{} lacks a part: the report says which, and covers the rest",
                self.directory.display()
            ));
        }
        match begun && !is_damaged {
            true => Code::Success,
            false => Code::Damaged,
        }
    }

    /// Whether a part of it could not be read.
    pub(crate) fn is_damaged(&self) -> bool {
        let trouble = self.trouble.borrow();
        let mut segments = trouble.segments.iter();
        trouble.is_incomplete
            || segments.any(|(index, wrong)| self.is_harm(*index, wrong))
            || !self.files.unreadable.is_empty()
    }

    /// Whether something is missing: a segment that is being written, or whose recorder was
    /// killed, has no end, and what it has is whole.
    fn is_harm(&self, index: usize, wrong: &Wrong) -> bool {
        match wrong {
            Wrong::Damaged(damage) => {
                damage.place != Place::Tail || !is_partial(&self.files.paths[index])
            }
            Wrong::UnknownFrames(_) => false,
            Wrong::MoreDamages(_) | Wrong::Unreadable(_) => true,
        }
    }
}
