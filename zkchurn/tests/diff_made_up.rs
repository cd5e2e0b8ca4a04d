// SPDX-License-Identifier: MIT
//! Made-up traces side by side: what is planted is found, and what is chance is not.
#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its purpose"
)]

use std::{fs, io, sync::OnceLock};

use zkchurn_core::{
    clock::ClockPair,
    connection::{Comm, Connection, Side, Stage},
    diff::{self, Class, Diff, Taken},
    frame::{Frame, LossCounts, Mark, Sides, TraceStart},
    outcome::Outcome,
    pipeline::{Pipeline, View},
    process::{ProcessIdentity, ProcessKey},
    recording::reader::Reader,
    render::{ConnectionLine, Renderer},
    replay::{collector::Collector, play},
    report::{IntervalSummary, Report},
};

const SECOND: f64 = 1e9;
const VIEW: View = View {
    top: 1,
    time_wait_rows: false,
};
const START: ClockPair = ClockPair {
    monotonic_ns: 0,
    realtime_ns: 1_764_000_000_000_000_000,
};

/// Keeps the last connection that ended.
#[derive(Default)]
struct Last(Option<Connection>);

impl Renderer for &mut Last {
    fn start(&mut self, _start: &TraceStart) -> io::Result<()> {
        Ok(())
    }
    fn connection(&mut self, line: &ConnectionLine<'_>) -> io::Result<()> {
        self.0 = Some(*line.connection);
        Ok(())
    }
    fn interval(&mut self, _summary: &IntervalSummary) -> io::Result<()> {
        Ok(())
    }
    fn report(&mut self, _report: &Report) -> io::Result<()> {
        Ok(())
    }
    fn time_wait(&mut self, _report: &Report) -> io::Result<()> {
        Ok(())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A connection that was recorded; it is moved to where it is wanted.
fn template() -> Connection {
    static TEMPLATE: OnceLock<Connection> = OnceLock::new();
    *TEMPLATE.get_or_init(recorded)
}

fn recorded() -> Connection {
    let bytes = fs::read("tests/recordings/incident.zkchurn").unwrap();
    let mut last = Last::default();
    let mut pipeline = Pipeline::new(&mut last, VIEW);
    play(&mut Reader::new(bytes.as_slice()).unwrap(), &mut pipeline).unwrap();
    drop(pipeline);
    last.0.unwrap()
}

/// Numbers between 0 and 1 (splitmix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.next()).ln()
    }
}

/// How the connections of a trace come.
#[derive(Clone, Copy, Debug)]
enum Rhythm {
    /// With the same gap, give or take a tenth.
    Regular,
    /// Independently of each other.
    Independent,
    /// Five at once, and the bursts independently of each other.
    Bursts,
}

/// What is planted.
#[derive(Clone, Copy, Debug)]
struct Plan {
    rhythm: Rhythm,
    per_second: f64,
    seconds: f64,
    failing: f64,
    lives_ms: f64,
}

const PLAN: Plan = Plan {
    rhythm: Rhythm::Independent,
    per_second: 1.0,
    seconds: 120.0,
    failing: 0.0,
    lives_ms: 5.0,
};

impl Plan {
    fn starts(&self, chance: &mut Chance) -> Vec<f64> {
        let mut starts = Vec::new();
        let gap = 1.0 / self.per_second;
        // A trace begins anywhere in the rhythm.
        let mut at = gap * chance.next();
        while at < self.seconds {
            match self.rhythm {
                Rhythm::Regular => {
                    starts.push(at);
                    at += gap * (0.95 + 0.1 * chance.next());
                }
                Rhythm::Independent => {
                    starts.push(at);
                    at += chance.exponential(gap);
                }
                Rhythm::Bursts => {
                    starts.extend([at; 5]);
                    at += chance.exponential(5.0 * gap);
                }
            }
        }
        starts
    }

    fn taken(&self, seed: u64) -> Taken {
        let mut chance = Chance(seed);
        let template = template();
        let mut taken = empty(self.seconds);
        for start in self.starts(&mut chance) {
            let lives = chance.exponential(self.lives_ms / 1e3);
            let connection = at(template, start, lives);
            let outcome = match chance.next() < self.failing {
                true => Outcome::ClosedByPeerWithoutAnswer,
                false => Outcome::AnsweredThenClosedByUs,
            };
            taken.count(&connection, outcome, None);
        }
        taken
    }
}

