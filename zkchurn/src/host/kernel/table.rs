// SPDX-License-Identifier: MIT
//! The kernel program's table of open connections, seen from user space.

mod unseen_ends;

use std::{os::fd::AsFd, time::Instant};

use aya::{
    Ebpf,
    maps::{HashMap, Map, MapData, MapError, MapKeys},
    programs::{RawTracePoint, RawTracePointRunOptions, TestRun},
};
use rustix::io::Errno;
use zerocopy::FromBytes;
use zkchurn_common::{
    record::{ConnectionRecord, ENTRY_SIZE, STAGE_ENDED, STAGE_OPEN_AT_END, TableEntry},
    settings::{CHECKED_AT_ONCE, names},
};

use super::{KernelError, error::error_chain, program, take_map, verified::Verified};

/// Flag of a map update: only a new key (include/uapi/linux/bpf.h).
const BPF_NOEXIST: u64 = 1;
/// A walk begins anew where the entry is gone that it stands on, so it has no end of its
/// own. This is no bound of the table, which `--table-size` sets.
const MOST_STEPS: usize = 1 << 21;

/// What became of a socket that is older than the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    /// It is in the table.
    Yes,
    /// The table is full.
    NoRoom,
    /// It is followed already, as it began after the program was attached.
    Otherwise,
}

/// What a look at sockets brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Sockets that are closed; those that were so at an earlier look were told of.
    pub closed: u32,
}

/// The connections that are open at the end.
#[derive(Debug)]
pub struct OpenConnections {
    /// Each as a record of stage [`STAGE_OPEN_AT_END`].
    pub open: Vec<ConnectionRecord>,
    /// Whether there was time for all of them.
    pub is_complete: bool,
}

/// How far a walk has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There may be more.
    More,
    /// It has brought all keys that were there all the time.
    All,
    /// It ended before.
    CutShort,
}

type Tracked = HashMap<MapData, u64, [u8; ENTRY_SIZE]>;

/// The table, and the program that looks whether its sockets are closed.
pub(super) struct Table {
    tracked: Tracked,
    /// The same map, to be walked in steps.
    walked: &'static Tracked,
    walk: Option<Walk>,
    /// Why sockets cannot be looked at.
    unchecked: Option<KernelError>,
}

/// A walk of the table, and the steps that it has taken.
struct Walk {
    keys: MapKeys<'static, u64>,
    steps: usize,
}

impl Table {
    /// Takes the table out of `ebpf`, and notes what became of the program, which is loaded
    /// only where it is known where a socket's state is.
    ///
    /// # Errors
    ///
    /// The object has no such map.
    pub(super) fn new(
        ebpf: &mut Ebpf,
        checks_sockets: bool,
        verified: &mut Verified,
    ) -> Result<Self, KernelError> {
        let tracked = take_map(ebpf, names::TRACKED)?;
        // aya's iterator borrows its map, and a walk outlives many calls: this handle of the
        // map stays for as long as the process does, which has one trace.
        let walked = Box::leak(Box::new(again(&tracked)?));
        let tracked = HashMap::try_from(tracked)?;
        let unchecked = match checks_sockets {
            true => verified.take(names::CHECK_PROGRAM).err(),
            false => Some(KernelError::NoSocketState),
        };
        if let Some(error) = &unchecked {
            log::debug!("sockets cannot be checked: {error:?}");
        }
        Ok(Self {
            tracked,
            walked,
            walk: None,
            unchecked,
        })
    }

    /// Why sockets cannot be looked at, if so.
    pub(super) fn unchecked(&self) -> Option<String> {
        self.unchecked.as_ref().map(error_chain)
    }

    /// Has the program follow a socket that is older than it.
    pub(super) fn follow(&mut self, record: &ConnectionRecord) -> Followed {
        let entry = TableEntry {
            record: *record,
            address: 0,
            found_closed: 0,
        };
        let bytes: [u8; ENTRY_SIZE] = zerocopy::transmute!(entry);
        match self.tracked.insert(record.socket, bytes, BPF_NOEXIST) {
            Ok(()) => Followed::Yes,
            Err(MapError::SyscallError(error))
                if error.io_error.raw_os_error() == Some(Errno::TOOBIG.raw_os_error()) =>
            {
                Followed::NoRoom
            }
            Err(_) => Followed::Otherwise,
        }
    }

