// SPDX-License-Identifier: MIT
//! Connections that are older than the trace: listed when it begins, and put
//! into the kernel program's table, so that it sees their end. The helper makes the lists:
//! for them it looks into all processes, any of which may hang. Records are taken meanwhile.
//!
//! A connection may end between the listing and its entry in the table. The
//! program counted that end as unmatched and will never see another, so what is
//! missing in a second listing is taken out of the table again. What ends after
//! the second listing was in the table in time, and so was what is in the table no more.

use std::{
    collections::{HashMap, HashSet},
    mem,
    time::Duration,
    vec::IntoIter,
};

use tokio::time::Instant;
use zkchurn_common::{record::ConnectionRecord, state};
use zkchurn_core::{frame::Sides, text::counted};

use super::{
    older_record::record_of,
    older_side::Listening,
    source::{Probes, Source},
};
use crate::host::{
    helper::wire::{Answer, Found, ListRequest, Task},
    kernel::Followed,
    sock_diag::{DiagSocket, holders::Holder},
};

/// States in which a connection has its end still before it.
const ALIVE: u32 = 1 << state::ESTABLISHED | 1 << state::SYN_SENT | 1 << state::CLOSE_WAIT;

/// How long a list of sockets may take, so that what there is comes in time.
const LIST_WITHIN: Duration = Duration::from_secs(5);
/// How long the trace waits for such a list, and for that with the holders of its sockets.
const LISTED_WITHIN: Duration = Duration::from_secs(6);
const HOLDERS_WITHIN: Duration = Duration::from_secs(8);
/// Sockets that are dealt with before records have their turn: a few milliseconds.
const STEP: usize = 1_024;

/// Whose connections are followed.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// The traced ports.
    pub ports: Vec<u16>,
    /// The traced sides.
    pub sides: Sides,
    /// The only traced processes; none where all are.
    pub pids: Vec<u32>,
}

/// How far it has come to follow the older connections.
pub(super) struct OlderConnections {
    wanted: Wanted,
    began_ns: u64,
    stage: Stage,
    /// Whether nothing is missing of what is told of.
    lacks_none: bool,
    notes: Vec<String>,
}

enum Stage {
    /// The first list is awaited.
    Listing(Awaited, Gathered),
    Entering(Entering),
    /// The second list is awaited.
    ListingAgain(Awaited, Gathered, Vec<ConnectionRecord>),
    /// The list tells which are alive; without one all are taken for it.
    Telling(IntoIter<ConnectionRecord>, Option<HashSet<u64>>),
    Done,
}

/// A list that was asked for.
#[derive(Clone, Copy, Debug)]
struct Awaited {
    id: u64,
    deadline: Instant,
}

struct Entering {
    sockets: IntoIter<DiagSocket>,
    listening: Listening,
    holders: HashMap<u32, Holder>,
    followed: Vec<ConnectionRecord>,
    no_room: u64,
}

impl OlderConnections {
    /// There is nothing to follow, or no way to.
    pub(super) fn none() -> Self {
        Self {
            wanted: Wanted {
                ports: Vec::new(),
                sides: Sides::Both,
                pids: Vec::new(),
            },
            began_ns: 0,
            stage: Stage::Done,
            lacks_none: false,
            notes: Vec::new(),
        }
    }

    /// Has those listed that are there at `began_ns`.
    pub(super) fn begin(probes: &mut impl Probes, wanted: Wanted, began_ns: u64) -> Self {
        let mut older = Self {
            wanted,
            began_ns,
            stage: Stage::Done,
            lacks_none: true,
            notes: Vec::new(),
        };
        let task = Task::ListAndHolders(older.request(), older.wanted.pids.clone());
        let asked = ask(probes, task, HOLDERS_WITHIN);
        older.await_list(asked, Stage::Listing);
        older
    }

    fn await_list(
        &mut self,
        asked: Option<Awaited>,
        stage: impl FnOnce(Awaited, Gathered) -> Stage,
    ) {
        let awaited = asked.unwrap_or(Awaited {
            id: u64::MAX,
            deadline: Instant::now(),
        });
        self.stage = stage(awaited, Gathered::default());
        if asked.is_none() {
            self.helper_has_ended();
        }
    }

    fn request(&self) -> ListRequest {
        // Of two traced ports the listening one is the server's. A single port is looked for
        // at one end only.
        let (sides, states) = match self.wanted.ports.len() {
            1 => (self.wanted.sides, ALIVE),
            _ => (Sides::Both, ALIVE | 1 << state::LISTEN),
        };
        ListRequest {
            ports: self.wanted.ports.clone(),
            sides,
            states,
            namespaces: None,
            within_ms: LIST_WITHIN.as_millis() as u64,
        }
    }

    /// Whether all is done.
    pub(super) fn is_done(&self) -> bool {
        matches!(self.stage, Stage::Done)
    }

    /// Whether all there are have been told of: what was open before and is not among them is
    /// over.
    pub(super) fn told_all(&self) -> bool {
        self.is_done() && self.lacks_none
    }