fn at(mut connection: Connection, start: f64, lives: f64) -> Connection {
    let ns = |seconds: f64| (seconds * SECOND) as u64;
    connection.started_ns = ns(start);
    connection.established_ns = Some(ns(start));
    connection.left_established_ns = Some(ns(start + lives));
    connection.ended_ns = Some(ns(start + lives));
    connection
}

/// A trace of this length in which nothing has happened yet.
fn empty(seconds: f64) -> Taken {
    empty_but_for(seconds, 0)
}

/// In which so many records were lost.
fn empty_but_for(seconds: f64, lost: u64) -> Taken {
    let collector = Collector::default();
    let mut pipeline = Pipeline::new(collector.clone(), VIEW);
    let mut start = TraceStart::of_port(template().remote.port(), START);
    start.host = "shop-1".to_owned();
    pipeline.accept(Frame::Start(&start)).unwrap();
    let end = Mark {
        monotonic_ns: (seconds * SECOND) as u64,
        loss: LossCounts {
            ended_records_dropped: lost,
            ..LossCounts::default()
        },
        ..Mark::default()
    };
    pipeline.accept(Frame::End(&end)).unwrap();
    collector.take()
}

fn compared(before: &Taken, after: &Taken) -> Diff {
    diff::compare(before, after).unwrap()
}

/// The classes of so many pairs, each with its own seed.
fn classes(before: Plan, after: Plan, pairs: u64) -> Vec<Class> {
    let pairs = (0..pairs).map(|seed| {
        let diff = compared(&before.taken(2 * seed), &after.taken(2 * seed + 1));
        assert_eq!(diff.families.len(), 1);
        diff.families[0].class
    });
    pairs.collect()
}

fn count(classes: &[Class], class: Class) -> usize {
    classes.iter().filter(|one| **one == class).count()
}

#[test]
fn chance_is_neither_better_nor_worse() {
    for rhythm in [Rhythm::Regular, Rhythm::Independent, Rhythm::Bursts] {
        for per_second in [0.1, 1.0, 20.0] {
            let plan = Plan {
                rhythm,
                per_second,
                failing: 0.3,
                ..PLAN
            };
            let classes = classes(plan, plan, 60);
            let alarms = classes.len()
                - count(&classes, Class::Unchanged)
                - count(&classes, Class::CannotTell);
            assert!(alarms <= 1, "{plan:?}: {classes:?}");
            if per_second > 10.0 {
                let unchanged = count(&classes, Class::Unchanged);
                assert!(unchanged >= 57, "{plan:?}: {classes:?}");
            }
        }
    }
}

#[test]
fn what_may_be_among_the_lost_is_neither_gone_nor_new() {
    let present = PLAN.taken(7);
    for (lost, there) in [(0, true), (3, true), (500, false)] {
        let missing = empty_but_for(PLAN.seconds, lost);
        for (diff, class) in [
            (compared(&present, &missing), Class::Gone),
            (compared(&missing, &present), Class::New),
        ] {
            let [family] = &diff.families[..] else {
                panic!("{:?}", diff.families);
            };
            let expected = if there { class } else { Class::CannotTell };
            assert_eq!(family.class, expected, "{lost} lost: {}", family.why);
            let says_so = family.why.contains("lost as many connections");
            assert_eq!(says_so, !there, "{}", family.why);
        }
    }
}

#[test]
fn a_rate_that_trebles_is_worse_and_one_that_falls_to_a_third_is_better() {
    for rhythm in [Rhythm::Regular, Rhythm::Independent] {
        let slow = Plan { rhythm, ..PLAN };
        let fast = Plan {
            per_second: 3.0,
            ..slow
        };
        let worse = classes(slow, fast, 40);
        assert!(count(&worse, Class::Worse) >= 38, "{rhythm:?}: {worse:?}");
        let better = classes(fast, slow, 40);
        assert!(
            count(&better, Class::Better) >= 38,
            "{rhythm:?}: {better:?}"
        );
    }
}

