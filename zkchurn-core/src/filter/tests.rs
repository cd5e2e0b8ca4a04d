use std::str::FromStr;

use proptest::prelude::*;

use super::*;
use crate::{
    connection::{Comm, Connection, Stage},
    inspection::{Details, Placed},
    ledger::test_connection::{by, ended},
    outcome::Outcome,
    process::pod_name::PodName,
};

fn filter(text: &str) -> Filter {
    Filter::from_str(text).unwrap_or_else(|error| panic!("{error}"))
}

/// A connection of whose process nothing is known.
fn subject(connection: &Connection) -> Subject<'_> {
    Subject {
        connection,
        outcome: Outcome::of(connection),
        process: None,
        placed: None,
        thread_name: None,
    }
}

fn decision(text: &str, connection: &Connection) -> Decision {
    filter(text).decide(&subject(connection))
}

fn comm(name: &str) -> Comm {
    let mut bytes = [0; 16];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    Comm::new(bytes)
}

/// A connection of pid 7 `java`, thread 8, to 10.0.1.7:2181.
fn connection(thread: &str) -> Connection {
    let mut connection = by(ended(1_000, 0, 0, Outcome::Refused), 7, 8, "x");
    connection.remote = "10.0.1.7:2181".parse().unwrap();
    if let Some(opener) = &mut connection.opener {
        opener.thread.comm = comm(thread);
        opener.process_comm = Some(comm("java"));
    }
    connection
}

#[test]
fn the_terms_of_one_connection() {
    let connection = connection("worker");
    for (text, wanted) in [
        ("process:java", Decision::Yes),
        ("process:JAV*", Decision::Yes),
        ("process:~av", Decision::Yes),
        ("process!=java", Decision::No),
        ("process:nginx|java", Decision::Yes),
        ("process!=nginx|java", Decision::No),
        ("thread:worker", Decision::Yes),
        ("thread:~SendThread", Decision::No),
        ("pid:7 tid:8", Decision::Yes),
        ("pid:1-6", Decision::No),
        ("port:2181", Decision::Yes),
        ("port:2000-2180|2182-3000", Decision::No),
        ("peer:10.0.1.0/24", Decision::Yes),
        ("peer:10.0.2.0/24", Decision::No),
        ("side:client", Decision::Yes),
        ("not process:java", Decision::No),
        ("not not process:java", Decision::Yes),
        ("process:nginx or port:2181", Decision::Yes),
        ("process:nginx or port:2181 pid:9", Decision::No),
        ("(process:nginx or port:2181) pid:7", Decision::Yes),
        ("process:java, port:2181 and pid:7", Decision::Yes),
        ("process:\"java\"", Decision::Yes),
        ("pod:zk-0", Decision::Unknown),
        ("not pod:zk-0", Decision::Unknown),
        ("pod:zk-0 process:nginx", Decision::No),
        ("pod:zk-0 or process:java", Decision::Yes),
    ] {
        assert_eq!(decision(text, &connection), wanted, "{text}");
    }
}

fn looked_at(pod: &str, namespace: &str, container: &str, id: &str) -> Details {
    Details {
        container: Some(id.to_owned()),
        pod: Some("4f2d".to_owned()),
        pod_name: Some(PodName {
            namespace: namespace.to_owned(),
            pod: pod.to_owned(),
            container: Some(container.to_owned()),
        }),
        ..Details::default()
    }
}

#[test]
fn pods_and_containers_go_by_every_name_that_people_have_for_them() {
    let connection = connection("worker");
    let id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let details = looked_at("zk-0", "prod", "web", id);
    let subject = Subject {
        placed: Placed::of(Some(&details), None),
        ..subject(&connection)
    };
    for (text, wanted) in [
        ("pod:zk-0", Decision::Yes),
        ("pod:prod/zk-0", Decision::Yes),
        ("pod:prod/*", Decision::Yes),
        ("pod:4f2d", Decision::Yes),
        ("pod:prod", Decision::No),
        ("container:web", Decision::Yes),
        ("container:0123456789ab", Decision::Yes),
        ("container:0123", Decision::No),
        ("unit:zk.service", Decision::No),
    ] {
        assert_eq!(filter(text).decide(&subject), wanted, "{text}");
    }
}

