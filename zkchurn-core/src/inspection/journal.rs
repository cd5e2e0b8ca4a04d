// SPDX-License-Identifier: MIT
//! Whose lines in the journal are a process's: the fields that journald itself adds
//! (systemd.journal-fields(7)), which no message can forge.

use super::Details;
use crate::{process::cgroup::UnitOf, shell};

/// What to ask the journal for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalOf {
    /// Fields and their values, all of which an entry has to have.
    pub matches: Vec<String>,
    /// Whose lines these are, in words.
    pub owner: String,
    /// The command that shows them, for a shell.
    pub command: String,
}

impl JournalOf {
    /// The lines of a process: of the service that it belongs to, or of its container, whose
    /// engine may send its output there. `None` where neither is known, and for a container
    /// that has a journal of its own inside.
    pub fn process(details: &Details) -> Option<Self> {
        let unit = details.unit.as_deref();
        match (&details.container, details.unit_of, unit) {
            (_, UnitOf::Container, _) => None,
            (Some(id), ..) if is_engines_id(id) => Some(Self::new(
                vec![format!("CONTAINER_ID_FULL={id}")],
                format!("container {}", id.get(..12).unwrap_or(id)),
            )),
            (Some(_), ..) => None,
            // In a session's scope others' lines stand as well.
            (None, _, Some(unit)) if !unit.ends_with(".service") => None,
            (None, UnitOf::Host, Some(unit)) => Some(Self::new(
                vec![format!("_SYSTEMD_UNIT={unit}")],
                unit.to_owned(),
            )),
            (None, UnitOf::User(uid), Some(unit)) => Some(Self::new(
                vec![format!("_UID={uid}"), format!("_SYSTEMD_USER_UNIT={unit}")],
                format!("{unit} of user {uid}"),
            )),
            (None, _, None) => None,
        }
    }

    fn new(matches: Vec<String>, owner: String) -> Self {
        let words = matches.iter().map(|field| match field.split_once('=') {
            Some((name, value)) => format!("{name}={}", shell::word(value)),
            None => shell::word(field),
        });
        let words: Vec<_> = words.collect();
        Self {
            command: format!("journalctl {}", words.join(" ")),
            matches,
            owner,
        }
    }
}

/// Docker, containerd and the like give ids of 64 digits; names are of other engines.
pub fn is_engines_id(container: &str) -> bool {
    container.len() == 64 && container.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(unit: Option<&str>, unit_of: UnitOf, container: Option<&str>) -> Option<String> {
        let details = Details {
            unit: unit.map(str::to_owned),
            unit_of,
            container: container.map(str::to_owned),
            ..Details::default()
        };
        JournalOf::process(&details).map(|journal| journal.command)
    }

    #[test]
    fn the_lines_of_a_process_are_those_of_its_service_or_container() {
        let id = "4f".repeat(32);
        let cases = [
            (
                of(Some(r"my\x2dshop.service"), UnitOf::Host, None),
                Some(r"journalctl _SYSTEMD_UNIT='my\x2dshop.service'".to_owned()),
            ),
            (
                of(Some("shop.service"), UnitOf::User(1000), None),
                Some("journalctl _UID=1000 _SYSTEMD_USER_UNIT=shop.service".to_owned()),
            ),
            (
                of(Some("docker.service"), UnitOf::Host, Some(&id)),
                Some(format!("journalctl CONTAINER_ID_FULL={id}")),
            ),
            (of(Some("zk.service"), UnitOf::Container, Some("zk1")), None),
            (of(Some("session-3.scope"), UnitOf::Host, None), None),
            (of(None, UnitOf::Host, Some("zk1")), None),
            (of(None, UnitOf::Host, None), None),
        ];
        for (found, expected) in cases {
            assert_eq!(found, expected);
        }
    }
}
