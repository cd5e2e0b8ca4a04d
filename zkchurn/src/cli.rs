// SPDX-License-Identifier: MIT
//! The command line: what can be typed, and what it means.

use std::{any::TypeId, num::NonZeroU32, path::PathBuf, time::Duration};

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::{
    frame::{Hook, Sides},
    inspect::jvm::JvmMode,
    serverlog::moment::Moment,
};

/// Names the process and thread behind ZooKeeper connection churn.
///
/// Run it with sudo on the client's host while the churn goes on. It prints a
/// line for each connection that ends, and at the end (Ctrl-C, SIGTERM or
/// --duration) a report: which process and thread connects where, how often,
/// how long each connection lives, who closes it and with how many bytes sent.
#[derive(Debug, Parser)]
#[command(name = "zkchurn", version, args_conflicts_with_subcommands = true)]
#[command(after_help = EXAMPLES)]
pub struct Cli {
    /// What to do instead of tracing.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How to trace.
    #[command(flatten)]
    pub trace: TraceArgs,
}

impl Cli {
    /// Parses the arguments of this process, or ends it with a message.
    pub fn of_this_process() -> Self {
        let command = negative_values(Self::command());
        let command = command.mut_subcommands(negative_values);
        Self::from_arg_matches(&command.get_matches()).unwrap_or_else(|error| error.exit())
    }
}

/// Has `--port -1` refused as a value of that option, with the form that is accepted, and
/// not as an option of its own. What is a file's name stays as it is: `--record --logs`
/// lacks its name.
fn negative_values(command: clap::Command) -> clap::Command {
    command.mut_args(|argument| {
        let is_path = argument.get_value_parser().type_id() == TypeId::of::<PathBuf>();
        let takes_values = argument.get_action().takes_values();
        match takes_values && !argument.is_positional() && !is_path {
            true => argument.allow_hyphen_values(true),
            false => argument,
        }
    })
}

const EXAMPLES: &str = "\
Examples:
  sudo zkchurn                              trace port 2181 until Ctrl-C
  sudo zkchurn --port 2181,4181 --duration 60s
  sudo zkchurn --side server                on the ZooKeeper host: who connects here
  sudo zkchurn --jvm dump --logs            and ask the JVM and its log about it
  sudo zkchurn --handshake                  which sessions are asked for and answered
  sudo zkchurn timewait --watch 30s         whose are the TIME_WAIT sockets
  sudo zkchurn --record incident.zkchurn    keep the raw records
  zkchurn replay incident.zkchurn           report on them later, without privilege
  zkchurn serverlog zookeeper.log*          who churns, from the server's own log
  zkchurn doctor                            what this host offers

Exit codes: 0 report made, 1 failure, 2 wrong usage, 3 privilege missing,
4 kernel lacks something, 5 recording or gzip file damaged, 6 file unreadable, 7 file unwritable.";

/// What zkchurn can do besides tracing.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Says whose the sockets in TIME_WAIT are: traces, then lists them.
    #[command(name = "timewait")]
    TimeWait(TimeWaitArgs),
    /// Runs the same report on a recording; needs no privilege.
    Replay(ReplayArgs),
    /// Says which clients churn, from the log files of a ZooKeeper server.
    ///
    /// Reads zookeeper.out or zookeeper.log of ZooKeeper 3.4 to 3.9, rotated and
    /// gzip files too, in any order. Needs no privilege.
    #[command(name = "serverlog")]
    ServerLog(ServerLogArgs),
    /// Says what this host offers, what will be degraded and what to do.
    Doctor(DoctorArgs),
}

/// Connections that are followed at once, unless told otherwise.
const TABLE_SIZE: u32 = 65_536;
/// Size of the buffer between kernel and zkchurn, unless told otherwise.
const BUFFER_KIB: u32 = 4_096;

/// Options of a trace.
#[derive(Debug, Args)]
pub struct TraceArgs {
    /// Ports to trace, comma-separated.
    #[arg(long, value_name = "PORTS", value_delimiter = ',', default_value = "2181", value_parser = port)]
    pub port: Vec<u16>,

