// SPDX-License-Identifier: MIT
//! The running kernel as a source: the only place that names aya.

mod error;
mod load;
mod object;
mod own_log;
mod packets;
mod probe;
mod table;
mod tracepoint_btf;
mod verified;

use std::{
    collections::HashSet,
    fs::{self, File},
    io,
    os::fd::{AsFd, AsRawFd, OwnedFd},
    path::PathBuf,
    time::Instant,
};

use aya::{
    Ebpf,
    maps::{Array, MapData, PerCpuArray, RingBuf},
    programs::{BtfTracePoint, ProgramError, TracePoint},
};
use tokio::io::{Interest, unix::AsyncFd};
use zkchurn_common::{
    field::SocketField,
    loss::Loss,
    record::ConnectionRecord,
    settings::{READER_DOZES, READER_WANTS_HANDSHAKES, names},
};

use crate::host::{
    beside::beside,
    preflight::facts::{BtfBytes, Facts},
    privilege::{held, needs},
    proc::files::field,
};
pub use error::{KernelError, error_chain, is_out_of_memory, is_permission};
pub use object::BUILT_IN;
pub use own_log::OwnLog;
pub(crate) use probe::{ask_ahead, bpf_is_refused};
use table::Table;
pub use table::{Checked, Followed, OpenConnections, Progress};
use verified::Verified;
use zkchurn_core::frame::{Hook, LossCounts, Sides};

/// What to trace and with which resources.
#[derive(Clone, Debug)]
pub struct KernelConfig {
    /// The traced ports.
    pub ports: Vec<u16>,
    /// The traced sides.
    pub side: Sides,
    /// The only processes to trace, at most `MOST_PIDS`; none for all.
    pub pids: Vec<u32>,
    /// Most connections that are followed at once.
    pub table_size: u32,
    /// Size of the ring buffer in bytes: a power of two, at least a page.
    pub ring_bytes: u32,
    /// The hook to use; by default the best that loads.
    pub hook: Option<Hook>,
    /// The cgroup at whose sockets first bytes are captured, and from when on, if they are
    /// wanted.
    pub handshake_at: Option<(PathBuf, HandshakesFrom)>,
    /// Level of the kernel program's own log: 0 is off, 5 tells every transition.
    pub kernel_log_level: u8,
}

/// From when on first bytes are captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandshakesFrom {
    /// From the first connection on.
    Start,
    /// Not before [`KernelSource::turn_on_handshakes`].
    Wish,
}

/// The loaded and attached program.
pub struct KernelSource {
    ebpf: Ebpf,
    hook: Hook,
    spares: Spares,
    socket_cookie: bool,
    handshake: Handshake,
    /// Why the program loaded only without its own log, which is wanted.
    silenced: Option<String>,
    records: RingBuf<MapData>,
    /// The same ring buffer, readable when the program has woken us.
    wakes: AsyncFd<OwnedFd>,
    reader: Array<MapData, u64>,
    table: Table,
    loss: PerCpuArray<MapData, u64>,
}

/// Whether first bytes are captured.
#[derive(Debug)]
enum Handshake {
    NotWanted,
    /// The programs are loaded, and can be attached to this cgroup.
    Ready(File),
    Captured,
    Failed(KernelError),
}

impl Handshake {
    fn of(
        ebpf: &mut Ebpf,
        verified: &mut Verified,
        (cgroup, from): &(PathBuf, HandshakesFrom),
    ) -> Self {
        let begun = packets::loaded(verified, cgroup).and_then(|cgroup| match from {
            HandshakesFrom::Wish => Ok(Self::Ready(cgroup)),
            HandshakesFrom::Start => packets::attach(ebpf, &cgroup).map(|()| Self::Captured),
        });
        begun.unwrap_or_else(|error| Self::failed(ebpf, error))
    }

    /// One direction alone is of no use.
    fn failed(ebpf: &mut Ebpf, error: KernelError) -> Self {
        log::debug!("handshakes: {error:?}");
        packets::discard(ebpf);
        Self::Failed(error)
    }
}

