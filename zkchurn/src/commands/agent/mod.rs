// SPDX-License-Identifier: MIT
//! `zkchurn agent`: a trace that runs for weeks and keeps what came last.

mod distinct;
pub(crate) mod earlier;
mod inherited;
mod outputs;
mod settings;

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use clap::Args;
use zkchurn_core::{
    incident::{Pace, trigger::Triggers},
    render::Several,
    text,
};

use self::settings::{AgentSettings, OnFinding, SettingsError};
use super::trace::{BUFFER_KIB, TABLE_SIZE};
use super::values::{self, JvmValue, SideValue};
use crate::{
    exit::{Code, Failure},
    host::{
        helper::{Keep, Lines, MOST_LOGS},
        incident_store::Rules,
        journal::Priority,
        kernel::HandshakesFrom,
        line_files::Limits,
        own_directory,
        patient::Patient,
        proc::files,
        settings_file,
    },
    live::{
        self,
        agent::{AgentChanges, AgentRun},
        early::EarlyEnd,
        incidents::Watched,
        lines::LineTriggers,
        settings::TraceSettings,
    },
    warn::{say, warn},
};

/// Where its settings are, unless told otherwise.
pub(crate) const CONFIG: &str = "/etc/zkchurn/agent.toml";
/// Where its segments are, likewise.
pub(crate) const DIRECTORY: &str = "/var/lib/zkchurn";
/// What it keeps, likewise.
const SIZE: u64 = 256 << 20;
const AGE: Duration = Duration::from_secs(24 * 3600);
/// How often it takes stock.
const INTERVAL: Duration = Duration::from_secs(10);
const PORT: u16 = 2181;
/// What is kept of an incident.
const BEFORE: Duration = Duration::from_secs(300);
const AFTER: Duration = Duration::from_secs(120);
const QUIET: Duration = Duration::from_secs(1_800);
const INCIDENTS: usize = 20;
/// Texts that are looked for in lines at most.
const MOST_WORDS: usize = 16;

/// Options of the agent: each setting of its file is one, and goes before it.
#[derive(Debug, Args)]
pub(crate) struct AgentArgs {
    /// The file with the settings; without this option it may be missing.
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    pub config: PathBuf,

    /// Check the settings, say what they come to, and trace nothing.
    #[arg(long)]
    pub check: bool,

    /// What it is to do.
    #[command(flatten)]
    pub settings: AgentSettings,

    /// Load this eBPF object instead of the built-in one.
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub bpf_object: Option<PathBuf>,