#[test]
fn failing_more_is_worse_and_living_longer_is_better() {
    let failing = Plan {
        failing: 0.6,
        ..PLAN
    };
    let worse = classes(PLAN, failing, 40);
    assert!(count(&worse, Class::Worse) >= 38, "{worse:?}");
    let longer = Plan {
        lives_ms: 50.0,
        ..PLAN
    };
    let better = classes(PLAN, longer, 40);
    assert!(count(&better, Class::Better) >= 38, "{better:?}");
}

#[test]
fn more_often_and_failing_less_is_left_to_the_reader() {
    let before = Plan {
        failing: 1.0,
        ..PLAN
    };
    let after = Plan {
        per_second: 4.0,
        ..PLAN
    };
    let diff = compared(&before.taken(1), &after.taken(2));
    assert_eq!(diff.class, Class::CannotTell, "{}", diff.verdict);
    let why = &diff.families[0].why;
    assert_eq!(why, "fails less, but connects more often");
}

#[test]
fn churn_that_stops_is_gone_once_the_trace_is_long_enough() {
    let before = PLAN.taken(1);
    let diff = compared(&before, &empty(60.0));
    assert_eq!(diff.class, Class::Better, "{}", diff.verdict);
    assert_eq!(diff.families[0].class, Class::Gone);
    let diff = compared(&empty(60.0), &before);
    assert_eq!(diff.class, Class::Worse, "{}", diff.verdict);
    assert_eq!(diff.families[0].class, Class::New);
    let diff = compared(&before, &empty(3.0));
    assert_eq!(diff.class, Class::CannotTell, "{}", diff.verdict);
    let why = &diff.families[0].why;
    assert!(why.starts_with("AFTER is too short: "), "{why}");
}

/// A pause of a minute is nothing new for who connects every two minutes.
#[test]
fn who_pauses_for_long_is_not_gone_soon() {
    let mut before = empty(600.0);
    let template = template();
    for burst in 0..5 {
        for one in 0..20 {
            let start = f64::from(burst) * 120.0 + f64::from(one) / 10.0;
            let connection = at(template, start, 0.001);
            before.count(&connection, Outcome::Refused, None);
        }
    }
    let diff = compared(&before, &empty(100.0));
    assert_eq!(diff.class, Class::CannotTell, "{}", diff.verdict);
}

#[test]
fn a_port_that_was_not_traced_is_neither_new_nor_gone() {
    let mut before = PLAN.taken(1);
    let mut connection = template();
    connection.remote.set_port(4181);
    for start in 0..100 {
        let connection = at(connection, f64::from(start), 0.001);
        before.count(&connection, Outcome::Refused, None);
    }
    let diff = compared(&before, &PLAN.taken(2));
    assert_eq!(diff.class, Class::CannotTell, "{}", diff.verdict);
    assert_eq!(diff.families[0].why, "AFTER did not trace port 4181");
}

/// A trace of a minute with another selection, in which nothing has happened yet.
fn selected(select: impl Fn(&mut TraceStart)) -> Taken {
    let collector = Collector::default();
    let mut pipeline = Pipeline::new(collector.clone(), VIEW);
    let mut start = TraceStart::of_port(template().remote.port(), START);
    select(&mut start);
    pipeline.accept(Frame::Start(&start)).unwrap();
    let end = Mark {
        monotonic_ns: (60.0 * SECOND) as u64,
        ..Mark::default()
    };
    pipeline.accept(Frame::End(&end)).unwrap();
    collector.take()
}

