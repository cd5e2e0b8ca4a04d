// SPDX-License-Identifier: MIT
//! Values of options: what may be typed, and the sentence that refuses the rest.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{
    ValueEnum,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser},
};
use jiff::{
    Timestamp,
    civil::{DateTime, Time},
    tz::TimeZone,
};
use zkchurn_core::{
    filter::{Expectation, Filter, FilterError},
    frame::{Hook, Sides},
    render::{self, Column, FORMS, Form},
    segments::window::{When, boot_number},
    serverlog::moment::Moment,
    text::clip_quotes,
};

use super::quoted::MOST_QUOTED;

use crate::{
    exit::{Code, Failure},
    host::{
        clock::clock_pair, ids, incident_store::OF_BOOT, jvm::JvmMode, kernel::HandshakesFrom,
        otlp::Endpoint, segment_store::LEAST_BYTES, services, time_zone,
    },
    live::settings::Process,
};

/// `--side`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SideValue {
    /// Connections that this host opens to the ports.
    Client,
    /// Connections that this host accepts on the ports, counted by remote host.
    Server,
    /// Connections that this host opens and those that it accepts.
    Both,
}

impl From<SideValue> for Sides {
    fn from(side: SideValue) -> Self {
        match side {
            SideValue::Client => Self::Client,
            SideValue::Server => Self::Server,
            SideValue::Both => Self::Both,
        }
    }
}

/// `--hook`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum HookValue {
    /// `tp_btf/inet_sock_set_state`
    #[value(name = "tp_btf")]
    TpBtf,
    /// The classic tracepoint `sock/inet_sock_set_state`.
    #[value(name = "tracepoint")]
    Tracepoint,
}

impl From<HookValue> for Hook {
    fn from(hook: HookValue) -> Self {
        match hook {
            HookValue::TpBtf => Self::TpBtf,
            HookValue::Tracepoint => Self::Tracepoint,
        }
    }
}

/// `--format`: what is in the list of forms.
pub(crate) fn form() -> impl TypedValueParser<Value = &'static dyn Form> {
    let values = FORMS.map(|form| PossibleValue::new(form.name()).help(form.purpose()));
    PossibleValuesParser::new(values).try_map(|name| render::named(&name).ok_or("no such format"))
}

/// `--columns`: what is in the list of columns.
pub(crate) fn column() -> impl TypedValueParser<Value = Column> {
    let values = Column::ALL.map(|column| PossibleValue::new(column.name()).help(column.purpose()));
    PossibleValuesParser::new(values).try_map(|name| Column::named(&name).ok_or("no such column"))
}

/// `--prom-file`
pub(crate) fn metrics_file(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.extension() {
        Some(ending) if ending == "prom" => Ok(path),
        _ => Err("the name has to end in .prom: node_exporter reads no other".to_owned()),
    }
}

/// `--listen`: an address and a port; a port alone is one of the loopback address.
pub(crate) fn listen(text: &str) -> Result<SocketAddr, String> {
    listened_at(text).map_err(briefly)
}

/// A sentence that quotes no more than the beginning of what was typed.
fn briefly(sentence: impl AsRef<str>) -> String {
    clip_quotes(sentence.as_ref(), MOST_QUOTED)
}

fn listened_at(text: &str) -> Result<SocketAddr, String> {
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    let port = match port.parse() {
        Ok(port @ 1..) => port,
        _ => return Err(format!("`{port}` is no port: a number from 1 to 65535")),
    };
    let address: IpAddr = match host {
        "" | "localhost" => Ipv4Addr::LOCALHOST.into(),
        host => {
            let bare = host
                .strip_prefix('[')
                .and_then(|host| host.strip_suffix(']'));
            let is_plain_ipv6 = bare.is_none() && host.contains(':');
            match bare.unwrap_or(host).parse() {
                Ok(address) if !is_plain_ipv6 => address,
                _ => {
                    return Err(format!(
                        "`{host}` is no address: it is one of this host's, such as 127.0.0.1 or \
                         [::1]"
                    ));
                }
            }
        }
    };
    Ok(SocketAddr::new(address, port))
}

/// `--otlp`
pub(crate) fn otlp(text: &str) -> Result<Endpoint, String> {
    Endpoint::parse(text).map_err(briefly)
}

/// Bytes of a text that is looked for in lines.
const LONGEST_WORDS: usize = 200;

/// `--on-line`
pub(crate) fn words_of_a_line(text: &str) -> Result<String, String> {
    match text.len() {
        1..=LONGEST_WORDS if !text.contains('\n') => Ok(text.to_owned()),
        _ => Err(format!(
            "a part of a line is needed, of {LONGEST_WORDS} bytes at most"
        )),
    }
}