/// The program for what the kernel skips the first for.
#[derive(Debug)]
struct Spares {
    /// Those that are attached; the classic tracepoint has none.
    attached: &'static [&'static str],
    /// Why the next one is not.
    failed: Option<KernelError>,
}

impl Spares {
    const NONE: Self = Self {
        attached: &[],
        failed: None,
    };

    /// As many as this kernel needs.
    fn wanted(facts: &Facts) -> &'static [&'static str] {
        match facts.preempts_programs() {
            true => &names::SPARE_PROGRAMS,
            false => &names::SPARE_PROGRAMS[..1],
        }
    }

    /// Attaches them, behind the first program: it calls them in the
    /// order of their attaching.
    fn attach(ebpf: &mut Ebpf, verified: &mut Verified, facts: &Facts) -> Self {
        let wanted = Self::wanted(facts);
        for (number, name) in wanted.iter().enumerate() {
            if let Err(error) = attach_tp_btf(ebpf, verified, name) {
                return Self {
                    attached: &wanted[..number],
                    failed: Some(error),
                };
            }
        }
        Self {
            attached: wanted,
            failed: None,
        }
    }
}

/// One way of loading, in the order in which they are tried.
#[derive(Clone, Copy, Debug)]
struct Attempt {
    hook: Hook,
    socket_cookie: bool,
}

const ATTEMPTS: [Attempt; 3] = [
    Attempt {
        hook: Hook::TpBtf,
        socket_cookie: true,
    },
    // Before 5.12 the helper for the cookie is refused.
    Attempt {
        hook: Hook::TpBtf,
        socket_cookie: false,
    },
    Attempt {
        hook: Hook::Tracepoint,
        socket_cookie: false,
    },
];

impl KernelSource {
    /// Loads `object` and attaches it in the best way that this kernel takes. The bytes of the
    /// kernel's BTF are given back in between, see [`Facts::gather_keeping`].
    ///
    /// # Errors
    ///
    /// The error of the last way that was tried.
    pub fn attach(
        object: &[u8],
        config: &KernelConfig,
        facts: &Facts,
        mut bytes: BtfBytes,
    ) -> Result<Self, KernelError> {
        let usable = |attempt: &Attempt| {
            let is_there = match attempt.hook {
                Hook::TpBtf => facts.btf.value().is_some(),
                Hook::Tracepoint => facts.tracepoint.value().is_some(),
            };
            is_there && config.hook.is_none_or(|hook| hook == attempt.hook)
        };
        let attempts = ATTEMPTS.into_iter().filter(usable);
        let loaded = first_that_loads(attempts, config.kernel_log_level, |attempt, log_level| {
            let config = KernelConfig {
                kernel_log_level: log_level,
                ..config.clone()
            };
            Self::try_attach(object, &config, (facts, &mut bytes), attempt)
        });
        match loaded {
            Ok((source, silenced)) => Ok(Self { silenced, ..source }),
            Err(None) => Err(KernelError::NoHook(no_hook(config))),
            Err(Some(error)) => Err(error),
        }
    }

