// SPDX-License-Identifier: MIT
//! What may be set of the agent. One declaration serves the file and the command line, so
//! that every setting is an option, and a value means the same in both.

use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, ValueEnum};
use serde::{Deserialize, Deserializer, de::Error};
use zkchurn_core::{diagnose::Confidence, text as words};

use crate::{
    commands::{
        quoted::MOST_QUOTED,
        values::{self, HookValue, JvmValue, Ports, SideValue},
    },
    host::{otlp::Endpoint, settings_file},
};

/// Bytes of a sentence on what is wrong with it at most.
const MOST_SAID: usize = 2048;

/// The settings that were given; the others have their defaults.
#[derive(Clone, Debug, Default, Args, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct AgentSettings {
    /// Ports to trace, as for `zkchurn` [default: 2181]
    #[arg(long, value_name = "PORTS", value_delimiter = ',', value_parser = values::ports)]
    #[serde(deserialize_with = "ports")]
    pub port: Option<Vec<Ports>>,

    /// Which side of the connections this host is [default: client]
    #[arg(long, value_enum)]
    #[serde(deserialize_with = "one_of")]
    pub side: Option<SideValue>,

    /// How to inspect a process that churns and is a JVM [default: name]
    #[arg(long, value_enum)]
    #[serde(deserialize_with = "one_of")]
    pub jvm: Option<JvmValue>,

    /// Whether to read the logs of processes that churn [default: true]
    #[arg(long, value_name = "YES", num_args = 0..=1, default_missing_value = "true")]
    pub logs: Option<bool>,

    /// Whether to read the first bytes of each direction [default: false]
    #[arg(long, value_name = "YES", num_args = 0..=1, default_missing_value = "true")]
    pub handshake: Option<bool>,

    /// How many connections to follow at once [default: 65536]
    #[arg(long, value_name = "SOCKETS", value_parser = values::table_size)]
    #[serde(deserialize_with = "table_size")]
    pub table_size: Option<u32>,

    /// Size of the buffer between the kernel and zkchurn, in KiB: a power of two
    /// [default: 4096]
    #[arg(long, value_name = "KIB", value_parser = values::buffer)]
    #[serde(deserialize_with = "buffer")]
    pub buffer: Option<u32>,

    /// How to attach [default: the best way that this kernel offers]
    #[arg(long, value_enum)]
    #[serde(deserialize_with = "one_of")]
    pub hook: Option<HookValue>,

    /// Where to keep what was traced [default: /var/lib/zkchurn]
    #[arg(long, value_name = "DIR")]
    #[serde(deserialize_with = "directory")]
    pub directory: Option<PathBuf>,

    /// How much to keep there at most, such as 64MiB [default: 256MiB]
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    #[serde(deserialize_with = "size")]
    pub size: Option<u64>,

    /// For how long to keep it at most, such as 12h [default: 24h]
    #[arg(long, value_name = "TIME", value_parser = values::kept_for)]
    #[serde(deserialize_with = "kept_for")]
    pub age: Option<Duration>,

    /// Keep an incident where a finding is so sure at least; harmless ones never count
    /// [default: likely]
    #[arg(long, value_enum)]
    #[serde(deserialize_with = "one_of")]
    pub on_finding: Option<OnFinding>,

    /// Keep one where so many connections a second are opened, such as 3 or 0.6; 0 for never
    /// [default: 0]
    #[arg(long, value_name = "N", value_parser = values::rate)]
    #[serde(deserialize_with = "rate")]
    pub on_rate: Option<f64>,

    /// Keep one where so many of a hundred that end are refused; 0 for never [default: 0]
    #[arg(long, value_name = "PERCENT", value_parser = values::percent)]
    #[serde(deserialize_with = "percent")]
    pub on_refused: Option<u64>,

    /// Keep one where so many more connections are open than within the last hour (a dip of
    /// less than ten minutes does not count); 0 for never [default: 0]
    #[arg(long, value_name = "N")]
    pub on_growth: Option<u64>,

    /// Keep one where a line of a log has these words, one of --watch-log or of a process that
    /// churns; given several times: any of them
    #[arg(long, value_name = "WORDS", value_parser = values::words_of_a_line)]
    #[serde(deserialize_with = "lines")]
    pub on_line: Option<Vec<String>>,

    /// A log that is looked at for them every 10 s, whoever writes it; may be given again
    #[arg(long, value_name = "FILE", value_parser = values::log_to_watch)]
    #[serde(deserialize_with = "logs")]
    pub watch_log: Option<Vec<PathBuf>>,

    /// From how long before it began an incident is kept [default: 5m]
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    #[serde(deserialize_with = "duration")]
    pub before: Option<Duration>,

    /// Until how long after, at least 1m [default: 2m]
    #[arg(long, value_name = "TIME", value_parser = values::kept_for)]
    #[serde(deserialize_with = "kept_for")]
    pub after: Option<Duration>,

    /// For how long, from its begin on, churn that ends and comes again is no new incident [default: 30m]
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    #[serde(deserialize_with = "duration")]
    pub quiet: Option<Duration>,

    /// How many incidents are kept at most; the oldest go [default: 20]
    #[arg(long, value_name = "N", value_parser = values::positive)]
    #[serde(deserialize_with = "positive")]
    pub incidents: Option<usize>,

    /// How much of them is kept at most [default: 256MiB]
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    #[serde(deserialize_with = "size")]
    pub incidents_size: Option<u64>,

    /// Reports on each, by their endings: html, md, txt, json [default: html]
    #[arg(long, value_name = "FORMS", value_delimiter = ',', value_parser = values::report_ending)]
    #[serde(deserialize_with = "report_endings")]
    pub reports: Option<Vec<String>>,

    /// A program that is run for each, without a shell, with the incident as JSON on its
    /// standard input; given several times: its arguments
    #[arg(long, value_name = "PROGRAM")]
    #[serde(deserialize_with = "command")]
    pub command: Option<Vec<String>>,

    /// A file that is replaced with counts for Prometheus every 10 s: for node_exporter's
    /// textfile collector [default: none]
    #[arg(long, value_name = "FILE", value_parser = values::metrics_file)]
    #[serde(deserialize_with = "metrics_file")]
    pub prom_file: Option<PathBuf>,

    /// Where counts are served to Prometheus: a port of this host's loopback address, or an
    /// address and a port [default: none]
    #[arg(long, value_name = "[ADDRESS:]PORT", value_parser = values::listen)]
    #[serde(deserialize_with = "listen")]
    pub listen: Option<SocketAddr>,

    /// A directory for files with a line of JSON for each connection and interval, which an
    /// engine such as ClickHouse collects [default: none]
    #[arg(long, value_name = "DIR")]
    #[serde(deserialize_with = "directory")]
    pub ndjson_dir: Option<PathBuf>,

    /// How much to keep there at most; the oldest go [default: 256MiB]
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    #[serde(deserialize_with = "size")]
    pub ndjson_size: Option<u64>,

    /// A collector of OpenTelemetry that is sent an event for each connection and finding, and
    /// counts, such as http://127.0.0.1:4318 [default: none]
    #[arg(long, value_name = "URL", value_parser = values::otlp)]
    #[serde(deserialize_with = "otlp")]
    pub otlp: Option<Endpoint>,
}