    /// Print more: -v shows what is loaded.
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// Traces until a signal ends it.
///
/// # Errors
///
/// A setting is wrong, or tracing is not possible here.
pub(crate) fn run(args: &AgentArgs) -> Result<Code, Failure> {
    if !is_by_descriptor(&args.config) {
        // Before the first process is started.
        inherited::close();
    }
    let settings = read(args)?;
    let trace = trace(&settings, args)?;
    if args.check {
        let why = distinct::by_any_path(&settings)
            .or_else(|| unusable_directory(&settings))
            .or_else(|| outputs::unusable(&settings));
        if let Some(why) = why {
            return Err(Failure::sentence(Code::Usage, why));
        }
        let mut stdout = Patient(io::stdout().lock());
        writeln!(stdout, "{}", checked(&settings, args))?;
        stdout.flush()?;
        return Ok(Code::Success);
    }
    inherited::close();
    // Reads its settings again at SIGHUP.
    let early = EarlyEnd::watch(true);
    let first = settings.clone();
    let (config, options) = (args.config.clone(), args.settings.clone());
    let agent = AgentRun {
        settings: AgentChanges {
            keep: keep(&settings),
            watched: watched(&settings),
        },
        reread: Arc::new(move || reread(&config, &options, &first)),
    };
    let nothing = |_| Box::new(Several(Vec::new())) as Box<dyn zkchurn_core::render::Renderer>;
    live::run(&trace, None, Some(&agent), &nothing, early)
}

/// Whether a path such as /dev/stdin means something else to another process: only then it is read
/// by this one, which waits as long as it takes.
fn is_by_descriptor(path: &Path) -> bool {
    [
        "/dev/stdin",
        "/dev/stdout",
        "/dev/stderr",
        "/dev/fd",
        "/proc/self",
        "/proc/thread-self",
    ]
    .iter()
    .any(|own| path.starts_with(own))
        || path.starts_with(files::directory(std::process::id()))
}

/// What the options and the file say together.
///
/// # Errors
///
/// The file is wrong, or missing though it was named.
fn read(args: &AgentArgs) -> Result<AgentSettings, Failure> {
    let read = match is_by_descriptor(&args.config) {
        true => AgentSettings::of_file,
        false => AgentSettings::of_file_in_time,
    };
    let of_file = read(&args.config, args.config == Path::new(CONFIG));
    let of_file = of_file.map_err(|error| {
        let code = match error {
            SettingsError::Unreadable(_) => Code::Unreadable,
            SettingsError::Wrong(_) => Code::Usage,
        };
        Failure::sentence(code, format!("{}: {error}", args.config.display()))
    })?;
    let settings = args.settings.clone().or(of_file);
    match what_is_wrong(&settings, settings_file::is_program_in_time) {
        Some(why) => Err(Failure::sentence(Code::Usage, why)),
        None => Ok(settings),
    }
}

/// Why the settings cannot be used together, or on this host, if that is so.
fn what_is_wrong(
    settings: &AgentSettings,
    is_program: impl Fn(&Path) -> io::Result<bool>,
) -> Option<String> {
    distinct::as_written(settings)
        .map_or(Ok(()), Err)
        .and_then(|()| places(settings, is_program))
        .and_then(|()| lines(settings).map(drop))
        .err()
        .or_else(|| age_too_short(settings))
}

/// Which lines of which logs are looked for.
fn lines(settings: &AgentSettings) -> Result<LineTriggers, String> {
    let words = settings.on_line.clone().unwrap_or_default();
    let logs = settings.watch_log.clone().unwrap_or_default();
    let of_processes = settings.logs.unwrap_or(true);
    match (words.len(), logs.len()) {
        (0, 1..) => {
            Err("`watch-log` names a log and `on-line` nothing to look for in it".to_owned())
        }
        (1.., 0) if !of_processes => Err(
            "`on-line` has words and `watch-log` no log to look for them in, and with `logs = \
             false` those of processes are not read"
                .to_owned(),
        ),
        (_, logs) if logs > MOST_LOGS => Err(format!("`watch-log` takes {MOST_LOGS} logs at most")),
        (words, _) if words > MOST_WORDS => {
            Err(format!("`on-line` takes {MOST_WORDS} texts at most"))
        }
        _ => Ok(LineTriggers {
            logs,
            of_processes: of_processes && !words.is_empty(),
            words,
        }),
    }
}

/// Why the recording of an incident would have been forgotten before the incident is kept, if
/// that is so. A segment is forgotten as a whole, by when it began.
fn age_too_short(settings: &AgentSettings) -> Option<String> {
    let Watched {
        triggers,
        pace,
        lines,
        ..
    } = watched(settings);
    if triggers == Triggers::default() && lines == LineTriggers::default() {
        return None;
    }
    let limits = keep(settings).limits();
    let needed = pace.before + pace.after;
    let left = limits.age - limits.segment_age();
    (left < needed).then(|| {
        // A part of so many is lost with a segment.
        let least_ns = needed.as_nanos() * limits.age.as_nanos() / left.as_nanos().max(1);
        let least = least_ns.div_ceil(1_000_000_000);
        format!(
            "age is {} s, too short for incidents: with before ({} s) and after ({} s) it has to \
             be {least} s or more, or part of an incident's recording is forgotten before it \
             is kept",
            limits.age.as_secs(),
            pace.before.as_secs(),
            pace.after.as_secs()
        )
    })
}

/// A program that is there now: at the first incident it is too late to say that it is not.
fn places(
    settings: &AgentSettings,
    is_program: impl Fn(&Path) -> io::Result<bool>,
) -> Result<(), String> {
    if settings.directory.as_deref() == Some(Path::new("")) {
        return Err("`directory` is empty: name one, such as /var/lib/zkchurn".to_owned());
    }
    let Some(program) = settings.command.iter().flatten().next() else {
        return Ok(());
    };
    let path = Path::new(program);
    if !path.is_absolute() {
        return Err("the program of `command` is named by its whole path, from / on".to_owned());
    }
    let path_shown = printable(path);
    match is_program(path) {
        Ok(true) => Ok(()),
        Ok(false) => Err(format!(
            "{path_shown} of `command` is no program that can be run"
        )),
        Err(error) => Err(format!("{path_shown} of `command`: {error}")),
    }
}

fn keep(settings: &AgentSettings) -> Keep {
    let directory = settings.directory.as_deref();
    let directory = directory.unwrap_or(Path::new(DIRECTORY));
    Keep {
        // An incident's command runs elsewhere, and is told where its files are.
        directory: std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned()),
        bytes: settings.size.unwrap_or(SIZE),
        age_s: settings.age.unwrap_or(AGE).as_secs(),
    }
}