/// `--watch-log`
pub(crate) fn log_to_watch(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.is_absolute() {
        true => Ok(path),
        false => Err("a log is named by its whole path, from / on".to_owned()),
    }
}

/// `--expect`
pub(crate) fn expectation(text: &str) -> Result<Expectation, FilterError> {
    text.parse()
}

/// The form that a file's ending names.
pub(crate) fn form_of(path: &Path) -> Option<&'static str> {
    match path.extension()?.to_str()? {
        "html" => Some("html"),
        "md" => Some("markdown"),
        "json" => Some("json"),
        "txt" => Some("text"),
        _ => None,
    }
}

/// `--output` of `report`: a report, or a part of the recording.
pub(crate) fn report_or_recording(text: &str) -> Result<PathBuf, String> {
    match is_recording(Path::new(text)) {
        true => Ok(text.into()),
        false => report_file(text)
            .map_err(|why| format!("{why}, or .zkchurn for a part of the recording")),
    }
}

/// `--reports`: the ending of a report's file.
pub(crate) fn report_ending(text: &str) -> Result<String, String> {
    let text = text.trim();
    match form_of(Path::new(&format!("report.{text}"))) {
        Some(_) => Ok(text.to_owned()),
        None => Err(briefly(format!("`{text}` is none of html, md, txt, json"))),
    }
}

/// Whether a file is to be a recording.
pub(crate) fn is_recording(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "zkchurn")
}

/// `--output` of `diff`, `--report`
pub(crate) fn report_file(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match form_of(&path) {
        Some(_) => Ok(path),
        None => Err("the ending says what to write: .html, .md, .json or .txt".to_owned()),
    }
}

/// `--filter`
pub(crate) fn filter(text: &str) -> Result<Filter, FilterError> {
    text.parse()
}

/// The same for a trace, whose connections are shown as they end.
pub(crate) fn filter_of_stream(text: &str) -> Result<Filter, FilterError> {
    filter(text)?.without_findings(
        "findings are known at the end only, and a trace shows connections as they end: use \
         this with `zkchurn replay` on a recording",
    )
}

/// `--jvm`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum JvmValue {
    /// Not at all.
    Off,
    /// Read /proc only: which JVM, its flags, and the command for a thread dump.
    Name,
    /// Also take a thread dump, for the thread's full name and stack. It goes over the
    /// JVM's attach socket, which SIGQUIT opens unless the JVM would die of it. The JVM
    /// pauses at a safepoint for the dump, usually for milliseconds.
    Dump,
}

impl From<JvmValue> for JvmMode {
    fn from(jvm: JvmValue) -> Self {
        match jvm {
            JvmValue::Off => Self::Off,
            JvmValue::Name => Self::Name,
            JvmValue::Dump => Self::Dump,
        }
    }
}

/// `--handshake`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum HandshakeValue {
    /// From the start on.
    Start,
    /// Not before h is pressed, in `zkchurn live`; until then it costs nothing.
    Later,
}

impl From<HandshakeValue> for HandshakesFrom {
    fn from(when: HandshakeValue) -> Self {
        match when {
            HandshakeValue::Start => Self::Start,
            HandshakeValue::Later => Self::Wish,
        }
    }
}

/// Ports that one value of `--port` names: one, or a range.
pub(crate) type Ports = RangeInclusive<u16>;

/// More ports would make every line that lists them unreadable.
const MOST_PORTS: usize = 64;

/// `2181`, `2181-2183`, or the name of a service.
pub(crate) fn ports(text: &str) -> Result<Ports, String> {
    let text = text.trim();
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| text.parse().ok().filter(|port| *port > 0);
    let ports = match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => Some(first..=last),
        _ => services::port(text).map(|port| port..=port),
    };
    match ports {
        Some(ports) if ports.len() <= MOST_PORTS => Ok(ports),
        Some(_) => Err(format!("at most {MOST_PORTS} ports can be traced")),
        None => Err(
            "a port is a number from 1 to 65535, a range such as 2181-2183, or a name of \
             /etc/services; separate several with commas: 2181,4181"
                .to_owned(),
        ),
    }
}

/// All ports that the values of `--port` name, each once, in the order given.
///
/// # Errors
///
/// There are too many.
pub(crate) fn all_ports(values: &[Ports]) -> Result<Vec<u16>, Failure> {
    let mut ports = Vec::new();
    for port in values.iter().cloned().flatten() {
        if !ports.contains(&port) {
            ports.push(port);
        }
    }
    if ports.len() > MOST_PORTS {
        let sentence = format!(
            "--port names {} ports, and at most {MOST_PORTS} can be traced",
            ports.len()
        );
        return Err(Failure::sentence(Code::Usage, sentence));
    }
    Ok(ports)
}