/// `--on-finding`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnFinding {
    /// Never.
    Off,
    Possible,
    Likely,
    Certain,
}

impl OnFinding {
    /// What is looked for.
    pub(crate) fn confidence(self) -> Option<Confidence> {
        match self {
            Self::Off => None,
            Self::Possible => Some(Confidence::Possible),
            Self::Likely => Some(Confidence::Likely),
            Self::Certain => Some(Confidence::Certain),
        }
    }
}

/// Why a file's settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    #[error("it cannot be read: {0}")]
    Unreadable(io::Error),
    /// What is wrong, with its line.
    #[error("{0}")]
    Wrong(String),
}

impl AgentSettings {
    /// As [`Self::of_file_in_time`], by this process, which waits as long as it takes.
    ///
    /// # Errors
    ///
    /// As there, but that it never takes too long.
    pub(crate) fn of_file(path: &Path, may_be_missing: bool) -> Result<Self, SettingsError> {
        Self::of_what_was_read(settings_file::read(path), may_be_missing)
    }

    /// Those of a file; none where it `may_be_missing` and is. No thread of the agent waits for a
    /// file system.
    ///
    /// # Errors
    ///
    /// It cannot be read, takes too long, or has something that is no setting.
    pub(crate) fn of_file_in_time(
        path: &Path,
        may_be_missing: bool,
    ) -> Result<Self, SettingsError> {
        Self::of_what_was_read(settings_file::read_in_time(path), may_be_missing)
    }