    fn try_attach(
        object: &[u8],
        config: &KernelConfig,
        (facts, bytes): (&Facts, &mut BtfBytes),
        attempt: Attempt,
    ) -> Result<Self, KernelError> {
        let wants_btf = attempt.hook == Hook::TpBtf;
        let (ebpf, btf) = beside(
            || load::load(object, config, facts, attempt),
            || wants_btf.then(|| tracepoint_btf::of(facts)).transpose(),
        );
        let mut ebpf = ebpf?;
        let btf = btf?;
        let wanted = programs(config, facts, attempt);
        let mut verified = Verified::load(&mut ebpf, btf.as_ref(), &wanted);
        drop(btf);
        bytes.give_back();
        // Before the hook that enters connections into the table, so that a
        // connection in the table has all its packets seen.
        let handshake = match &config.handshake_at {
            Some(wanted) if attempt.socket_cookie => {
                Handshake::of(&mut ebpf, &mut verified, wanted)
            }
            Some(_) => Handshake::Failed(KernelError::NoCookies),
            None => Handshake::NotWanted,
        };
        let mut spares = Spares::NONE;
        match attempt.hook {
            Hook::TpBtf => {
                attach_tp_btf(&mut ebpf, &mut verified, names::TP_BTF_PROGRAM)?;
                spares = Spares::attach(&mut ebpf, &mut verified, facts);
            }
            Hook::Tracepoint => attach_tracepoint(&mut ebpf, &mut verified)?,
        }
        let table = Table::new(&mut ebpf, checks_sockets(facts), &mut verified)?;
        let records = RingBuf::try_from(take_map(&mut ebpf, names::RECORDS)?)?;
        let wakes = wakes_of(&records).map_err(KernelError::Wait)?;
        Ok(Self {
            hook: attempt.hook,
            spares,
            socket_cookie: attempt.socket_cookie,
            handshake,
            silenced: None,
            records,
            wakes,
            reader: Array::try_from(take_map(&mut ebpf, names::READER)?)?,
            table,
            loss: PerCpuArray::try_from(take_map(&mut ebpf, names::LOSS)?)?,
            ebpf,
        })
    }

    /// How the program is attached.
    pub fn hook(&self) -> Hook {
        self.hook
    }

    /// Whether sockets are followed by their cookie, not by their address.
    pub fn has_cookies(&self) -> bool {
        self.socket_cookie
    }

    /// Whether first bytes are captured; or why not, where they are wanted.
    pub fn captures_handshakes(&self) -> Result<bool, String> {
        match &self.handshake {
            Handshake::NotWanted | Handshake::Ready(_) => Ok(false),
            Handshake::Captured => Ok(true),
            Handshake::Failed(error) => Err(error_chain(error)),
        }
    }

    /// Whether [`Self::turn_on_handshakes`] is still to come, and can.
    pub fn can_turn_on_handshakes(&self) -> bool {
        matches!(self.handshake, Handshake::Ready(_))
    }

    /// Captures the first bytes of connections that begin from now on, if
    /// [`Self::can_turn_on_handshakes`]; [`Self::captures_handshakes`] says what became of it.
    /// Takes the capability that was kept for it ([`needs::TURNING_ON_HANDSHAKES`]).
    pub fn turn_on_handshakes(&mut self) {
        let Handshake::Ready(cgroup) = &self.handshake else {
            return;
        };
        let (ebpf, reader) = (&mut self.ebpf, &mut self.reader);
        let attached = held::with(needs::TURNING_ON_HANDSHAKES, || {
            packets::attach(ebpf, cgroup)
        });
        let attached = attached.map_err(KernelError::Privilege).flatten();
        // Not before all packets of a connection that begins are seen.
        let wanted = attached.and_then(|()| Ok(reader.set(READER_WANTS_HANDSHAKES, 1, 0)?));
        self.handshake = match wanted {
            Ok(()) => Handshake::Captured,
            Err(error) => Handshake::failed(ebpf, error),
        };
    }

    /// Why what the kernel skips the program for is not made up for, where it should be.
    pub fn skipped_for_good(&self) -> Option<String> {
        self.spares.failed.as_ref().map(error_chain)
    }

    /// Why connections whose end the kernel skipped stay in the table, if they do.
    pub fn unchecked(&self) -> Option<String> {
        self.table.unchecked()
    }

    /// Has the program follow a socket that is older than it.
    pub fn follow(&mut self, record: &ConnectionRecord) -> Followed {
        self.table.follow(record)
    }

    /// Forgets a socket again; whether it was still in the table.
    pub fn unfollow(&mut self, cookie: u64) -> bool {
        self.table.unfollow(cookie)
    }

    /// Begins to walk the table from its start.
    pub fn begin_walk(&mut self) {
        self.table.begin_walk();
    }

    /// Further keys of the table, see [`Table::more_keys`].
    pub fn more_keys(&mut self, most: usize, keys: &mut Vec<u64>) -> Progress {
        self.table.more_keys(most, keys)
    }