/// A pid, or the name of processes.
pub(crate) fn process(text: &str) -> Result<Process, String> {
    let is_number = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'-');
    match text.parse::<NonZeroU32>() {
        Ok(pid) => Ok(Process::Pid(pid.get())),
        Err(_) if is_number => Err("a pid is a positive number, as shown by `ps`".to_owned()),
        Err(_) => Ok(Process::Named(text.to_owned())),
    }
}

pub(crate) fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("a positive number is needed".to_owned()),
        Ok(number) => Ok(number),
    }
}

pub(crate) fn table_size(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(sockets) if (1..=16_777_216).contains(&sockets) => Ok(sockets),
        _ => Err("a number from 1 to 16777216 is needed, such as 65536".to_owned()),
    }
}

pub(crate) fn lines(text: &str) -> Result<u32, String> {
    let wrong = "a number from 0 to 4294967295 is needed, such as 20; 0 is no limit";
    text.parse().map_err(|_| wrong.to_owned())
}

pub(crate) fn buffer(text: &str) -> Result<u32, String> {
    match text.parse::<u32>() {
        Ok(kib) if kib.is_power_of_two() && (4..=1_048_576).contains(&kib) => Ok(kib),
        _ => Err("a power of two from 4 to 1048576 is needed, such as 4096".to_owned()),
    }
}

/// `--size`: bytes, with a unit.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u32); 4] = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40)];
    let wrong = || {
        format!(
            "a size is a number with a unit, such as 64MiB or 1GiB, and at least {}MiB",
            LEAST_BYTES >> 20
        )
    };
    let unit = UNITS.iter().find_map(|(unit, shift)| {
        let number = text.trim().strip_suffix(unit)?;
        Some((number.trim(), shift))
    });
    let (number, shift) = unit.ok_or_else(wrong)?;
    let bytes = number.parse::<u64>().ok();
    let bytes = bytes.and_then(|number| number.checked_mul(1 << shift));
    bytes
        .filter(|bytes| *bytes >= LEAST_BYTES)
        .ok_or_else(wrong)
}

/// `--on-rate`
pub(crate) fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok();
    let rate = rate.filter(|rate: &f64| rate.is_finite() && *rate >= 0.0);
    rate.ok_or_else(|| "a number of connections a second, such as 3 or 0.6".to_owned())
}

/// `--on-refused`
pub(crate) fn percent(text: &str) -> Result<u64, String> {
    let percent = text.parse().ok().filter(|percent| *percent <= 100);
    percent.ok_or_else(|| "a number of a hundred, from 0 to 100".to_owned())
}

/// `--age` and `--after`
pub(crate) fn kept_for(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        time if time >= Duration::from_secs(60) => Ok(time),
        _ => Err("this time is a minute at least, such as 2m or 24h".to_owned()),
    }
}

/// A time of the server's clock: a log has no zone.
pub(crate) fn moment(text: &str) -> Result<Moment, String> {
    let date = text.parse().ok().filter(|_| !names_zone(text));
    date.map(Moment::of).ok_or_else(|| {
        "write the time as in the log, without a zone: \"2026-11-25 04:13:01\"".to_owned()
    })
}

/// Whether an offset or the name of a zone stands behind a date or a time of day. What reads
/// times without a zone passes over both.
fn names_zone(text: &str) -> bool {
    let time = text.split_once(['T', 't', ' ']).map(|(_date, time)| time);
    text.contains(['+', '[']) || time.is_some_and(|time| time.contains('-'))
}

/// `--since` and `--until`: a duration before the end of the recording, or a time of day in
/// the zone of this host.
pub(crate) fn when(text: &str) -> Result<When, String> {
    // As an agent says it (`host/incident_store.rs`).
    let of_boot = text.strip_prefix(OF_BOOT).and_then(|ns| ns.parse().ok());
    if let Some(ns) = of_boot {
        let boot = boot_number(&ids::boot_id().unwrap_or_default());
        return Ok(When::OfBoot { boot, ns });
    }
    let zone = time_zone::local().unwrap_or(TimeZone::UTC);
    let clock = clock_pair();
    when_in(text, &zone, clock.timestamp(clock.monotonic_ns))
}