    fn of_what_was_read(
        read: io::Result<Vec<u8>>,
        may_be_missing: bool,
    ) -> Result<Self, SettingsError> {
        let text = match read {
            Err(error) if may_be_missing && error.kind() == ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) if error.kind() == ErrorKind::InvalidInput => {
                return Err(SettingsError::Wrong(error.to_string()));
            }
            read => read.map_err(SettingsError::Unreadable)?,
        };
        let text = String::from_utf8(text)
            .map_err(|error| SettingsError::Unreadable(io::Error::other(error.utf8_error())))?;
        Self::of_text(&text).map_err(SettingsError::Wrong)
    }

    /// Those of a text.
    ///
    /// # Errors
    ///
    /// What is wrong, on one line, with the number of the line that it is on.
    pub(crate) fn of_text(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| {
            let line = error
                .span()
                .and_then(|span| text.get(..span.start))
                .map(|before| 1 + before.matches('\n').count());
            let message = error.message().trim().replace('\n', "; ");
            let message = words::clip_quotes(&message, MOST_QUOTED);
            let message = words::clip(&message, MOST_SAID);
            match line {
                Some(line) => format!("line {line}: {message}"),
                None => message,
            }
        })
    }

    /// These, and what `other` has where these have nothing.
    #[must_use]
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            port: self.port.or(other.port),
            side: self.side.or(other.side),
            jvm: self.jvm.or(other.jvm),
            logs: self.logs.or(other.logs),
            handshake: self.handshake.or(other.handshake),
            table_size: self.table_size.or(other.table_size),
            buffer: self.buffer.or(other.buffer),
            hook: self.hook.or(other.hook),
            directory: self.directory.or(other.directory),
            size: self.size.or(other.size),
            age: self.age.or(other.age),
            on_finding: self.on_finding.or(other.on_finding),
            on_rate: self.on_rate.or(other.on_rate),
            on_refused: self.on_refused.or(other.on_refused),
            on_growth: self.on_growth.or(other.on_growth),
            on_line: self.on_line.or(other.on_line),
            watch_log: self.watch_log.or(other.watch_log),
            before: self.before.or(other.before),
            after: self.after.or(other.after),
            quiet: self.quiet.or(other.quiet),
            incidents: self.incidents.or(other.incidents),
            incidents_size: self.incidents_size.or(other.incidents_size),
            reports: self.reports.or(other.reports),
            command: self.command.or(other.command),
            prom_file: self.prom_file.or(other.prom_file),
            listen: self.listen.or(other.listen),
            ndjson_dir: self.ndjson_dir.or(other.ndjson_dir),
            ndjson_size: self.ndjson_size.or(other.ndjson_size),
            otlp: self.otlp.or(other.otlp),
        }
    }

    /// The settings that differ from `first` and cannot change while it traces.
    pub(crate) fn differs_where_fixed(&self, first: &Self) -> Vec<&'static str> {
        let differs = [
            ("port", self.port != first.port),
            ("side", self.side != first.side),
            ("jvm", self.jvm != first.jvm),
            ("logs", self.logs != first.logs),
            ("handshake", self.handshake != first.handshake),
            ("table-size", self.table_size != first.table_size),
            ("buffer", self.buffer != first.buffer),
            ("hook", self.hook != first.hook),
            ("directory", self.directory != first.directory),
            ("prom-file", self.prom_file != first.prom_file),
            ("listen", self.listen != first.listen),
            ("ndjson-dir", self.ndjson_dir != first.ndjson_dir),
            ("ndjson-size", self.ndjson_size != first.ndjson_size),
            ("otlp", self.otlp != first.otlp),
        ];
        let differs = differs.iter().filter(|(_, differs)| *differs);
        differs.map(|(name, _)| *name).collect()
    }
}

/// A value as it may stand in the file.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "a text in quotes, a number from 0 on, or a list of those is needed here"
)]
enum Written {
    Number(u64),
    Text(String),
    Several(Vec<Written>),
}