    /// The record of an open connection.
    pub fn open_connection(&self, key: u64) -> Option<ConnectionRecord> {
        self.table.record(key)
    }

    /// Has the kernel program look whether sockets are closed, and tell of those that are.
    pub fn check(&mut self, keys: &[u64]) -> Checked {
        self.table.check(&mut self.ebpf, keys)
    }

    /// Sockets of connections in the table that are closed at `now_ns`, so that their end was
    /// missed, as many as are looked at until `deadline`. To be asked before [`Self::detach`].
    pub fn unseen_ends(&mut self, now_ns: u64, deadline: Instant) -> HashSet<u64> {
        self.table.unseen_ends(&mut self.ebpf, now_ns, deadline)
    }

    /// Asks the program to wake us at the next record; until then [`Self::woken`] waits.
    /// A record that is written at this very moment may not wake us, so that one more look
    /// is due a little later.
    pub fn doze(&mut self) {
        // Where it fails, the next look comes late: the loop does not rely on it alone.
        let _ = self.reader.set(READER_DOZES, 1, 0);
    }

    /// Waits until the program wakes us.
    pub async fn woken(&mut self) {
        match self.wakes.readable_mut().await {
            Ok(mut ready) => ready.clear_ready(),
            // Only at the end of the runtime.
            Err(_) => std::future::pending().await,
        }
    }

    /// Hands up to `most` records to `take` and returns how many there were.
    pub fn drain(&mut self, most: usize, mut take: impl FnMut(&[u8])) -> usize {
        let mut taken = 0;
        while taken < most {
            let Some(record) = self.records.next() else {
                break;
            };
            taken += 1;
            take(&record);
        }
        taken
    }

    /// Detaches the program: nothing is recorded from here on.
    pub fn detach(&mut self) -> Result<(), KernelError> {
        match self.hook {
            Hook::TpBtf => {
                self.unload_tp_btf(names::TP_BTF_PROGRAM)?;
                for name in self.spares.attached {
                    self.unload_tp_btf(name)?;
                }
            }
            Hook::Tracepoint => {
                let program: &mut TracePoint = program(&mut self.ebpf, names::TRACEPOINT_PROGRAM)?;
                program.unload()?;
            }
        }
        if matches!(self.handshake, Handshake::Captured | Handshake::Ready(_)) {
            packets::detach(&mut self.ebpf)?;
        }
        Ok(())
    }

    /// The connections in the table at `now_ns`, as many as are read until `deadline`.
    pub fn open_connections(&self, now_ns: u64, deadline: Instant) -> OpenConnections {
        self.table.open_connections(now_ns, deadline)
    }

    /// What could not be recorded so far.
    pub fn loss(&self) -> LossCounts {
        let sum = |loss: Loss| -> u64 {
            let per_cpu = self.loss.get(&(loss as u32), 0);
            per_cpu.map_or(0, |values| values.iter().sum())
        };
        let is_captured = matches!(self.handshake, Handshake::Captured);
        let of_handshakes = |loss| is_captured.then(|| sum(loss));
        LossCounts {
            handshake_records_dropped: of_handshakes(Loss::HandshakeRecordDropped),
            handshakes_before_accept: of_handshakes(Loss::HandshakeBeforeAccept),
            ended_records_dropped: sum(Loss::EndedRecordDropped),
            established_records_dropped: sum(Loss::EstablishedRecordDropped),
            table_full: sum(Loss::TableFull),
            unmatched_closes: sum(Loss::UnmatchedClose),
            recursion_misses: self.recursion_misses(),
            // Who exports knows.
            records_not_exported: None,
        }
    }

    /// The kernel's own count of skipped runs (5.12+). What one program is skipped for the
    /// others see, unless they are skipped as well: at most the fewest.
    fn recursion_misses(&self) -> Option<u64> {
        match self.hook {
            Hook::Tracepoint => self.misses_of(names::TRACEPOINT_PROGRAM),
            Hook::TpBtf => {
                let first = self.misses_of(names::TP_BTF_PROGRAM)?;
                let mut spares = self.spares.attached.iter();
                spares.try_fold(first, |fewest, name| {
                    Some(fewest.min(self.misses_of(name)?))
                })
            }
        }
    }