fn when_in(text: &str, zone: &TimeZone, now: Timestamp) -> Result<When, String> {
    let local = |date: DateTime| {
        let zoned = zone.to_ambiguous_zoned(date).compatible();
        zoned.map(|zoned| zoned.timestamp())
    };
    let wrong = || {
        "write a time such as 21:05, \"2026-11-27 21:05:00\" or 2026-11-27T21:05:00Z, or how \
         long before the recording's end, such as 10m"
            .to_owned()
    };
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(When::At(at));
    }
    if names_zone(text) {
        return Err(wrong());
    }
    let is_time = text.contains(':') && !text.contains('-');
    if is_time && let Ok(time) = text.parse::<Time>() {
        // The latest such moment that has come.
        let today = now.to_zoned(zone.clone()).date();
        let at = local(today.to_datetime(time)).map_err(|_| wrong())?;
        if at <= now {
            return Ok(When::At(at));
        }
        let yesterday = today.yesterday().map_err(|_| wrong())?;
        return local(yesterday.to_datetime(time))
            .map(When::At)
            .map_err(|_| wrong());
    }
    if text.contains(':')
        && let Ok(date) = text.parse::<DateTime>()
    {
        return local(date).map(When::At).map_err(|_| wrong());
    }
    duration(text).map(When::BeforeEnd).map_err(|_| wrong())
}

pub(crate) fn watch(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err(
            "a duration above 0 is needed to see who closes, such as 10s; without \
             one, use `ss -tan state time-wait`"
                .to_owned(),
        ),
        time => Ok(time),
    }
}

/// A duration with a unit; a bare number is seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
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

    #[test]
    fn who_names_no_address_listens_on_the_loopback_one() {
        let at = |text: &str| listen(text).map(|address| address.to_string());
        for (text, address) in [
            ("9142", "127.0.0.1:9142"),
            (":9142", "127.0.0.1:9142"),
            ("localhost:1", "127.0.0.1:1"),
            ("0.0.0.0:9142", "0.0.0.0:9142"),
            ("[::1]:65535", "[::1]:65535"),
            ("[::]:9142", "[::]:9142"),
        ] {
            assert_eq!(at(text).as_deref(), Ok(address), "{text}");
        }
        for text in [
            "",
            "0",
            "65536",
            "127.0.0.1",
            "127.0.0.1:",
            "host:9142",
            "::1:9142",
            "[::1]",
        ] {
            assert!(at(text).is_err(), "{text}");
        }
    }

    #[test]
    fn moments_of_the_day_are_those_of_the_host() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let now: Timestamp = "2026-11-27T12:00:00Z".parse().unwrap();
        let when = |text| when_in(text, &zone, now);
        let at = |text: &str| Ok(When::At(text.parse().unwrap()));
        assert_eq!(when("2026-11-26T21:05:00Z"), at("2026-11-26T21:05:00Z"));
        assert_eq!(when("2026-11-26 21:05"), at("2026-11-26T19:05:00Z"));
        assert_eq!(when("13:05"), at("2026-11-27T11:05:00Z"));
        assert_eq!(when("14:05:30"), at("2026-11-26T12:05:30Z"), "of yesterday");
        assert_eq!(when("10m"), Ok(When::BeforeEnd(Duration::from_secs(600))));
        for wrong in ["soon", "25:00", "-5m", "", "2026-11-26 25:00"] {
            assert!(when(wrong).is_err(), "{wrong}");
        }
        // With an offset it is that moment; a zone that would be passed over is refused.
        let with_offset = when("2026-11-26T21:05:00+01:00");
        assert_eq!(with_offset, at("2026-11-26T20:05:00Z"));
        for zoned in ["13:05+01:00", "2026-11-26T21:05[America/New_York]"] {
            assert!(when(zoned).is_err(), "{zoned}");
        }
    }

    #[test]
    fn a_log_has_no_zone_so_none_is_passed_over() {
        let of = |text| moment(text).map(|moment| moment.to_string());
        for time in [
            "2026-11-25 10:02",
            "2026-11-25T10:02:00.000",
            "20261125T100200",
        ] {
            assert_eq!(of(time).as_deref(), Ok("2026-11-25 10:02:00"), "{time}");
        }
        for zoned in [
            "2026-11-25T10:02:00Z",
            "2026-11-25T10:02:00+02:00",
            "2026-11-25T10:02:00-05",
            "2026-11-25 10:02:00-05:00",
            "20261125T100200-0500",
            "2026-11-25T10:02:00[Europe/Berlin]",
        ] {
            assert!(
                of(zoned).is_err_and(|why| why.contains("without a zone")),
                "{zoned}"
            );
        }
    }

    #[test]
    fn an_agent_names_a_moment_of_this_boot() {
        let Ok(When::OfBoot { boot, ns: 5 }) = when("boot:5") else {
            panic!("{:?}", when("boot:5"));
        };
        assert_ne!(boot, 0);
        assert!(when("boot:").is_err() && when("boot:-5").is_err());
    }

    #[test]
    fn times_with_and_without_units() {
        assert_eq!(duration("60"), Ok(Duration::from_secs(60)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert!(duration("soon").is_err());
        assert!(duration("-5s").is_err());
    }
}