/// The two ends of a connection of one host are one with `--side both`, the client's.
#[test]
fn what_a_trace_of_both_sides_has_at_the_clients_end_is_neither_new_nor_gone() {
    let fill = |taken: &mut Taken, connection: Connection, each: usize| {
        for start in (0..60).step_by(each) {
            let connection = at(connection, f64::from(start), 0.001);
            taken.count(&connection, Outcome::AnsweredThenClosedByUs, None);
        }
    };
    let client = template();
    let accepted = Connection {
        side: Side::Server,
        local: client.remote,
        remote: client.local,
        opener: None,
        ..client
    };
    let mut elsewhere = accepted;
    elsewhere.remote.set_ip([192, 0, 2, 77].into());
    let of_server = |connections: &[Connection]| {
        let mut taken = selected(|start| start.side = Sides::Server);
        connections.iter().for_each(|one| fill(&mut taken, *one, 1));
        taken
    };
    let of_both = || selected(|start| start.side = Sides::Both);
    let why_of = |diff: &Diff| {
        let of_host = |one: &&diff::FamilyChange| one.program.starts_with("remote host");
        let family = diff.families.iter().find(of_host).unwrap();
        (family.class, family.why.clone())
    };
    let mut clients_end = of_both();
    fill(&mut clients_end, client, 1);
    let mut other_ends = of_both();
    other_ends.other_end(&accepted);
    let mut in_part = clients_end.clone();
    fill(&mut in_part, accepted, 6);
    for both in [&clients_end, &other_ends, &in_part] {
        for diff in [
            compared(&of_server(&[accepted]), both),
            compared(both, &of_server(&[accepted])),
        ] {
            let (class, why) = why_of(&diff);
            assert_eq!(class, Class::CannotTell, "{why}");
            assert!(why.contains("its own host opens"), "{why}");
        }
    }
    // A host elsewhere would have been seen.
    let diff = compared(&of_server(&[elsewhere]), &clients_end);
    assert_eq!(why_of(&diff).0, Class::Gone);
    let diff = compared(&clients_end, &of_server(&[elsewhere]));
    assert_eq!(why_of(&diff).0, Class::New);
}

/// Of a program that several processes run one trace had one only.
#[test]
fn what_one_process_does_is_not_compared_with_what_all_do() {
    let taken = |select: &dyn Fn(&mut TraceStart), each: u32| {
        let mut taken = selected(select);
        for start in 0..60 * each {
            let connection = at(template(), f64::from(start) / f64::from(each), 0.001);
            taken.count(&connection, Outcome::Refused, None);
        }
        taken
    };
    let of_all = taken(&|_| (), 3);
    let of_one = |pid| taken(&move |start: &mut TraceStart| start.pid = Some(pid), 1);
    let named = |each| {
        let select = |start: &mut TraceStart| {
            start.pids = (0..each).collect();
            start.process_name = Some("java".to_owned());
        };
        taken(&select, each)
    };
    let one = of_one(7);
    for (before, after, why) in [
        (&one, &of_all, "BEFORE traced pid 7 only"),
        (&of_all, &one, "AFTER traced pid 7 only"),
    ] {
        let diff = compared(before, after);
        assert_eq!(diff.families[0].class, Class::CannotTell);
        assert_eq!(diff.families[0].why, why);
    }
    let class = |before: &Taken, after: &Taken| compared(before, after).families[0].class;
    assert_eq!(class(&one, &of_one(9)), Class::Unchanged);
    assert_eq!(class(&named(2), &named(4)), Class::Worse);
}

/// Two programs of one name at one peer are one; of two names they are two.
/// Sixty refused connections of a process of this name.
fn count_those_of(taken: &mut Taken, pid: u32, name: &[u8]) {
    let mut connection = template();
    let opener = connection.opener.as_mut().unwrap();
    opener.thread.tgid = pid;
    let mut comm = [0; 16];
    comm[..name.len()].copy_from_slice(name);
    opener.process_comm = Some(Comm::new(comm));
    for start in 0..60 {
        let connection = at(connection, f64::from(start), 0.001);
        taken.count(&connection, Outcome::Refused, None);
    }
}

/// A directory or an archive of a release is named after it.
#[test]
fn another_version_of_a_program_is_the_same_one() {
    let named = |names: &[&str]| {
        let mut taken = empty(60.0);
        for (name, pid) in names.iter().zip(10..) {
            count_those_of(&mut taken, pid, name.as_bytes());
        }
        taken
    };
    let class = |before: &[&str], after: &[&str]| compared(&named(before), &named(after)).class;
    assert_eq!(
        class(&["app-1.4.2.jar"], &["app-1.4.10.jar"]),
        Class::Unchanged
    );
    assert_eq!(class(&["20261101/a"], &["20261128/a"]), Class::Unchanged);
    let diff = compared(&named(&["app-1.jar"]), &named(&["app-2.jar"]));
    assert!(
        diff.notes[0].starts_with("app-2.jar in AFTER is compared with app-1.jar in BEFORE"),
        "{:?}",
        diff.notes
    );
    // One of two that are told apart by their number, and another program.
    assert_eq!(class(&["w-1"], &["w-1", "w-2"]), Class::Worse);
    assert_eq!(class(&["w-1"], &["w-2", "w-3"]), Class::Worse);
    assert_eq!(class(&["app-1.jar"], &["web-1.jar"]), Class::Worse);
}