    /// Whether [`Self::step`] has something to do.
    pub(super) fn has_work(&self) -> bool {
        matches!(self.stage, Stage::Entering(_) | Stage::Telling(..))
    }

    /// Until when an answer is waited for.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Listing(awaited, _) | Stage::ListingAgain(awaited, ..) => Some(awaited.deadline),
            Stage::Entering(_) | Stage::Telling(..) | Stage::Done => None,
        }
    }

    /// Takes an answer, or gives it back if it is somebody else's.
    pub(super) fn answered(&mut self, answer: Answer) -> Option<Answer> {
        match &mut self.stage {
            Stage::Listing(awaited, gathered) | Stage::ListingAgain(awaited, gathered, _)
                if awaited.id == answer.id =>
            {
                gathered.take(answer.found);
                if answer.last {
                    self.listed();
                }
                None
            }
            _ => Some(answer),
        }
    }

    /// The deadline is over.
    pub(super) fn overdue(&mut self) {
        let within = match &self.stage {
            Stage::Listing(..) => HOLDERS_WITHIN,
            _ => LISTED_WITHIN,
        };
        let seconds = within.as_secs();
        self.give_up(&format!("listing them took longer than {seconds} s"));
    }

    /// Nobody answers any more.
    pub(super) fn helper_has_ended(&mut self) {
        self.give_up("the helper process that lists them has ended");
    }

    fn give_up(&mut self, why: &str) {
        if let Stage::Listing(_, gathered) | Stage::ListingAgain(_, gathered, _) = &mut self.stage {
            gathered.missing = Some(why.to_owned());
            self.listed();
        }
    }

    /// A list has come, as far as it does.
    fn listed(&mut self) {
        self.stage = match mem::replace(&mut self.stage, Stage::Done) {
            Stage::Listing(_, mut gathered) => {
                let listening = Listening::take_from(&mut gathered.sockets);
                self.lacks_none &= gathered.is_whole();
                self.notes.extend(gathered.notes());
                match gathered.sockets.is_empty() {
                    true => Stage::Done,
                    false => Stage::Entering(Entering {
                        sockets: gathered.sockets.into_iter(),
                        listening,
                        holders: gathered.holders,
                        followed: Vec::new(),
                        no_room: 0,
                    }),
                }
            }
            Stage::ListingAgain(_, gathered, followed) => {
                let alive = match gathered.missing {
                    None => {
                        let cookies = gathered.sockets.iter().map(|socket| socket.cookie);
                        Some(cookies.collect())
                    }
                    Some(why) => {
                        self.notes.push(format!(
                            "connections older than the trace that ended as it began may be \
                             shown as open: {why}"
                        ));
                        None
                    }
                };
                Stage::Telling(followed.into_iter(), alive)
            }
            stage => stage,
        };
    }

    /// Goes on a little. `take` gets a record of stage `STAGE_ESTABLISHED` of each connection
    /// that is followed.
    pub(super) fn step(
        &mut self,
        source: &mut impl Source,
        probes: &mut impl Probes,
        take: impl FnMut(ConnectionRecord),
    ) {
        match &mut self.stage {
            Stage::Entering(entering) => {
                if entering.step(source, &self.wanted, self.began_ns) {
                    let followed = self.entered();
                    let task = Task::List(self.request());
                    let asked = ask(probes, task, LISTED_WITHIN);
                    self.await_list(asked, |awaited, gathered| {
                        Stage::ListingAgain(awaited, gathered, followed)
                    });
                }
            }
            Stage::Telling(followed, alive) => {
                if tell(followed, alive.as_ref(), source, take) {
                    self.stage = Stage::Done;
                }
            }
            Stage::Listing(..) | Stage::ListingAgain(..) | Stage::Done => {}
        }
    }

    /// All sockets are entered: those that are followed.
    fn entered(&mut self) -> Vec<ConnectionRecord> {
        let Stage::Entering(entering) = &mut self.stage else {
            return Vec::new();
        };
        let mut followed = mem::take(&mut entering.followed);
        followed.sort_unstable_by_key(|record| record.socket);
        if entering.no_room > 0 {
            self.lacks_none = false;
            self.notes.push(format!(
                "the table is full: {} older than the trace cannot be followed, nor can new ones \
                 until some end: raise --table-size",
                counted(entering.no_room, "connection")
            ));
        }
        followed
    }

    /// The trace ends: tells of those that are followed by now.
    pub(super) fn end(&mut self, source: &mut impl Source, mut take: impl FnMut(ConnectionRecord)) {
        self.lacks_none &= !matches!(self.stage, Stage::Listing(..) | Stage::Entering(_));
        match mem::replace(&mut self.stage, Stage::Done) {
            Stage::Listing(..) => self.notes.push(
                "connections older than the trace are missing: it ended before they were listed"
                    .to_owned(),
            ),
            Stage::Entering(entering) => {
                self.notes.push(
                    "connections older than the trace may be missing: it ended before all were \
                     followed"
                        .to_owned(),
                );
                entering.followed.into_iter().for_each(take);
            }
            Stage::ListingAgain(_, _, followed) => followed.into_iter().for_each(take),
            Stage::Telling(mut followed, alive) => {
                while !tell(&mut followed, alive.as_ref(), source, &mut take) {}
            }
            Stage::Done => {}
        }
    }

    /// What could not be found out since this was asked last, each a sentence.
    pub(super) fn take_notes(&mut self) -> Vec<String> {
        mem::take(&mut self.notes)
    }
}

