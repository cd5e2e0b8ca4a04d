// SPDX-License-Identifier: MIT
//! Connections that are older than the trace: listed when it begins, and put
//! into the kernel program's table, so that it sees their end. The helper makes the lists:
//! for them it looks into all processes, any of which may hang.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use tokio::time::{Instant, timeout_at};
use zkchurn_common::{record::ConnectionRecord, state};

use super::{older_record::record_of, source::Probes};
use crate::host::{
    helper::wire::{Answer, Found, ListRequest, Task},
    kernel::{Followed, KernelSource},
    sock_diag::{DiagSocket, holders::Holder},
};
use zkchurn_core::frame::Sides;

/// States in which a connection has its end still before it.
const ALIVE: u32 = 1 << state::ESTABLISHED | 1 << state::SYN_SENT | 1 << state::CLOSE_WAIT;

/// How long a list of sockets may take, so that what there is comes in time.
const LIST_WITHIN: Duration = Duration::from_secs(5);
/// How long the trace waits for such a list, and for that with the holders of its sockets.
const LISTED_WITHIN: Duration = Duration::from_secs(6);
const HOLDERS_WITHIN: Duration = Duration::from_secs(8);

/// What was found.
#[derive(Default)]
pub(super) struct OlderConnections {
    /// The connections, each as a record of stage `STAGE_ESTABLISHED`.
    pub records: Vec<ConnectionRecord>,
    /// What could not be found out, each a sentence.
    pub notes: Vec<String>,
}

impl OlderConnections {
    /// The trace ended before.
    pub(super) fn not_listed() -> Self {
        Self {
            records: Vec::new(),
            notes: vec![
                "connections older than the trace are missing: it ended before they were listed"
                    .to_owned(),
            ],
        }
    }
}

/// Whose connections are followed.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// The traced ports.
    pub ports: &'a [u16],
    /// The traced sides.
    pub sides: Sides,
    /// The only traced processes; none where all are.
    pub pids: &'a [u32],
}

/// Lists the connections that are there at `now_ns` and has `source`, which is
/// attached already, follow them.
///
/// A connection may end between the listing and its entry in the table. The
/// program counted that end as unmatched and will never see another, so what is
/// missing in a second listing is taken out of the table again. What ends after
/// the second listing was in the table in time.
pub(super) async fn follow(
    source: &mut KernelSource,
    probes: &mut impl Probes,
    wanted: Wanted<'_>,
    now_ns: u64,
) -> OlderConnections {
    if !source.has_cookies() {
        return OlderConnections {
            records: Vec::new(),
            notes: vec![
                "connections older than the trace cannot be followed: matching them needs \
                 socket cookies (Linux 5.12, tp_btf)"
                    .to_owned(),
            ],
        };
    }
    let request = ListRequest {
        ports: wanted.ports.to_vec(),
        sides: wanted.sides,
        states: ALIVE,
        namespaces: None,
        within_ms: LIST_WITHIN.as_millis() as u64,
    };
    let task = Task::ListAndHolders(request.clone(), wanted.pids.to_vec());
    let first = gather(probes, task, HOLDERS_WITHIN).await;
    let mut notes = first.notes();
    if first.sockets.is_empty() {
        return OlderConnections {
            records: Vec::new(),
            notes,
        };
    }
    let (mut followed, no_room) = enter(source, &first.sockets, &first.holders, wanted, now_ns);
    if no_room > 0 {
        notes.push(format!(
            "the table is full: {no_room} connections older than the trace are not followed, \
             nor are new ones until some end: raise --table-size"
        ));
    }
    let second = gather(probes, Task::List(request), LISTED_WITHIN).await;
    match second.missing {
        None => keep_alive(source, &mut followed, &second.sockets),
        Some(why) => notes.push(format!(
            "connections older than the trace that ended as it began may be shown as open: {why}"
        )),
    }
    let mut records: Vec<_> = followed.into_values().collect();
    records.sort_unstable_by_key(|record| record.socket);
    OlderConnections { records, notes }
}

/// Takes out of the table again what is not in the second list.
fn keep_alive(
    source: &mut KernelSource,
    followed: &mut HashMap<u64, ConnectionRecord>,
    sockets: &[DiagSocket],
) {
    let alive: HashSet<u64> = sockets.iter().map(|socket| socket.cookie).collect();
    followed.retain(|cookie, _| {
        let is_alive = alive.contains(cookie);
        if !is_alive {
            source.unfollow(*cookie);
        }
        is_alive
    });
}