#[test]
fn pids_do_not_matter_and_names_do() {
    let (mut before, mut after) = (empty(60.0), empty(60.0));
    count_those_of(&mut before, 10, b"java");
    count_those_of(&mut after, 20, b"java");
    let diff = compared(&before, &after);
    assert_eq!(diff.class, Class::Unchanged, "{}", diff.verdict);
    count_those_of(&mut after, 30, b"node");
    let diff = compared(&before, &after);
    assert_eq!(diff.class, Class::Worse, "{}", diff.verdict);
    assert_eq!(diff.families[0].program, "node");
}

/// What is not in a damaged recording may have been.
#[test]
fn of_a_damaged_recording_nothing_is_told() {
    let before = PLAN.taken(1);
    let diff = compared(&before, &empty(60.0).damaged(true));
    assert_eq!(diff.class, Class::CannotTell, "{}", diff.verdict);
    assert!(
        diff.notes
            .iter()
            .any(|note| note.contains("a part of AFTER cannot be read"))
    );
}

/// One burst says nothing of a rate, however regular it is inside.
#[test]
fn a_burst_is_no_rate() {
    let burst = |number: u32| {
        let mut taken = empty(120.0);
        for one in 0..number {
            let connection = at(template(), 40.0 + f64::from(one), 0.001);
            taken.count(&connection, Outcome::Refused, None);
        }
        taken
    };
    let diff = compared(&burst(6), &burst(14));
    assert_eq!(diff.class, Class::CannotTell, "{}", diff.verdict);
}

/// Of a process that was gone before it could be looked up only the leader's name is known.
#[test]
fn a_program_that_was_not_looked_up_is_neither_new_nor_gone() {
    let command = ["java", "-jar", "shop.jar"].map(str::to_owned).to_vec();
    let key = ProcessKey::new(1, 0);
    let identity = ProcessIdentity::new(key, "java".to_owned(), None, command);
    let taken = |process: Option<&ProcessIdentity>| {
        let mut taken = empty(60.0);
        for start in 0..60 {
            let connection = at(template(), f64::from(start), 0.001);
            taken.count(&connection, Outcome::Refused, process);
        }
        taken
    };
    let all = taken(Some(&identity));
    let diff = compared(&all, &taken(None));
    assert_eq!(diff.families.len(), 2);
    for family in &diff.families {
        assert_eq!(family.class, Class::CannotTell, "{family:?}");
    }
    // A third of them.
    let mut some = empty(60.0);
    for start in 0..60 {
        let process = (start % 3 == 0).then_some(&identity);
        let connection = at(template(), f64::from(start), 0.001);
        some.count(&connection, Outcome::Refused, process);
    }
    let diff = compared(&all, &some);
    assert_eq!(diff.class, Class::CannotTell, "{}", diff.verdict);
}

/// What is beyond the families that are told apart may be any of them.
#[test]
fn a_trace_with_too_many_programs_misses_none_of_them() {
    let mut crowded = empty(60.0);
    let mut connection = at(template(), 1.0, 0.001);
    for number in 0..5_000_u32 {
        connection.remote = (std::net::Ipv4Addr::from_bits(0x0a00_0000 + number), 11_035).into();
        crowded.count(&connection, Outcome::Refused, None);
    }
    let diff = compared(&PLAN.taken(1), &crowded);
    let family = diff
        .families
        .iter()
        .find(|one| one.before.is_some())
        .unwrap();
    assert_eq!(family.class, Class::CannotTell, "{family:?}");
    assert!(
        diff.notes
            .iter()
            .any(|note| note.starts_with("904 connections of AFTER"))
    );
}