impl Entering {
    /// Enters some; and whether those were the last ones.
    fn step(&mut self, source: &mut impl Source, wanted: &Wanted, began_ns: u64) -> bool {
        for socket in self.sockets.by_ref().take(STEP) {
            let holder = self.holders.get(&socket.inode);
            let is_wanted = match &wanted.pids[..] {
                [] => true,
                pids => holder.is_some_and(|holder| pids.contains(&holder.key.pid)),
            };
            let side = self.listening.side(&socket, &wanted.ports, wanted.sides);
            let Some(side) = side.filter(|_| is_wanted) else {
                continue;
            };
            let record = record_of(&socket, holder, side, began_ns);
            match source.follow(&record) {
                Followed::Yes => self.followed.push(record),
                Followed::NoRoom => self.no_room += 1,
                Followed::Otherwise => {}
            }
        }
        self.sockets.len() == 0
    }
}

/// Tells of some, without those whose end was missed; and whether those were the last ones.
fn tell(
    followed: &mut IntoIter<ConnectionRecord>,
    alive: Option<&HashSet<u64>>,
    source: &mut impl Source,
    mut take: impl FnMut(ConnectionRecord),
) -> bool {
    for record in followed.by_ref().take(STEP) {
        let has_ended = alive.is_some_and(|alive| !alive.contains(&record.socket));
        if has_ended && source.unfollow(record.socket) {
            continue;
        }
        take(record);
    }
    followed.len() == 0
}

/// Has something listed, if anybody does.
fn ask(probes: &mut impl Probes, task: Task, within: Duration) -> Option<Awaited> {
    Some(Awaited {
        id: probes.ask(task)?,
        deadline: Instant::now() + within,
    })
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
            Found::Identity(_)
            | Found::Inspection(_)
            | Found::Elsewhere(_)
            | Found::Listeners(_)
            | Found::NewLines(_)
            | Found::SharedDevice(_)
            | Found::Whereabouts(_)
            | Found::Named(_) => {}
        }
    }

    /// Whether the list came to its end. A namespace that it could not look into is named in a
    /// note.
    fn is_whole(&self) -> bool {
        self.missing.is_none()
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

/// A sentence that goes on behind a colon.
fn lower_case_first(sentence: &str) -> String {
    let mut characters = sentence.chars();
    let first = characters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::helper::wire::Answer;

    /// A helper that takes tasks, or has ended.
    struct Helper {
        asked: u64,
        has_ended: bool,
    }

    impl Probes for Helper {
        fn monotonic_ns(&self) -> u64 {
            0
        }

        fn ask(&mut self, _: Task) -> Option<u64> {
            self.asked += 1;
            (!self.has_ended).then_some(self.asked)
        }

        async fn answer(&mut self) -> Option<Answer> {
            None
        }

        fn stopped(&self) -> Option<u32> {
            None
        }
    }

    fn begun(has_ended: bool) -> OlderConnections {
        let mut helper = Helper {
            asked: 0,
            has_ended,
        };
        let wanted = Wanted {
            ports: vec![2181],
            sides: Sides::Client,
            pids: Vec::new(),
        };
        OlderConnections::begin(&mut helper, wanted, 0)
    }

    fn only_note(mut older: OlderConnections) -> String {
        assert!(older.is_done());
        let notes = older.take_notes();
        assert_eq!(notes.len(), 1, "{notes:?}");
        notes[0].clone()
    }

    #[tokio::test(start_paused = true)]
    async fn a_helper_that_does_not_list_is_waited_for_so_long_only() {
        let mut silent = begun(false);
        assert_eq!(silent.deadline(), Some(Instant::now() + HOLDERS_WITHIN));
        silent.overdue();
        assert!(only_note(silent).contains("took longer than 8 s"));
        assert!(only_note(begun(true)).contains("has ended"));
        let mut ends = begun(false);
        ends.helper_has_ended();
        assert!(only_note(ends).contains("has ended"));
    }

    #[tokio::test(start_paused = true)]
    async fn what_answers_something_else_is_given_back() {
        let mut older = begun(false);
        let answer = |id| Answer {
            id,
            last: true,
            found: Found::Sockets {
                sockets: Vec::new(),
                notes: Vec::new(),
            },
        };
        assert_eq!(older.answered(answer(2)), Some(answer(2)));
        assert!(!older.is_done());
        assert_eq!(older.answered(answer(1)), None);
        assert!(older.is_done());
        assert_eq!(older.take_notes(), [""; 0]);
    }
}
