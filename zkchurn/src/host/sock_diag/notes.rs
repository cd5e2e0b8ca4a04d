// SPDX-License-Identifier: MIT
//! What went wrong in which namespace, in few sentences: a reason that a
//! thousand namespaces share is told once.

/// Reasons, each with the namespaces it holds for.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    reasons: Vec<Reason>,
}

#[derive(Debug)]
struct Reason {
    /// Goes on after "The network namespace N ".
    text: String,
    /// The last namespace that it was told of.
    netns: u32,
    namespaces: u32,
}

impl Troubles {
    /// Remembers that `reason` holds for `netns`.
    pub(super) fn add(&mut self, netns: u32, text: String) {
        match self.reasons.iter_mut().find(|known| known.text == text) {
            // Several requests to one namespace fail for one reason.
            Some(known) if known.netns == netns => {}
            Some(known) => {
                known.netns = netns;
                known.namespaces += 1;
            }
            None => self.reasons.push(Reason {
                text,
                netns,
                namespaces: 1,
            }),
        }
    }

    /// A sentence a reason.
    pub(super) fn sentences(self) -> impl Iterator<Item = String> {
        self.reasons.into_iter().map(|reason| {
            let Reason {
                text,
                netns,
                namespaces,
            } = reason;
            match namespaces {
                1 => format!("The network namespace {netns} {text}."),
                _ => format!("Each of {namespaces} network namespaces {text}."),
            }
        })
    }
}

/// Processes that this one may not look at, or that do not answer.
#[derive(Debug, Default)]
pub(super) struct Unreadable {
    first: u32,
    count: u32,
    first_hung: u32,
    hung: usize,
}

impl Unreadable {
    /// Remembers one.
    pub(super) fn add(&mut self, pid: u32) {
        if self.count == 0 {
            self.first = pid;
        }
        self.count += 1;
    }

    /// Remembers those that did not answer.
    pub(super) fn add_hung(&mut self, pids: &[u32]) {
        if self.hung == 0
            && let Some(first) = pids.first()
        {
            self.first_hung = *first;
        }
        self.hung += pids.len();
    }

    /// A sentence about the `what` of those that did not answer; `None` when there are none.
    pub(super) fn sentence_of_hung(&self, what: &str) -> Option<String> {
        sentence_of(what, self.first_hung, self.hung)
    }

    /// A sentence about their `what`; `None` when there are none.
    pub(super) fn sentence(&self, what: &str) -> Option<String> {
        let first = self.first;
        match self.count {
            0 => None,
            1 => Some(format!(
                "No permission to read the {what} of process {first}."
            )),
            count => Some(format!(
                "No permission to read the {what} of {count} processes, such as {first}."
            )),
        }
    }
}

/// A sentence about the `what` of processes that did not answer; `None` when there are none.
pub(crate) fn sentence_of_hung(what: &str, pids: &[u32]) -> Option<String> {
    sentence_of(what, *pids.first()?, pids.len())
}

fn sentence_of(what: &str, first: u32, hung: usize) -> Option<String> {
    match hung {
        0 => None,
        1 => Some(format!("The {what} of process {first} did not answer.")),
        _ => Some(format!(
            "The {what} of {hung} processes, such as {first}, did not answer."
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::{Troubles, Unreadable};

    #[test]
    fn unreadable_processes_are_one_sentence() {
        let mut unreadable = Unreadable::default();
        assert_eq!(unreadable.sentence("descriptors"), None);
        unreadable.add(7);
        let one = unreadable.sentence("descriptors");
        assert_eq!(
            one.as_deref(),
            Some("No permission to read the descriptors of process 7.")
        );
        unreadable.add(8);
        let two = unreadable.sentence("descriptors");
        assert_eq!(
            two.as_deref(),
            Some("No permission to read the descriptors of 2 processes, such as 7.")
        );
        assert_eq!(unreadable.sentence_of_hung("descriptors"), None);
        unreadable.add_hung(&[]);
        unreadable.add_hung(&[9]);
        let one = unreadable.sentence_of_hung("descriptors").unwrap();
        assert!(one.contains("of process 9 "), "{one}");
        unreadable.add_hung(&[10, 11]);
        let more = unreadable.sentence_of_hung("descriptors").unwrap();
        assert!(more.contains("of 3 processes, such as 9,"), "{more}");
    }

    #[test]
    fn a_shared_reason_is_one_sentence() {
        let mut troubles = Troubles::default();
        for netns in [7, 7, 8, 9] {
            troubles.add(netns, "could not be entered: no".to_owned());
        }
        troubles.add(9, "was not listed completely".to_owned());
        let sentences: Vec<_> = troubles.sentences().collect();
        assert_eq!(
            sentences,
            [
                "Each of 3 network namespaces could not be entered: no.",
                "The network namespace 9 was not listed completely.",
            ]
        );
    }
}