/// It opens none, so none that is missing tells of a change.
#[test]
fn what_is_held_in_one_trace_only_is_not_as_before() {
    let with_held = |is_held: bool| {
        let mut taken = PLAN.taken(7);
        if is_held {
            let mut older = at(template(), 0.0, 1.0);
            older.remote.set_ip([127, 0, 0, 9].into());
            older.before_start = true;
            older.stage = Stage::Open;
            taken.count(&older, Outcome::StillOpen, None);
        }
        taken
    };
    for (before, after, name) in [(true, false, "BEFORE"), (false, true, "AFTER")] {
        let diff = compared(&with_held(before), &with_held(after));
        let held = diff
            .families
            .iter()
            .find(|one| one.class == Class::CannotTell);
        let why = &held.unwrap().why;
        assert!(why.contains(&format!("opened none in {name}")), "{why}");
        assert!(why.contains("1 open at its end"), "{why}");
    }
    let diff = compared(&with_held(true), &with_held(true));
    assert!(
        diff.families
            .iter()
            .all(|one| one.class == Class::Unchanged)
    );
}

/// A trace of 10 s with a connection each so many seconds, from a second on.
fn each(seconds: f64) -> Taken {
    let mut taken = empty(10.0);
    let mut start = 1.0;
    while start < 10.0 {
        let connection = at(template(), start, 0.001);
        taken.count(&connection, Outcome::AnsweredThenClosedByUs, None);
        start += seconds;
    }
    taken
}

/// One session is opened at first and held, and after a change one for each request.
#[test]
fn one_connection_before_and_fifty_after_is_worse() {
    let class = |before: &Taken, after: &Taken| compared(before, after).families[0].class;
    for few in [each(10.0), each(6.0)] {
        let many = each(0.2);
        assert_eq!(class(&few, &many), Class::Worse);
        assert_eq!(class(&many, &few), Class::Better);
        // A few more may be chance.
        assert_eq!(class(&few, &each(1.0)), Class::CannotTell);
    }
    // So many at once, and nothing else, may have come in either.
    let mut burst = empty(10.0);
    for one in 0..50 {
        let connection = at(template(), 5.0 + f64::from(one) / 100.0, 0.001);
        burst.count(&connection, Outcome::AnsweredThenClosedByUs, None);
    }
    assert_eq!(class(&each(10.0), &burst), Class::CannotTell);
}

/// As `PLAN`, of which `stay` of ten each stay open; as many older ones end meanwhile as `over`.
fn staying(stay: usize, over: u32, seed: u64) -> Taken {
    let mut taken = empty(PLAN.seconds);
    let starts = PLAN.starts(&mut Chance(seed));
    for (place, start) in starts.into_iter().enumerate() {
        let mut connection = at(template(), start, 0.005);
        let outcome = match place % 10 < stay {
            true => {
                connection.stage = Stage::Open;
                Outcome::StillOpen
            }
            false => Outcome::AnsweredThenClosedByUs,
        };
        taken.count(&connection, outcome, None);
    }
    for _ in 0..over {
        let mut older = at(template(), 0.0, 60.0);
        older.before_start = true;
        taken.count(&older, Outcome::AnsweredThenClosedByUs, None);
    }
    taken
}

/// Clients that nobody closes are opened as often as those that somebody closed.
#[test]
fn opened_as_often_and_left_open_is_worse() {
    let closed = staying(0, 0, 1);
    let diff = compared(&closed, &staying(10, 0, 2));
    assert_eq!(diff.class, Class::Worse, "{}", diff.verdict);
    assert_eq!(diff.families[0].why, "leaves more connections open");
    // That they are closed now may be how they end that should stay.
    let diff = compared(&staying(10, 0, 2), &closed);
    assert_eq!(diff.class, Class::CannotTell, "{}", diff.verdict);
    // A pool that is kept beside them, or as many that end as stay.
    for after in [staying(3, 0, 2), staying(10, 110, 2)] {
        let diff = compared(&closed, &after);
        assert_ne!(diff.class, Class::Worse, "{}", diff.verdict);
    }
    // What failed before may work now.
    let failing = Plan {
        failing: 0.9,
        ..PLAN
    };
    let diff = compared(&failing.taken(1), &staying(10, 0, 2));
    assert_ne!(diff.class, Class::Worse, "{}", diff.verdict);
}