    /// From the program's fdinfo.
    fn misses_of(&self, program: &str) -> Option<u64> {
        let fd = self.ebpf.program(program)?.fd().ok()?;
        let path = format!("/proc/self/fdinfo/{}", fd.as_fd().as_raw_fd());
        let info = fs::read_to_string(path).ok()?;
        field(&info, "recursion_misses")?.parse().ok()
    }

    fn unload_tp_btf(&mut self, name: &'static str) -> Result<(), KernelError> {
        let program: &mut BtfTracePoint = program(&mut self.ebpf, name)?;
        Ok(program.unload()?)
    }

    /// Prints the program's own log through the `log` facade from now on.
    ///
    /// # Errors
    ///
    /// Why there is no such log.
    pub fn own_log(&mut self) -> Result<OwnLog, String> {
        if let Some(why) = &self.silenced {
            return Err(why.clone());
        }
        let logger = aya_log::EbpfLogger::init(&mut self.ebpf);
        let mut logger = logger.map_err(|error| error.to_string())?;
        OwnLog::start(move || logger.flush()).map_err(|error| error.to_string())
    }
}

/// The first of these ways that the kernel takes; each is tried again without the program's
/// own log, where that is wanted, and the second value then says why it is off. An error is
/// that of the first way.
fn first_that_loads<S>(
    attempts: impl Iterator<Item = Attempt>,
    log_level: u8,
    mut load: impl FnMut(Attempt, u8) -> Result<S, KernelError>,
) -> Result<(S, Option<String>), Option<KernelError>> {
    let mut refused = None;
    for attempt in attempts {
        let error = match load(attempt, log_level) {
            Ok(source) => return Ok((source, None)),
            Err(error) => error,
        };
        log::debug!("{attempt:?}: {error}");
        // Another way would trace less for a moment's shortage.
        if is_out_of_memory(&error) {
            return Err(Some(error));
        }
        if log_level > 0
            && !is_permission(&error)
            && let Ok(source) = load(attempt, 0)
        {
            return Ok((source, Some(error_chain(&error))));
        }
        refused.get_or_insert(error);
    }
    Err(refused)
}

/// To be waited for beside signals and timers.
#[expect(
    deprecated,
    reason = "its successor is unsafe: it has to be told that the descriptor stays open, which \
              a descriptor of its own does"
)]
fn wakes_of(records: &RingBuf<MapData>) -> io::Result<AsyncFd<OwnedFd>> {
    let descriptor = records.as_fd().try_clone_to_owned()?;
    AsyncFd::with_interest(descriptor, Interest::READABLE)
}

fn no_hook(config: &KernelConfig) -> String {
    match config.hook {
        Some(Hook::TpBtf) => {
            "--hook tp_btf needs /sys/kernel/btf/vmlinux, which this kernel does not offer"
                .to_owned()
        }
        _ => "the tracepoint's format cannot be read: mount -t tracefs nodev /sys/kernel/tracing"
            .to_owned(),
    }
}

/// The programs that are loaded, the one that the verifier takes longest for in front.
fn programs(config: &KernelConfig, facts: &Facts, attempt: Attempt) -> Vec<&'static str> {
    let mut wanted = Vec::new();
    match attempt.hook {
        Hook::TpBtf => {
            wanted.push(names::TP_BTF_PROGRAM);
            wanted.extend(Spares::wanted(facts));
        }
        Hook::Tracepoint => wanted.push(names::TRACEPOINT_PROGRAM),
    }
    if config.handshake_at.is_some() && attempt.socket_cookie {
        wanted.extend(packets::PROGRAMS.map(|(name, _)| name));
    }
    if checks_sockets(facts) {
        wanted.push(names::CHECK_PROGRAM);
    }
    wanted
}

/// Whether it is known where a socket's state is.
fn checks_sockets(facts: &Facts) -> bool {
    let layout = facts.btf.value();
    layout.is_some_and(|layout| layout.has(SocketField::State))
}

