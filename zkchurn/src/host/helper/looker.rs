// SPDX-License-Identifier: MIT
//! The helper that looks into other processes. Each task is done by a thread: one that
//! hangs, for good perhaps, delays no other.

use std::{
    collections::HashSet,
    io,
    os::unix::net::UnixStream,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    time::Duration,
};

use super::{
    pool::Pool,
    wire::{Answer, Found, Job, ListRequest, Task, receive, send},
};
use crate::host::{
    elsewhere, inspector, listeners, new_lines,
    proc::{identity, named},
    sock_diag::{self, Query, holders},
    threads,
};

/// Most processes that are looked up at once, or hang in it.
pub(super) const MOST_LOOK_UPS: usize = 16;
/// Most closer looks at once. They may start many more look-ups of their own.
pub(super) const MOST_LOOKS: usize = 8;
/// Most listings of sockets at once.
const MOST_LISTINGS: usize = 2;
/// Most logs that are read at once for lines that are looked for.
pub(crate) const MOST_LOGS: usize = 4;
/// The same of logs that were found by a look at a process.
const MOST_FOUND_LOGS: usize = 2;

/// Most processes whose logs are looked for again at once.
const MOST_WHEREABOUTS: usize = 4;

/// Sockets in one message, some 200 bytes each.
const SOCKETS_IN_ANSWER: usize = 2_048;

/// Does what is asked for until the other side ends.
pub(super) fn serve(mut requests: UnixStream) -> io::Result<()> {
    let answers = requests.try_clone()?;
    let (say, said) = sync_channel(64);
    threads::named("answers").spawn(move || write_answers(answers, &said))?;
    let pool = |name, most| {
        let say = say.clone();
        Pool::new(name, most, move |job: Job| work(job, &say))
    };
    let mut look_ups = pool("look-up", MOST_LOOK_UPS);
    let mut looks = pool("look", MOST_LOOKS);
    let mut listings = pool("sockets", MOST_LISTINGS);
    let mut logs = pool("lines", MOST_LOGS);
    // Where a process writes to anything, those that somebody has named do not wait for it.
    let mut found_logs = pool("lines-found", MOST_FOUND_LOGS);
    let mut whereabouts = pool("logs-again", MOST_WHEREABOUTS);
    while let Some(job) = receive::<Job>(&mut requests)? {
        let id = job.id;
        let pool = match &job.task {
            Task::Identify(_) | Task::Named(_) => &mut look_ups,
            Task::Inspect(_) => &mut looks,
            Task::NewLines(_) => &mut logs,
            Task::Whereabouts(_) => &mut whereabouts,
            Task::LinesOfProcess(_) => &mut found_logs,
            Task::SharedDevice(_)
            | Task::List(_)
            | Task::ListAndHolders(..)
            | Task::Elsewhere(_)
            | Task::Listeners(_) => &mut listings,
        };
        if let Err(error) = pool.submit(job) {
            answer(&say, id, true, Found::Failed(error.to_string()));
        }
    }
    Ok(())
}

fn write_answers(mut to: UnixStream, said: &Receiver<Answer>) {
    while let Ok(answer) = said.recv() {
        match send(&mut to, &answer) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                let too_long = Found::Failed("it is longer than a message".to_owned());
                let short = Answer {
                    found: too_long,
                    ..answer
                };
                if send(&mut to, &short).is_err() {
                    return;
                }
            }
            Err(_) => return,
        }
    }
}

fn answer(say: &SyncSender<Answer>, id: u64, last: bool, found: Found) {
    // It fails only when nobody listens any more.
    let _ = say.send(Answer { id, last, found });
}

fn work(job: Job, say: &SyncSender<Answer>) {
    let id = job.id;
    let done = catch_unwind(AssertUnwindSafe(|| match job.task {
        Task::Identify(key) => {
            let identity = identity::read_with_placement(key);
            answer(say, id, true, Found::Identity(identity));
        }
        Task::Inspect(request) => inspector::look(&request, |inspection, last| {
            let found = Found::Inspection(Box::new(inspection));
            answer(say, id, last, found);
        }),
        Task::List(request) => {
            let (_, notes) = list(id, &request, say);
            let sockets = Vec::new();
            answer(say, id, true, Found::Sockets { sockets, notes });
        }
        Task::Named(name) => {
            answer(say, id, true, Found::Named(named::processes(&name)));
        }
        Task::Elsewhere(request) => {
            answer(say, id, true, Found::Elsewhere(elsewhere::look(&request)));
        }
        Task::Listeners(ports) => {
            answer(say, id, true, Found::Listeners(listeners::at(&ports)));
        }
        Task::SharedDevice(directories) => {
            let shared = elsewhere::data::on_the_device_of(&directories);
            answer(say, id, true, Found::SharedDevice(shared));
        }
        Task::Whereabouts(searched) => {
            answer(say, id, true, Found::Whereabouts(searched.look()));
        }
        Task::NewLines(request) | Task::LinesOfProcess(request) => {
            let found = new_lines::look(&request).map_or_else(Found::Failed, Found::NewLines);
            answer(say, id, true, found);
        }
        Task::ListAndHolders(request, first) => {
            let (inodes, notes) = list(id, &request, say);
            let sockets = Vec::new();
            answer(say, id, false, Found::Sockets { sockets, notes });
            find_holders(id, inodes, &first, say);
        }
    }));
    if done.is_err() {
        let why = "the helper failed on it; please report that".to_owned();
        answer(say, id, true, Found::Failed(why));
    }
}

/// Answers with the sockets, and hands on their inodes and what is to be noted.
fn list(id: u64, request: &ListRequest, say: &SyncSender<Answer>) -> (HashSet<u32>, Vec<String>) {
    let query = Query {
        ports: &request.ports,
        sides: request.sides,
        states: request.states,
    };
    let namespaces = request.namespaces.as_ref();
    let namespaces: Option<HashSet<u32>> = namespaces.map(|these| these.iter().copied().collect());
    let within = Duration::from_millis(request.within_ms);
    let listing = sock_diag::list_where(&query, namespaces.as_ref(), within);
    for sockets in listing.sockets.chunks(SOCKETS_IN_ANSWER) {
        let found = Found::Sockets {
            sockets: sockets.to_vec(),
            notes: Vec::new(),
        };
        answer(say, id, false, found);
    }
    let inodes = listing.sockets.iter().map(|socket| socket.inode);
    (inodes.collect(), listing.notes)
}

fn find_holders(id: u64, inodes: HashSet<u32>, first: &[u32], say: &SyncSender<Answer>) {
    let found = holders::holders(inodes, first);
    let by_inode: Vec<_> = found.by_inode.into_iter().collect();
    for holders in by_inode.chunks(SOCKETS_IN_ANSWER) {
        let (holders, notes) = (holders.to_vec(), Vec::new());
        answer(say, id, false, Found::Holders { holders, notes });
    }
    let (holders, notes) = (Vec::new(), found.notes);
    answer(say, id, true, Found::Holders { holders, notes });
}