#[test]
fn two_filters_want_what_both_want() {
    let connection = connection("worker");
    let both = filter("process:java or pid:9").and(Filter::of_name("thread", "work*").unwrap());
    assert_eq!(both.to_string(), "(process:java or pid:9) thread:\"work*\"");
    let neither = filter("pid:9").and(Filter::of_name("thread", "work*").unwrap());
    assert_eq!(neither.decide(&subject(&connection)), Decision::No);
    let again: Filter = both.to_string().parse().unwrap();
    assert_eq!(
        again.decide(&subject(&connection)),
        both.decide(&subject(&connection))
    );
}

/// As systemd writes a `-` of an instance, and whatever else a name holds.
#[test]
fn a_name_is_taken_as_it_is() {
    for name in [r"tpl@a\x2db", r#"a"b"#, "a b|c,d"] {
        let filter = Filter::of_name("thread", name).unwrap();
        let again: Filter = filter.to_string().parse().unwrap();
        for filter in [filter, again] {
            let wanted = filter.decide(&subject(&connection(name)));
            assert_eq!(wanted, Decision::Yes, "{name}");
        }
    }
}

#[test]
fn of_a_cut_thread_name_the_rest_may_fit() {
    let cut = connection("main-Se..k1:218");
    assert_eq!(decision("thread:~SendThread", &cut), Decision::Unknown);
    let subject = Subject {
        thread_name: Some("main-SendThread(zk1:2181)".to_owned()),
        ..subject(&cut)
    };
    assert_eq!(filter("thread:~sendthread").decide(&subject), Decision::Yes);
}

/// The sentence, and what the carets are below.
#[track_caller]
fn refused(text: &str, place: &str, sentence: &str) {
    let error = Filter::from_str(text).unwrap_err().to_string();
    let lines: Vec<_> = error.lines().collect();
    assert!(lines[0].contains(sentence), "{text}: {error}");
    let from = lines[2].find('^').unwrap();
    let carets = lines[2].matches('^').count();
    let pointed: String = lines[1].chars().skip(from).take(carets).collect();
    assert_eq!(pointed, place, "{error}");
}

/// A connection that lived for so long, with so many bytes out and in.
fn with_numbers(lived_ns: u64, out: u64, back: u64) -> Connection {
    let mut connection = by(
        ended(1_000, out, back, Outcome::AnsweredThenClosedByUs),
        7,
        8,
        "x",
    );
    let established = connection.established_ns.unwrap();
    connection.left_established_ns = Some(established + lived_ns);
    connection.ended_ns = Some(established + lived_ns);
    connection
}

/// What a comparison decides of a number, next to it and at it.
#[test]
fn each_order_of_each_number_is_exact() {
    let connection = with_numbers(10_000_000, 100, 200);
    for (field, unit, exact) in [
        ("lived", "ns", 10_000_000_u64),
        ("sent", "", 100),
        ("received", "", 200),
    ] {
        for value in [exact - 1, exact, exact + 1] {
            for (order, wanted) in [
                ("<", exact < value),
                ("<=", exact <= value),
                (">", exact > value),
                (">=", exact >= value),
                (":", exact == value),
                ("!=", exact != value),
            ] {
                let text = format!("{field}{order}{value}{unit}");
                let expected = match wanted {
                    true => Decision::Yes,
                    false => Decision::No,
                };
                assert_eq!(decision(&text, &connection), expected, "{text}");
            }
        }
    }
}

proptest! {
    /// A range has both its ends, and none is upside down.
    #[test]
    fn a_range_has_what_lies_in_it(first in 0_u32..200, last in 0_u32..200, pid in 0_u32..200) {
        let text = format!("pid:{first}-{last}");
        match Filter::from_str(&text) {
            Ok(_) => {
                prop_assert!(first <= last, "{}", text);
                let mut connection = connection("worker");
                connection.opener.as_mut().unwrap().thread.tgid = pid;
                let expected = match (first..=last).contains(&pid) {
                    true => Decision::Yes,
                    false => Decision::No,
                };
                prop_assert_eq!(decision(&text, &connection), expected);
            }
            Err(_) => prop_assert!(first > last, "{}", text),
        }
    }
}

