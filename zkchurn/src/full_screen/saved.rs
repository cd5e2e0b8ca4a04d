// SPDX-License-Identifier: MIT
//! Files that `w` writes: what they are called, the page in memory, and what is said of them.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use jiff::{Timestamp, tz::TimeZone};
use rustix::io::Errno;
use zkchurn_core::render::{FORMS, Options, Renderer, named};

use crate::{
    host::{
        helper::{Written, writing::News},
        journal::Priority,
    },
    warn::{say, warn},
};

/// A name without its ending: of the moment at which it is asked for.
pub(crate) fn name(now: Timestamp, zone: &TimeZone) -> String {
    let now = now.to_zoned(zone.clone());
    now.strftime("zkchurn-%Y%m%d-%H%M%S").to_string()
}

/// A file in memory; each clone is the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory(Arc<Mutex<Vec<u8>>>);

impl Memory {
    /// What was written, which it has no more then.
    pub(crate) fn take(&self) -> Vec<u8> {
        let mut bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *bytes)
    }

    /// The page with pictures, written to it.
    pub(crate) fn page(&self, zone: &TimeZone) -> Box<dyn Renderer> {
        let form = named("html").unwrap_or(FORMS[0]);
        form.renderer(Box::new(self.clone()), Options::plain(zone.clone()))
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        memory.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Says what became of files: in the last line of the view, and after it on standard error.
pub(crate) fn tell(news: News) {
    match news {
        News::Done(files) => {
            for (written, _) in &files {
                if let Some(error) = &written.error {
                    warn(format_args!("{}", not_written(&written.path, error)));
                }
            }
            if let Some(sentence) = wrote(&files) {
                say(Priority::Info, format_args!("{sentence}"));
            }
        }
        News::Late(why) => warn(format_args!("not written yet: {why}; the view goes on")),
        News::Ended => warn(format_args!(
            "not written: the helper process that writes (zkchurn-write) has ended; q, then start \
             again"
        )),
    }
}

fn not_written(path: &Path, error: &str) -> String {
    format!("not written: {}; {}: {error}", fix(error), path.display())
}

/// What helps against this error of the system. The helper that writes hands it on in words, of
/// which the number is the same everywhere.
fn fix(error: &str) -> &'static str {
    let number = error.rsplit_once("(os error ");
    let number = number.and_then(|(_, rest)| rest.trim_end().strip_suffix(')')?.parse().ok());
    match number.map(Errno::from_raw_os_error) {
        Some(Errno::NOSPC) => "the disk is full: free some of it, then press w again",
        Some(Errno::DQUOT) => "your quota is used up: delete files of yours, then press w again",
        Some(Errno::ROFS) => "this disk is read-only: start zkchurn in a directory on another",
        Some(Errno::NOENT) => "this directory is gone: start zkchurn in one that is there",
        Some(Errno::ACCESS | Errno::PERM) => "start zkchurn in a directory you can write to",
        _ => "press w to try again, or start zkchurn in another directory",
    }
}

/// `wrote x.html and .zkchurn, since 14:03:07`
fn wrote(files: &[(Written, String)]) -> Option<String> {
    let whole = files.iter().filter(|(written, _)| written.error.is_none());
    let (paths, about): (Vec<&PathBuf>, Vec<_>) =
        whole.map(|(written, about)| (&written.path, about)).unzip();
    let first = paths.first()?;
    let names = paths.iter().enumerate().map(|(number, path)| {
        let ending = path.extension().unwrap_or_default().display();
        match number > 0 && path.file_stem() == first.file_stem() {
            true => format!(".{ending}"),
            false => path.display().to_string(),
        }
    });
    let names: Vec<_> = names.collect();
    let about = about.into_iter().filter(|about| !about.is_empty());
    let about: String = about.map(|about| format!(", {about}")).collect();
    Some(format!("wrote {}{about}", names.join(" and ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, about: &str) -> (Written, String) {
        let written = Written {
            path: path.into(),
            error: None,
        };
        (written, about.to_owned())
    }

    #[test]
    fn what_was_written_is_said_in_one_line() {
        let page = file("zkchurn-20261128-140307.html", "");
        let recording = file("zkchurn-20261128-140307.zkchurn", "since 14:01:03");
        let both = wrote(&[page.clone(), recording]).unwrap();
        let expected = "wrote zkchurn-20261128-140307.html and .zkchurn, since 14:01:03";
        assert_eq!(both, expected);
        assert!("zkchurn: ".len() + both.len() <= 80);
        let other = file("zkchurn-20261128-140307-2.zkchurn", "");
        let expected = "wrote zkchurn-20261128-140307.html and zkchurn-20261128-140307-2.zkchurn";
        assert_eq!(wrote(&[page.clone(), other]).unwrap(), expected);
        let mut failed = page;
        failed.0.error = Some("No space left on device".to_owned());
        assert_eq!(wrote(&[failed]), None);
    }

    #[test]
    fn the_fix_is_that_of_the_error_and_comes_first() {
        let path = Path::new("/var/log/zkchurn-20261128-140307.html");
        let said = |number| not_written(path, &io::Error::from_raw_os_error(number).to_string());
        let full = said(28);
        assert!(
            full.starts_with("not written: the disk is full: free some"),
            "{full}"
        );
        assert!(
            full.ends_with("140307.html: No space left on device (os error 28)"),
            "{full}"
        );
        assert!(!full.contains("can write to"), "{full}");
        assert!(said(13).contains("start zkchurn in a directory you can write to"));
        assert!(said(30).contains("read-only"));
        assert!(said(122).contains("quota"));
        assert!(said(2).contains("is gone"));
        assert!(not_written(path, "the helper has ended").contains("press w to try again"));
    }

    #[test]
    fn a_name_has_the_local_time() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let name = name("2026-11-28T12:03:07Z".parse().unwrap(), &zone);
        assert_eq!(name, "zkchurn-20261128-140307");
    }
}