impl Written {
    /// As it would be typed.
    fn typed(&self) -> Vec<String> {
        match self {
            Self::Number(number) => vec![number.to_string()],
            Self::Text(text) => vec![text.clone()],
            Self::Several(several) => several.iter().flat_map(Self::typed).collect(),
        }
    }
}

/// The values of a setting that may have several. None at all would be no default: it would trace
/// no port, or watch for nothing.
fn several<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let typed = Written::deserialize(from)?.typed();
    match typed.is_empty() {
        true => Err(Error::custom(
            "the list is empty: put a value into it, or leave the line out for the default",
        )),
        false => Ok(typed),
    }
}

/// Reads one value as the option's parser does.
fn parsed<'de, D: Deserializer<'de>, T>(
    from: D,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>, D::Error> {
    match &Written::deserialize(from)?.typed()[..] {
        [text] => parse(text).map(Some).map_err(Error::custom),
        _ => Err(Error::custom("one value is needed")),
    }
}

fn ports<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<Ports>>, D::Error> {
    let typed = several(from)?;
    let ports = typed.iter().flat_map(|text| text.split(','));
    let ports: Result<Vec<_>, _> = ports.map(values::ports).collect();
    ports.map(Some).map_err(Error::custom)
}

fn one_of<'de, D: Deserializer<'de>, T: ValueEnum>(from: D) -> Result<Option<T>, D::Error> {
    parsed(from, |text| {
        T::from_str(text, false).map_err(|_| {
            let values = T::value_variants().iter();
            let names =
                values.filter_map(|value| Some(value.to_possible_value()?.get_name().to_owned()));
            format!(
                "`{text}` is none of {}",
                names.collect::<Vec<_>>().join(", ")
            )
        })
    })
}

fn table_size<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
    parsed(from, values::table_size)
}

fn buffer<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
    parsed(from, values::buffer)
}

fn size<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    parsed(from, values::size)
}

fn kept_for<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    parsed(from, values::kept_for)
}

fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    parsed(from, values::duration)
}

fn rate<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    let written = f64::deserialize(from)?;
    let rate = values::rate(&written.to_string());
    rate.map(Some).map_err(Error::custom)
}

fn percent<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    parsed(from, values::percent)
}

fn positive<'de, D: Deserializer<'de>>(from: D) -> Result<Option<usize>, D::Error> {
    parsed(from, values::positive)
}

fn lines<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<String>>, D::Error> {
    each(from, values::words_of_a_line)
}

fn logs<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<PathBuf>>, D::Error> {
    each(from, values::log_to_watch)
}