fn attach_tp_btf(
    ebpf: &mut Ebpf,
    verified: &mut Verified,
    name: &'static str,
) -> Result<(), KernelError> {
    verified.take(name)?;
    let program: &mut BtfTracePoint = program(ebpf, name)?;
    program.attach()?;
    Ok(())
}

fn attach_tracepoint(ebpf: &mut Ebpf, verified: &mut Verified) -> Result<(), KernelError> {
    verified.take(names::TRACEPOINT_PROGRAM)?;
    let program: &mut TracePoint = program(ebpf, names::TRACEPOINT_PROGRAM)?;
    program.attach(names::TRACEPOINT_CATEGORY, names::TRACEPOINT)?;
    Ok(())
}

fn program<'a, P>(ebpf: &'a mut Ebpf, name: &'static str) -> Result<&'a mut P, KernelError>
where
    &'a mut P: TryFrom<&'a mut aya::programs::Program, Error = ProgramError>,
{
    let program = ebpf
        .program_mut(name)
        .ok_or(KernelError::ObjectLacks(name))?;
    Ok(program.try_into()?)
}

fn take_map(ebpf: &mut Ebpf, name: &'static str) -> Result<aya::maps::Map, KernelError> {
    ebpf.take_map(name).ok_or(KernelError::ObjectLacks(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a way has cookies, and its log level.
    type Way = (bool, u8);

    /// What was tried, and which way loaded and whether without its log, with a kernel that
    /// takes only what `takes` says.
    fn tried(
        log_level: u8,
        takes: impl Fn(Attempt, u8) -> bool,
    ) -> (Vec<Way>, Option<(bool, bool)>) {
        let mut tried = Vec::new();
        let loaded = first_that_loads(ATTEMPTS.into_iter(), log_level, |attempt, log_level| {
            tried.push((attempt.socket_cookie, log_level));
            match takes(attempt, log_level) {
                true => Ok(attempt.socket_cookie),
                false => Err(KernelError::NoCookies),
            }
        });
        let loaded = loaded.ok();
        (
            tried,
            loaded.map(|(way, silenced)| (way, silenced.is_some())),
        )
    }

    #[test]
    fn a_kernel_that_refuses_the_log_traces_without_it_in_the_same_way() {
        let (ways, loaded) = tried(5, |_, log_level| log_level == 0);
        assert_eq!(ways, [(true, 5), (true, 0)]);
        assert_eq!(loaded, Some((true, true)));
    }

    #[test]
    fn the_next_way_has_the_log_again() {
        let (ways, loaded) = tried(5, |attempt, _| !attempt.socket_cookie);
        assert_eq!(ways, [(true, 5), (true, 0), (false, 5)]);
        assert_eq!(loaded, Some((false, false)));
    }

    #[test]
    fn where_no_log_is_wanted_nothing_is_tried_twice() {
        let (ways, loaded) = tried(0, |_, _| false);
        assert_eq!(ways, [(true, 0), (false, 0), (false, 0)]);
        assert_eq!(loaded, None);
    }

    #[test]
    fn without_memory_no_lesser_way_is_taken() {
        let mut count = 0;
        let loaded = first_that_loads(ATTEMPTS.into_iter(), 5, |_, _| -> Result<(), _> {
            count += 1;
            Err(KernelError::limit(rustix::io::Errno::NOMEM))
        });
        assert!(loaded.is_err_and(|error| error.is_some_and(|error| is_out_of_memory(&error))));
        assert_eq!(count, 1);
    }

    #[test]
    fn what_is_not_permitted_is_not_permitted_without_the_log_either() {
        let denied = || KernelError::Cgroup(io::ErrorKind::PermissionDenied.into());
        let mut count = 0;
        let loaded = first_that_loads(ATTEMPTS.into_iter(), 5, |_, _| -> Result<(), _> {
            count += 1;
            Err(denied())
        });
        assert!(loaded.is_err_and(|error| error.is_some_and(|error| is_permission(&error))));
        assert_eq!(count, ATTEMPTS.len());
    }
}
