// SPDX-License-Identifier: MIT
//! What became of the processes of `--pid`: the kernel program goes by the pids that it was given
//! when the trace began, and who takes the place of one that ends has another.

use zkchurn_core::{shell, text};

use super::settings::{Process, TraceSettings};
use crate::host::proc::ended::has_ended;

/// Pids that are named.
const MOST: usize = 4;

/// The processes that alone are traced.
#[derive(Debug, Default)]
pub(super) struct Selection {
    /// What they are called, where they were selected by that.
    pub name: Option<String>,
    /// Those that ran when the trace began.
    pids: Vec<u32>,
    /// The processes that are called so at the end, once that was asked.
    pub at_end: Vec<u32>,
}

impl Selection {
    /// As the trace begins.
    pub(super) fn of(settings: &TraceSettings, pids: &[u32]) -> Self {
        let name = match &settings.process {
            Some(Process::Named(name)) => Some(name.clone()),
            Some(Process::Pid(_)) | None => None,
        };
        let there = pids.iter().copied().filter(|pid| !has_ended(*pid));
        Self {
            name,
            pids: there.collect(),
            at_end: Vec::new(),
        }
    }

    /// What is to be said of them as it ends.
    pub(super) fn limitation(&self) -> Option<String> {
        let ended = self.pids.iter().copied().filter(|pid| has_ended(*pid));
        self.sentence(&ended.collect::<Vec<_>>())
    }

    fn sentence(&self, ended: &[u32]) -> Option<String> {
        let began = self.at_end.iter().filter(|pid| !self.pids.contains(pid));
        let began: Vec<_> = began.copied().collect();
        let gone = (!ended.is_empty()).then(|| match self.pids.len() {
            1 => format!(
                "the traced process ({}) ended during the trace",
                pids(ended)
            ),
            all => format!(
                "{} of {all} traced processes ({}) ended during the trace",
                ended.len(),
                pids(ended)
            ),
        });
        let Some(name) = &self.name else {
            return Some(format!(
                "{}: what runs in its place has another pid, and is not in this report; `--filter \
                 process:NAME` instead of --pid has all of a name, whenever they start",
                gone?
            ));
        };
        let called = text::printable(name.as_bytes());
        let others = match began.len() {
            0 => None,
            1 => Some(format!(
                "another process named {called} ({}) began meanwhile, and was not traced",
                pids(&began)
            )),
            more => Some(format!(
                "{more} other processes named {called} ({}) began meanwhile, and were not traced",
                pids(&began)
            )),
        };
        let clauses: Vec<_> = gone.into_iter().chain(others).collect();
        let filter = shell::word(&format!("process:{}", pattern(name)));
        let filter = text::printable(filter.as_bytes());
        (!clauses.is_empty()).then(|| {
            format!(
                "{}: --pid {called} is about those that run when the trace begins; `--filter \
                 {filter}` instead of it has all, whenever they start",
                clauses.join("; ")
            )
        })
    }
}

/// What a filter takes for all that have the name: a script's may stand behind its interpreter's.
fn pattern(name: &str) -> String {
    let is_special = |character: char| character.is_whitespace() || "\"\\|,()".contains(character);
    match name.contains(is_special) {
        true => format!("~\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"")),
        false => format!("~{name}"),
    }
}

/// `pid 7`, `pids 7, 8, …`
fn pids(pids: &[u32]) -> String {
    let named: Vec<_> = pids.iter().take(MOST).map(u32::to_string).collect();
    let s = if pids.len() == 1 { "" } else { "s" };
    let more = if pids.len() > MOST { ", …" } else { "" };
    format!("pid{s} {}{more}", named.join(", "))
}

#[cfg(test)]
mod tests {
    use zkchurn_core::filter::Filter;

    use super::*;

    fn said(name: Option<&str>, pids: &[u32], ended: &[u32], at_end: &[u32]) -> Option<String> {
        let selection = Selection {
            name: name.map(str::to_owned),
            pids: pids.to_vec(),
            at_end: at_end.to_vec(),
        };
        selection.sentence(ended)
    }

    #[test]
    fn who_ended_and_who_came_is_told_with_the_filter_that_has_all() {
        let name = Some("app.py");
        assert_eq!(said(name, &[7, 8], &[], &[7, 8]), None);
        assert_eq!(said(None, &[7], &[], &[]), None);
        let one = said(name, &[7], &[7], &[9]).unwrap();
        assert_eq!(
            one,
            "the traced process (pid 7) ended during the trace; another process named app.py (pid \
             9) began meanwhile, and was not traced: --pid app.py is about those that run when the \
             trace begins; `--filter 'process:~app.py'` instead of it has all, whenever they start"
        );
        let gone = said(name, &[7, 8], &[8], &[7]).unwrap();
        assert!(
            gone.starts_with("1 of 2 traced processes (pid 8) ended"),
            "{gone}"
        );
        let came = said(name, &[7], &[], &[7, 1, 2, 3, 4, 5]).unwrap();
        let wanted = "5 other processes named app.py (pids 1, 2, 3, 4, …) began meanwhile";
        assert!(came.starts_with(wanted), "{came}");
        let by_pid = said(None, &[7], &[7], &[]).unwrap();
        assert!(
            by_pid.starts_with("the traced process (pid 7) ended"),
            "{by_pid}"
        );
    }

    #[test]
    fn the_filter_is_one_for_any_name() {
        for name in ["app.py", "my app", "a\"b\\c", "x,y", "f(x)", "kz_app:app"] {
            let text = format!("process:{}", pattern(name));
            assert!(text.parse::<Filter>().is_ok(), "{text}");
        }
    }
}