#[test]
fn what_is_wrong_is_pointed_at() {
    refused("process:java foo", "foo", "not a term");
    refused("proces:java", "proces", "no field of this name");
    refused(
        "outcome:refsed",
        "refsed",
        "none of failed, still_open, refused",
    );
    refused("process:java outcome:", "", "a value is missing");
    refused("(process:java", "", "closing parenthesis");
    refused("process:java)", ")", "no opening parenthesis");
    refused("port:21x", "21x", "a number is needed");
    refused("port<2181", "<", "has no order");
    refused("lived<10", "10", "a time with its unit");
    refused("lived<-1s", "-1s", "a time with its unit");
    refused("peer:zk1", "zk1", "an address is needed");
    let named = "[fe80::1%lo]:2181";
    refused(&format!("peer:{named}"), named, "given by its number");
    refused("error:EWHAT", "EWHAT", "an errno is needed");
    refused("process:\"java", "", "closing quote");
    refused("process:java or", "or", "a term is missing");
    refused(
        "process:java or finding:refused",
        "finding:refused",
        "many connections",
    );
    refused("lived<1s|2s", "2s", "one value is enough");
    refused("", "", "the filter is empty");
    refused("  ", " ", "the filter is empty");
    for long in ["99999999999999999999999s", "20000000000s"] {
        refused(
            &format!("lived<{long}"),
            long,
            "longer than any connection lives",
        );
    }
    refused("lived<99999999999", "99999999999", "a time with its unit");
    refused("lived<9x", "9x", "a time with its unit");
    refused("port:~21", "21", "`~` is for names");
    refused("é:1", "é:1", "not a term");
    let deep = "(".repeat(3_000);
    assert!(Filter::from_str(&deep).is_err());
    assert!(Filter::from_str(&"not ".repeat(1_000)).is_err());
    assert!(Filter::from_str(&"x".repeat(5_000)).is_err());
}

#[test]
fn findings_are_rows_and_not_connections() {
    let both = filter("process:java finding:refused|blackhole confidence>=likely");
    assert!(both.selects_connections() && both.selects_findings());
    assert!(both.clone().without_findings("why").is_err());
    assert!(filter("process:java").without_findings("why").is_ok());
    assert!(Expectation::from_str("finding=refused,confidence>=likely").is_ok());
    assert!(Expectation::from_str("process=java").is_err());
    let empty = Expectation::from_str(" ").unwrap_err().to_string();
    assert!(empty.contains("the expectation is empty"), "{empty}");
}

#[test]
fn a_socket_that_connects_may_still_get_its_port() {
    let mut open = by(ended(1_000, 0, 0, Outcome::StillOpen), 7, 8, "x");
    open.stage = Stage::SeenOpen;
    open.local = "10.0.1.1:0".parse().unwrap();
    assert_eq!(decision("local:10.0.1.1:4711", &open), Decision::Unknown);
    open.local = "10.0.1.1:4711".parse().unwrap();
    assert_eq!(decision("local:10.0.1.1:4711", &open), Decision::Yes);
    assert_eq!(decision("local:10.0.1.1:4712", &open), Decision::No);
}

/// So many parentheses may lie in each other, and one more is said to be too much at its place.
#[test]
fn parentheses_nest_so_deep_and_no_deeper() {
    let nested = |depth: usize| format!("{}port:1{}", "(".repeat(depth), ")".repeat(depth));
    let negated = |depth: usize| format!("{}port:1", "not ".repeat(depth));
    let said = |text: &str| Filter::from_str(text).unwrap_err().to_string();
    for made in [nested as fn(usize) -> String, negated] {
        let fits = |depth: &usize| Filter::from_str(&made(*depth)).is_ok();
        let deepest = (1..64).take_while(fits).count();
        assert!(deepest >= 16, "{deepest}");
        for more in 1..4 {
            let said = said(&made(deepest + more));
            assert!(said.contains("nested too deeply"), "{said}");
        }
        // What is wrong for another reason is not called that.
        let said = said(&format!("{} wrong", made(deepest)));
        assert!(!said.contains("nested too deeply"), "{said}");
    }
    let said = said(&format!("{} (", "(port:1) ".repeat(40)));
    assert!(!said.contains("nested too deeply"), "{said}");
}

#[test]
fn a_filter_may_be_so_long_and_no_longer() {
    let of_length = |length: usize| format!("{:<length$}", "port:2181");
    for length in [4095, 4096] {
        let text = of_length(length);
        assert!(Filter::from_str(&text).is_ok(), "{length}");
    }
    for length in [4097, 5000] {
        let error = Filter::from_str(&of_length(length)).unwrap_err();
        let said = error.to_string();
        assert!(said.contains("at most 4096 bytes"), "{length}: {said}");
    }
}