    /// Forgets a socket again; whether it was still in the table.
    pub(super) fn unfollow(&mut self, cookie: u64) -> bool {
        self.tracked.remove(&cookie).is_ok()
    }

    /// Begins to walk from the start.
    pub(super) fn begin_walk(&mut self) {
        let keys = self.walked.keys();
        self.walk = Some(Walk { keys, steps: 0 });
    }

    /// Puts up to `most` further keys behind `keys`, some maybe a second time.
    pub(super) fn more_keys(&mut self, most: usize, keys: &mut Vec<u64>) -> Progress {
        let Some(walk) = &mut self.walk else {
            return Progress::All;
        };
        let mut taken = 0;
        for key in walk.keys.by_ref().take(most) {
            taken += 1;
            walk.steps += 1;
            match key {
                Ok(key) if walk.steps < MOST_STEPS => keys.push(key),
                _ => {
                    self.walk = None;
                    return Progress::CutShort;
                }
            }
        }
        if taken == most {
            return Progress::More;
        }
        self.walk = None;
        Progress::All
    }

    /// The record in progress of a connection; `None` where it has ended.
    ///
    /// The kernel copies an entry without a lock, and may use its memory for another one
    /// meanwhile, so only what is twice the same was one connection's.
    pub(super) fn record(&self, key: u64) -> Option<ConnectionRecord> {
        let once = self.entry(key)?.record;
        let is_open = once.socket == key && once.stage != STAGE_ENDED;
        let again = self.entry(key)?.record;
        (is_open && once == again).then_some(once)
    }

    fn entry(&self, key: u64) -> Option<TableEntry> {
        let bytes = self.tracked.get(&key, 0).ok()?;
        TableEntry::read_from_bytes(&bytes).ok()
    }

    /// Has the program look whether sockets are closed.
    pub(super) fn check(&mut self, ebpf: &mut Ebpf, keys: &[u64]) -> Checked {
        let mut checked = Checked::default();
        if self.unchecked.is_some() {
            return checked;
        }
        for keys in keys.chunks(CHECKED_AT_ONCE) {
            match run(ebpf, keys) {
                Ok(closed) => checked.closed += closed,
                Err(error) => {
                    log::debug!("{error:?}");
                    self.unchecked = Some(error);
                    break;
                }
            }
        }
        checked
    }

    /// The connections in the table at `now_ns`, oldest first, as many as are read until
    /// `deadline`.
    pub(super) fn open_connections(&self, now_ns: u64, deadline: Instant) -> OpenConnections {
        let mut is_complete = true;
        let entries = self.tracked.iter().filter_map(Result::ok).take_while(|_| {
            is_complete = Instant::now() < deadline;
            is_complete
        });
        let entries = entries.filter_map(|(_, bytes)| TableEntry::read_from_bytes(&bytes).ok());
        let mut open: Vec<ConnectionRecord> = entries
            .filter(|entry| entry.record.stage != STAGE_ENDED)
            .map(|entry| ConnectionRecord {
                header: ConnectionRecord::HEADER,
                stage: STAGE_OPEN_AT_END,
                until_ns: now_ns,
                ..entry.record
            })
            .collect();
        // The order of the table is that of its hash; that of the starts is stable.
        open.sort_unstable_by_key(|record| record.started_ns);
        OpenConnections { open, is_complete }
    }
}

/// Another handle of the table.
fn again(table: &Map) -> Result<Tracked, KernelError> {
    let Map::HashMap(data) = table else {
        return Err(KernelError::ObjectLacks(names::TRACKED));
    };
    let descriptor = data.fd().as_fd().try_clone_to_owned();
    let descriptor = descriptor.map_err(KernelError::Wait)?;
    let data = MapData::from_fd(descriptor)?;
    Ok(HashMap::try_from(Map::HashMap(data))?)
}

fn run(ebpf: &mut Ebpf, keys: &[u64]) -> Result<u32, KernelError> {
    let program: &mut RawTracePoint = program(ebpf, names::CHECK_PROGRAM)?;
    let mut options = RawTracePointRunOptions::new();
    options.args[..keys.len()].copy_from_slice(keys);
    let result = program.test_run(options)?;
    Ok(result.return_value)
}