/// What came of a list.
#[derive(Default)]
struct Gathered {
    sockets: Vec<DiagSocket>,
    holders: HashMap<u32, Holder>,
    notes_on_sockets: Vec<String>,
    notes_on_holders: Vec<String>,
    /// Why there is not more, if something is missing.
    missing: Option<String>,
}

impl Gathered {
    /// Takes an answer.
    fn take(&mut self, found: Found) {
        match found {
            Found::Sockets { sockets, notes } => {
                self.sockets.extend(sockets);
                self.notes_on_sockets.extend(notes);
            }
            Found::Holders { holders, notes } => {
                self.holders.extend(holders);
                self.notes_on_holders.extend(notes);
            }
            Found::Failed(why) => self.missing = Some(why),
            // Nobody asked for it.
            Found::Identity(_) | Found::Inspection(_) | Found::Elsewhere(_) | Found::Named(_) => {}
        }
    }

    fn notes(&self) -> Vec<String> {
        let on_sockets = self.notes_on_sockets.iter().map(|note| {
            let note = lower_case_first(note);
            format!("connections older than the trace may be missing: {note}")
        });
        let missing = self.missing.iter().map(|why| {
            format!("connections older than the trace, or their processes, may be missing: {why}")
        });
        let on_holders = self.notes_on_holders.iter().cloned();
        on_sockets.chain(on_holders).chain(missing).collect()
    }
}

/// Has something listed, and waits for it, so long at most.
async fn gather(probes: &mut impl Probes, task: Task, within: Duration) -> Gathered {
    let deadline = Instant::now() + within;
    let mut gathered = Gathered::default();
    let ended = || Some("the helper process that lists them has ended".to_owned());
    let Some(asked) = probes.ask(task) else {
        gathered.missing = ended();
        return gathered;
    };
    loop {
        match timeout_at(deadline, probes.answer()).await {
            Ok(Some(Answer { id, last, found })) if id == asked => {
                gathered.take(found);
                if last {
                    return gathered;
                }
            }
            // What was given up before.
            Ok(Some(_)) => {}
            Ok(None) => {
                gathered.missing = ended();
                return gathered;
            }
            Err(_) => {
                let seconds = within.as_secs();
                gathered.missing = Some(format!("listing them took longer than {seconds} s"));
                return gathered;
            }
        }
    }
}

/// A sentence that goes on behind a colon.
fn lower_case_first(sentence: &str) -> String {
    let mut characters = sentence.chars();
    let first = characters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(characters).collect()
}

/// Enters the wanted ones; and how many of them found no room.
fn enter(
    source: &mut KernelSource,
    sockets: &[DiagSocket],
    held: &HashMap<u32, Holder>,
    wanted: Wanted<'_>,
    now_ns: u64,
) -> (HashMap<u64, ConnectionRecord>, u64) {
    let mut no_room = 0;
    let mut followed = HashMap::new();
    for socket in sockets {
        let holder = held.get(&socket.inode);
        let is_wanted = match wanted.pids {
            [] => true,
            pids => holder.is_some_and(|holder| pids.contains(&holder.key.pid)),
        };
        if !is_wanted {
            continue;
        }
        let record = record_of(socket, holder, wanted.ports, now_ns);
        match source.follow(&record) {
            Followed::Yes => {
                followed.insert(socket.cookie, record);
            }
            Followed::NoRoom => no_room += 1,
            Followed::Otherwise => {}
        }
    }
    (followed, no_room)
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    /// A helper that takes tasks and never answers, or has ended.
    struct Silent {
        asked: u64,
        has_ended: bool,
    }

    impl Probes for Silent {
        fn monotonic_ns(&self) -> u64 {
            0
        }

        fn ask(&mut self, _: Task) -> Option<u64> {
            self.asked += 1;
            Some(self.asked)
        }

        async fn answer(&mut self) -> Option<Answer> {
            match self.has_ended {
                true => None,
                false => pending().await,
            }
        }
    }

    async fn gathered(has_ended: bool) -> Gathered {
        let request = ListRequest {
            ports: vec![2181],
            sides: Sides::Client,
            states: ALIVE,
            namespaces: None,
            within_ms: 0,
        };
        let mut probes = Silent {
            asked: 0,
            has_ended,
        };
        gather(&mut probes, Task::List(request), LISTED_WITHIN).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_helper_that_does_not_list_is_waited_for_so_long_only() {
        for (has_ended, why) in [(false, "took longer than"), (true, "has ended")] {
            let gathered = gathered(has_ended).await;
            let notes = gathered.notes();
            assert!(gathered.sockets.is_empty());
            assert!(notes.len() == 1 && notes[0].contains(why), "{notes:?}");
        }
    }
}