/// What makes an incident, and what is kept of it.
fn watched(settings: &AgentSettings) -> Watched {
    let some = |number: Option<u64>| number.filter(|number| *number > 0);
    Watched {
        triggers: Triggers {
            finding: settings
                .on_finding
                .unwrap_or(OnFinding::Likely)
                .confidence(),
            rate: settings.on_rate.filter(|rate| *rate > 0.0),
            refused: some(settings.on_refused),
            growth: some(settings.on_growth),
        },
        pace: Pace {
            before: settings.before.unwrap_or(BEFORE),
            after: settings.after.unwrap_or(AFTER),
            quiet: settings.quiet.unwrap_or(QUIET),
        },
        rules: Rules {
            count: settings.incidents.unwrap_or(INCIDENTS),
            bytes: settings.incidents_size.unwrap_or(SIZE),
            reports: settings
                .reports
                .clone()
                .unwrap_or_else(|| vec!["html".to_owned()]),
            command: settings.command.clone().unwrap_or_default(),
        },
        lines: lines(settings).unwrap_or_default(),
    }
}

fn trace(settings: &AgentSettings, args: &AgentArgs) -> Result<TraceSettings, Failure> {
    let port = settings.port.clone().unwrap_or_else(|| vec![PORT..=PORT]);
    Ok(TraceSettings {
        ports: values::all_ports(&port)?,
        process: None,
        filter: None,
        sides: settings.side.unwrap_or(SideValue::Client).into(),
        duration: None,
        interval: INTERVAL,
        record: None,
        reports: Vec::new(),
        metrics: settings.prom_file.clone(),
        listen: settings.listen,
        otlp: settings.otlp.clone(),
        ndjson: settings.ndjson_dir.clone().map(|directory| Lines {
            directory,
            limits: Limits::of(settings.ndjson_size.unwrap_or(SIZE)),
        }),
        jvm: settings.jvm.unwrap_or(JvmValue::Name).into(),
        logs: settings.logs.unwrap_or(true),
        handshake: settings
            .handshake
            .unwrap_or(false)
            .then_some(HandshakesFrom::Start),
        table_size: settings.table_size.unwrap_or(TABLE_SIZE),
        buffer_kib: settings.buffer.unwrap_or(BUFFER_KIB),
        hook: settings.hook.map(Into::into),
        bpf_object: args.bpf_object.clone(),
        verbose: args.verbose,
        top: 10,
        time_wait_rows: false,
    })
}