/// Reads one value or several as the option's parser does.
fn each<'de, D: Deserializer<'de>, T>(
    from: D,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<Vec<T>>, D::Error> {
    let typed = several(from)?;
    let parsed: Result<Vec<_>, _> = typed.iter().map(|text| parse(text)).collect();
    parsed.map(Some).map_err(Error::custom)
}

fn command<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<String>>, D::Error> {
    let typed = several(from)?;
    match typed.first().is_some_and(|program| is_blank(program)) {
        true => Err(Error::custom(
            "the program has no name: write its path, or leave the line out for none",
        )),
        false => Ok(Some(typed)),
    }
}

fn directory<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PathBuf>, D::Error> {
    let given = String::deserialize(from)?;
    match is_blank(&given) {
        true => Err(Error::custom(
            "the directory has no name: write its path, or leave the line out for the default",
        )),
        false => Ok(Some(given.into())),
    }
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

fn report_endings<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<String>>, D::Error> {
    let typed = several(from)?;
    let endings = typed.iter().flat_map(|text| text.split(','));
    let endings: Result<Vec<_>, _> = endings.map(values::report_ending).collect();
    endings.map(Some).map_err(Error::custom)
}

fn metrics_file<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PathBuf>, D::Error> {
    parsed(from, values::metrics_file)
}

fn listen<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SocketAddr>, D::Error> {
    parsed(from, values::listen)
}

fn otlp<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Endpoint>, D::Error> {
    parsed(from, values::otlp)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    fn wrong(text: &str) -> String {
        AgentSettings::of_text(text).unwrap_err()
    }

    #[test]
    fn values_are_those_of_the_options() {
        let settings = AgentSettings::of_text(
            "port = [2181, '4181-4183']\nside = 'both'\nlogs = false\nsize = '64MiB'\n\
             age = '12h'\ndirectory = '/srv/zkchurn'\ntable-size = 1024\n",
        )
        .unwrap();
        assert_eq!(settings.port, Some(vec![2181..=2181, 4181..=4183]));
        assert_eq!(settings.side, Some(SideValue::Both));
        assert_eq!(
            (settings.logs, settings.size),
            (Some(false), Some(64 << 20))
        );
        assert_eq!(settings.age, Some(Duration::from_secs(43_200)));
        let incidents = "on-finding = 'certain'\nreports = ['html', 'md']\nquiet = '1h'\n\
                         command = ['/usr/bin/logger', '-t', 'zkchurn']\nincidents = 5\n";
        let incidents = AgentSettings::of_text(incidents).unwrap();
        assert_eq!(incidents.on_finding, Some(OnFinding::Certain));
        assert_eq!(incidents.reports.unwrap(), ["html", "md"]);
        assert_eq!(
            incidents.command.unwrap(),
            ["/usr/bin/logger", "-t", "zkchurn"]
        );
        assert!(wrong("reports = 'pdf'").starts_with("line 1: "));
        assert!(wrong("after = '1s'").starts_with("line 1: "));
        for name in ["port", "on-line", "watch-log", "reports", "command"] {
            for nothing in ["[]", "[[], []]", "''", "['']", "[' ']"] {
                // A blank is a part of a line.
                if (name, nothing) != ("on-line", "[' ']") {
                    let why = wrong(&format!("logs = true\n{name} = {nothing}"));
                    assert!(why.starts_with("line 2: "), "{name} = {nothing}: {why}");
                }
            }
            let why = wrong(&format!("{name} = []"));
            assert!(why.contains("leave the line out"), "{why}");
        }
        for name in ["directory", "ndjson-dir", "prom-file", "listen", "otlp"] {
            for nothing in ["''", "' '", "[]"] {
                let why = wrong(&format!("{name} = {nothing}"));
                assert!(why.starts_with("line 1: "), "{name}: {why}");
            }
        }
        let lines = "on-line = 'Session expired'\nwatch-log = ['/var/log/a.log', '/b.log']\n";
        let lines = AgentSettings::of_text(lines).unwrap();
        assert_eq!(lines.on_line.unwrap(), ["Session expired"]);
        assert_eq!(lines.watch_log.unwrap()[1], Path::new("/b.log"));
        assert!(wrong("\nwatch-log = ['a.log']").starts_with("line 2: "));
        assert!(wrong("on-line = ''").starts_with("line 1: "));
        let none = AgentSettings::of_text("# nothing\n").unwrap();
        assert_eq!(none.port, None);
    }

    #[test]
    fn a_rate_may_be_a_fraction() {
        for (written, rate) in [("3", 3.0), ("0.6", 0.6), ("0", 0.0), ("1e-1", 0.1)] {
            let settings = AgentSettings::of_text(&format!("on-rate = {written}")).unwrap();
            assert_eq!(settings.on_rate, Some(rate), "{written}");
            assert_eq!(values::rate(written), Ok(rate));
        }
        for written in ["-1", "-0.5", "nan", "inf", "''", "[1]", "true"] {
            let why = wrong(&format!("\non-rate = {written}"));
            assert!(why.starts_with("line 2: "), "{written}: {why}");
            assert!(values::rate(written).is_err(), "{written}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        assert_eq!(
            wrong("port = 2181\n\nsise = '1MiB'\n"),
            "line 3: unknown field `sise`, expected one of `port`, `side`, `jvm`, `logs`, \
             `handshake`, `table-size`, `buffer`, `hook`, `directory`, `size`, `age`, \
             `on-finding`, `on-rate`, `on-refused`, `on-growth`, `on-line`, \
             `watch-log`, `before`, `after`, `quiet`, `incidents`, `incidents-size`, `reports`, `command`, `prom-file`, `listen`, `ndjson-dir`, `ndjson-size`, `otlp`"
        );
        assert!(wrong("\nside = 'up'").starts_with("line 2: `up` is none of client, server, both"));
        assert!(
            wrong("size = '1KiB'").starts_with("line 1: "),
            "{}",
            wrong("size = '1KiB'")
        );
        assert!(wrong("port = 'x'").starts_with("line 1: a port is a number"));
        assert!(wrong("port =").starts_with("line 1: "));
        for name in ["age", "after"] {
            let why = wrong(&format!("{name} = '1s'\n"));
            assert!(
                why.starts_with("line 1: this time is a minute at least"),
                "{why}"
            );
        }
        for value in ["-1", "1e3", "{}", "nan"] {
            for name in ["port", "incidents", "buffer"] {
                let why = wrong(&format!("{name} = {value}"));
                assert!(
                    why.starts_with("line 1: a text in quotes, a number"),
                    "{why}"
                );
            }
        }
    }

    #[test]
    fn a_file_that_is_not_read_to_its_end_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let comments = "#\n".repeat(1 << 19);
        std::fs::write(file.path(), &comments).unwrap();
        AgentSettings::of_file(file.path(), false).unwrap();
        std::fs::write(file.path(), comments + "port = 4181\n").unwrap();
        let why = AgentSettings::of_file(file.path(), false).unwrap_err();
        assert_eq!(why.to_string(), "it is larger than 1 MiB");
    }

    #[test]
    fn what_is_quoted_of_it_has_a_limit() {
        let long = "x".repeat(100_000);
        let why = wrong(&format!("port = 2181\n{long} = 1"));
        assert!(why.len() < 1_000, "{} bytes", why.len());
        assert!(why.starts_with("line 2: unknown field `xxx"), "{why}");
        assert!(why.ends_with("`otlp`"), "{why}");
        for text in [
            format!("side = '{long}'"),
            format!("reports = '{long}'"),
            format!("listen = '127.0.0.1:{long}'"),
            format!("otlp = 'http://{long}:x/'"),
            format!("port = {long}"),
            format!("[{long}"),
            long.clone(),
            format!("a = 1\na = '{long}'"),
            format!("{long} = 1\n{long} = 2"),
            "`".repeat(100_000),
            format!("'{}' = 1", "`".repeat(100_000)),
            format!("side = '{}'", "`x".repeat(100_000)),
        ] {
            let why = wrong(&text);
            assert!(why.len() < 2_200, "{} bytes", why.len());
        }
    }

    #[test]
    fn the_option_goes_before_the_file() {
        let option = AgentSettings::of_text("port = 1").unwrap();
        let file = AgentSettings::of_text("port = 2\nsize = '8MiB'").unwrap();
        let both = option.clone().or(file);
        assert_eq!(
            (both.port.clone(), both.size),
            (Some(vec![1..=1]), Some(8 << 20))
        );
        assert_eq!(
            both.differs_where_fixed(&option),
            [] as [&str; 0],
            "size may change"
        );
        let other = AgentSettings::of_text("port = 3\nhandshake = true").unwrap();
        assert_eq!(other.differs_where_fixed(&option), ["port", "handshake"]);
    }

    #[test]
    fn the_file_of_packages_changes_nothing_and_shows_every_setting() {
        let text = include_str!("../../../../contrib/systemd/agent.toml");
        let as_it_is = AgentSettings::of_text(text).unwrap();
        assert_eq!(
            format!("{as_it_is:?}"),
            format!("{:?}", AgentSettings::default())
        );
        let lines = text.lines().filter(|line| !line.starts_with("# "));
        let shown: Vec<_> = lines.filter_map(|line| line.strip_prefix('#')).collect();
        AgentSettings::of_text(&shown.join("\n")).unwrap();
        let message = wrong("no-such = 1");
        let known = message.split('`').skip(3).step_by(2);
        for name in known {
            let setting = format!("{name} = ");
            assert!(
                shown.iter().any(|line| line.starts_with(&setting)),
                "{name}"
            );
        }
    }

    #[test]
    fn every_setting_is_an_option_by_the_same_name() {
        let message = wrong("no-such = 1");
        let named = message.split('`').skip(3).step_by(2);
        let command = Cli::command();
        let agent = command.find_subcommand("agent").unwrap();
        let options: Vec<_> = agent
            .get_arguments()
            .filter_map(|one| one.get_long())
            .collect();
        let mut count = 0;
        for name in named {
            assert!(options.contains(&name), "{name}");
            count += 1;
        }
        // Those that say where the settings are, and how much is printed.
        let others = ["config", "check", "bpf-object", "verbose"];
        assert_eq!(
            count + others.len(),
            options.iter().filter(|one| **one != "help").count()
        );
    }
}