    /// Trace only connections that this process opens.
    #[arg(long, value_name = "PID", value_parser = pid)]
    pub pid: Option<NonZeroU32>,

    /// Which side this host is.
    ///
    /// client: connections that it opens to the ports. server: connections that
    /// it accepts on them, counted by remote host.
    #[arg(long, value_enum, default_value_t = Sides::Client)]
    pub side: Sides,

    /// End after this time, such as 60s, 5m or 1h30m; by default at Ctrl-C.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub duration: Option<Duration>,

    /// Time between the summary lines; 0 for none.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub interval: Duration,

    /// Also write the raw records to this new file, which is named FILE.partial
    /// until the trace has ended.
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,

    /// What to ask the JVM of a process that churns.
    #[arg(long, value_enum, default_value_t = JvmMode::Name)]
    pub jvm: JvmMode,

    /// Search the ends of the log files that such a process has open for lines
    /// that explain churn: at most 4 MiB of each and 16 files, read only.
    #[arg(long)]
    pub logs: bool,

    /// Look at the first bytes of each direction: who asks for a new session and
    /// who for an old one, and what is answered.
    ///
    /// Up to 28 bytes of the client's and 20 of the server's, which end before
    /// the session's password; of connections that begin during the trace.
    #[arg(long)]
    pub handshake: bool,

    /// How many connections are followed at once.
    #[arg(long, value_name = "SOCKETS", default_value_t = TABLE_SIZE, value_parser = table_size)]
    pub table_size: u32,

    /// Size of the buffer between kernel and zkchurn, in KiB: a power of two.
    #[arg(long, value_name = "KIB", default_value_t = BUFFER_KIB, value_parser = buffer)]
    pub buffer: u32,

    /// How to attach; by default the best that this kernel offers.
    #[arg(long, value_enum)]
    pub hook: Option<Hook>,

    /// Load this eBPF object instead of the built-in one.
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub bpf_object: Option<PathBuf>,

    /// Say more: -v what is loaded and degraded, -vv also every change of state
    /// that the kernel program sees.
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,

    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Options of the output.
#[derive(Clone, Debug, Args)]
pub struct OutputArgs {
    /// The form of the output.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,

    /// How many processes, and threads of each, the report lists.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = positive)]
    pub top: usize,

    /// Most lines a second for single connections; 0 for no limit. Text only.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = lines)]
    pub lines: u32,

    /// No colours; they are also left out in a pipe and where NO_COLOR is set.
    #[arg(long)]
    pub no_color: bool,
}

/// Options of `timewait`.
#[derive(Debug, Args)]
pub struct TimeWaitArgs {
    /// Ports whose sockets are listed, comma-separated.
    #[arg(long, value_name = "PORTS", value_delimiter = ',', default_value = "2181", value_parser = port)]
    pub port: Vec<u16>,

    /// Which side this host is.
    #[arg(long, value_enum, default_value_t = Sides::Client)]
    pub side: Sides,

    /// How long to trace before the sockets are listed; Ctrl-C lists them at
    /// once. A socket is in TIME_WAIT for 60 s, so after 60s every owner is known.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = watch)]
    pub watch: Duration,

    /// List the sockets one by one, too.
    #[arg(long)]
    pub rows: bool,

    /// What to ask the JVM of a process that churns: a dump tells the full name
    /// of the thread that owns the sockets.
    #[arg(long, value_enum, default_value_t = JvmMode::Name)]
    pub jvm: JvmMode,

    /// Also write the raw records to this new file, which is named FILE.partial
    /// until the trace has ended.
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,

    /// Load this eBPF object instead of the built-in one.
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub bpf_object: Option<PathBuf>,

    /// The form of the output.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,