fn age(keep: &Keep) -> String {
    match keep.age_s {
        seconds if seconds % 3600 == 0 => format!("{} h", seconds / 3600),
        seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}

fn printable(path: &Path) -> String {
    text::printable(path.as_os_str().as_encoded_bytes())
}

/// A directory that the agent could not use.
fn unusable_directory(settings: &AgentSettings) -> Option<String> {
    let directories = [
        ("directory", Some(keep(settings).directory)),
        ("ndjson-dir", settings.ndjson_dir.clone()),
    ];
    let unusable = directories.into_iter().find_map(|(name, directory)| {
        let why = own_directory::why_unusable(&directory?)?;
        Some(format!("`{name}`: {why}"))
    });
    unusable.or_else(|| {
        let why = own_directory::why_no_incidents(&keep(settings).directory)?;
        Some(format!("`directory`: {why}"))
    })
}

/// What `--check` says.
fn checked(settings: &AgentSettings, args: &AgentArgs) -> String {
    let keep = keep(settings);
    let rules = watched(settings).rules;
    let what = match args.config.exists() {
        true => format!("{} is right", printable(&args.config)),
        false => format!(
            "{} is not there: the defaults hold",
            printable(&args.config)
        ),
    };
    format!(
        "{what}: in {} at most {} and {} of what was traced, and {} of incidents, {} of them; \
         whether it can trace here says `zkchurn doctor`",
        printable(&keep.directory),
        size(keep.bytes),
        age(&keep),
        size(rules.bytes),
        rules.count,
    )
}

/// Bytes in the largest unit in which they are a whole number.
fn size(bytes: u64) -> String {
    match bytes {
        bytes if bytes.is_multiple_of(1 << 30) => format!("{} GiB", bytes >> 30),
        bytes if bytes.is_multiple_of(1 << 20) => format!("{} MiB", bytes >> 20),
        bytes if bytes.is_multiple_of(1 << 10) => format!("{} KiB", bytes >> 10),
        bytes => format!("{bytes} bytes"),
    }
}

/// Reads the file again, for SIGHUP, and says what of it cannot be taken on.
fn reread(config: &Path, options: &AgentSettings, first: &AgentSettings) -> Option<AgentChanges> {
    let of_file = match AgentSettings::of_file_in_time(config, config == Path::new(CONFIG)) {
        Ok(settings) => settings,
        Err(error) => {
            warn(format_args!(
                "{}: {error}; the settings stay as they were",
                config.display()
            ));
            return None;
        }
    };
    let settings = options.clone().or(of_file);
    let fixed = settings.differs_where_fixed(first);
    let settings = AgentSettings {
        logs: first.logs,
        ..settings
    };
    if let Some(why) = what_is_wrong(&settings, settings_file::is_program_in_time) {
        warn(format_args!("{why}; the settings stay as they were"));
        return None;
    }
    if !fixed.is_empty() {
        warn(format_args!(
            "{} cannot change while it traces, and stays as it was: restart the agent for it",
            fixed.join(", ")
        ));
    }
    let kept = Keep {
        directory: keep(first).directory,
        ..keep(&settings)
    };
    say(
        Priority::Info,
        format_args!(
            "settings read again: at most {} and {} of what was traced are kept",
            size(kept.bytes),
            age(&kept)
        ),
    );
    Some(AgentChanges {
        keep: kept,
        watched: watched(&settings),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_reaches_over_an_incident() {
        let too_short = |text: &str| age_too_short(&AgentSettings::of_text(text).unwrap());
        let why = too_short("age = '60s'").unwrap();
        assert!(
            why.starts_with("age is 60 s, too short for incidents"),
            "{why}"
        );
        assert!(why.contains("before (300 s) and after (120 s)"), "{why}");
        let (_, rest) = why.split_once("has to be ").unwrap();
        let least: u64 = rest.split(' ').next().unwrap().parse().unwrap();
        assert_eq!(too_short(&format!("age = '{least}s'")), None);
        assert!(too_short(&format!("age = '{}s'", least - 1)).is_some());
        assert!(too_short("size = '1GiB'\nbefore = '24h'\nage = '24h'").is_some());
        assert_eq!(too_short(""), None);
        // Where nothing makes an incident.
        assert_eq!(too_short("age = '60s'\non-finding = 'off'"), None);
        assert!(too_short("age = '60s'\non-finding = 'off'\non-rate = 5").is_some());
    }

    #[test]
    fn lines_are_looked_for_in_logs_of_processes_unless_those_are_not_read() {
        let of = |text: &str| lines(&AgentSettings::of_text(text).unwrap());
        let found = of("on-line = 'expired'").unwrap();
        assert!(found.of_processes && found.logs.is_empty());
        assert!(of("on-line = 'expired'\nlogs = false").is_err());
        let named = "on-line = 'expired'\nwatch-log = '/a.log'\n";
        assert!(of(named).unwrap().of_processes);
        assert!(!of(&format!("{named}logs = false")).unwrap().of_processes);
        assert!(of("watch-log = '/a.log'").is_err());
        assert_eq!(of(""), Ok(LineTriggers::default()));
    }

    #[test]
    fn only_what_another_process_cannot_name_is_read_without_a_limit_of_time() {
        for path in [
            "/dev/stdin",
            "/dev/fd/63",
            "/proc/self/fd/3",
            "/proc/thread-self/fd/3",
        ] {
            assert!(is_by_descriptor(Path::new(path)), "{path}");
        }
        for path in [
            "/dev/shm/agent.toml",
            "/dev/zero",
            "/proc/1/root/agent.toml",
            "a.toml",
        ] {
            assert!(!is_by_descriptor(Path::new(path)), "{path}");
        }
    }

    #[test]
    fn the_directory_is_told_by_its_whole_path() {
        let settings = AgentSettings::of_text("directory = 'kept here'").unwrap();
        let here = std::env::current_dir().unwrap();
        assert_eq!(keep(&settings).directory, here.join("kept here"));
        assert_eq!(
            keep(&AgentSettings::default()).directory,
            Path::new(DIRECTORY)
        );
    }

    #[test]
    fn a_size_is_said_as_it_is() {
        for (bytes, words) in [
            (256 << 20, "256 MiB"),
            (2 << 30, "2 GiB"),
            (5_000 << 10, "5000 KiB"),
            (4_194_305, "4194305 bytes"),
        ] {
            assert_eq!(size(bytes), words);
        }
    }
}