    /// No colours; they are also left out in a pipe and where NO_COLOR is set.
    #[arg(long)]
    pub no_color: bool,
}

impl TimeWaitArgs {
    /// The trace that tells the owners.
    pub fn trace(&self) -> TraceArgs {
        TraceArgs {
            port: self.port.clone(),
            pid: None,
            side: self.side,
            duration: Some(self.watch),
            interval: Duration::ZERO,
            record: self.record.clone(),
            jvm: self.jvm,
            logs: false,
            handshake: false,
            table_size: TABLE_SIZE,
            buffer: BUFFER_KIB,
            hook: None,
            bpf_object: self.bpf_object.clone(),
            verbose: 0,
            output: OutputArgs {
                format: self.format,
                top: 10,
                lines: 0,
                no_color: self.no_color,
            },
        }
    }
}

/// Options of a replay.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The recording.
    pub file: PathBuf,
    /// How to print.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Options of `serverlog`.
#[derive(Debug, Args)]
pub struct ServerLogArgs {
    /// The log files; `-` for standard input.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// The form of the output.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,

    /// How many addresses and findings the report lists.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = positive)]
    pub top: usize,

    /// Count only from this time of the server's clock on, such as
    /// "2026-11-25 04:13:01".
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub since: Option<Moment>,

    /// Count only up to this time, without it.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub until: Option<Moment>,

    /// No colours; they are also left out in a pipe and where NO_COLOR is set.
    #[arg(long)]
    pub no_color: bool,
}

/// Options of the doctor.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// The form of the output.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Forms of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a person.
    Text,
    /// One JSON object a line (docs/format.md).
    Json,
}

fn port(text: &str) -> Result<u16, String> {
    match text.trim().parse() {
        Ok(0) | Err(_) => {
            Err("a port is a number from 1 to 65535, several with commas: 2181,4181".to_owned())
        }
        Ok(port) => Ok(port),
    }
}

fn pid(text: &str) -> Result<NonZeroU32, String> {
    text.parse()
        .map_err(|_| "a pid is a positive number, as `ps` shows it".to_owned())
}

fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("a positive number is needed".to_owned()),
        Ok(number) => Ok(number),
    }
}

fn table_size(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(sockets) if (1..=16_777_216).contains(&sockets) => Ok(sockets),
        _ => Err("a number from 1 to 16777216 is needed, such as 65536".to_owned()),
    }
}

fn lines(text: &str) -> Result<u32, String> {
    let wrong = "a number from 0 to 4294967295 is needed, such as 20; 0 is no limit";
    text.parse().map_err(|_| wrong.to_owned())
}

fn buffer(text: &str) -> Result<u32, String> {
    match text.parse::<u32>() {
        Ok(kib) if kib.is_power_of_two() && (4..=1_048_576).contains(&kib) => Ok(kib),
        _ => Err("a power of two from 4 to 1048576 is needed, such as 4096".to_owned()),
    }
}

/// A time of the server's clock: a log has no zone.
fn moment(text: &str) -> Result<Moment, String> {
    let date = text.parse().map_err(|_| {
        "a time is written as in the log, without a zone: \"2026-11-25 04:13:01\"".to_owned()
    })?;
    Ok(Moment::of(date))
}

fn watch(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err(
            "at least some time is needed to see who closes, such as 10s; without it \
             `ss -tan state time-wait` shows as much"
                .to_owned(),
        ),
        time => Ok(time),
    }
}

/// A duration with a unit; a bare number is seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "a time is a number with a unit, such as 500ms, 60s, 5m or 1h30m".to_owned();
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    let signed: jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
    Duration::try_from(signed).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn times_with_and_without_units() {
        assert_eq!(duration("60"), Ok(Duration::from_secs(60)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert!(duration("soon").is_err());
        assert!(duration("-5s").is_err());
    }

    #[test]
    fn several_ports() {
        let cli = Cli::try_parse_from(["zkchurn", "--port", "2181,4181"]).unwrap();
        assert_eq!(cli.trace.port, [2181, 4181]);
        for wrong in ["0", "65536", "zookeeper", ""] {
            assert!(
                Cli::try_parse_from(["zkchurn", "--port", wrong]).is_err(),
                "{wrong}"
            );
        }
    }
}
