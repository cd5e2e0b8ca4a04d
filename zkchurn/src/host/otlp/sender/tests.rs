// SPDX-License-Identifier: MIT
//! Collectors that are well, and collectors that nobody would wish for.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc::{Receiver, channel},
    thread,
};

use proptest::prelude::*;

use super::*;

const PATIENCE: Duration = Duration::from_secs(60);
const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// What it was asked: the first line of the header, and the body.
type Asked = (String, Vec<u8>);

/// A collector that does this with each connection, and says what it was asked.
fn collector(
    act: impl Fn(usize, &mut TcpStream, &dyn Fn(&mut TcpStream) -> bool) + Send + 'static,
) -> (Endpoint, Receiver<Asked>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let endpoint = Endpoint::parse(&format!("http://{address}")).unwrap();
    let (say, asked) = channel();
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let read = |stream: &mut TcpStream| match request(stream) {
                Some(asked) => say.send(asked).is_ok(),
                None => false,
            };
            act(number, &mut stream, &read);
        }
    });
    (endpoint, asked)
}

/// The next request of a connection.
fn request(stream: &mut TcpStream) -> Option<Asked> {
    let mut header = Vec::new();
    while !header.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        header.push(byte[0]);
    }
    let header = String::from_utf8(header).unwrap().to_ascii_lowercase();
    let length = header
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length?.parse().unwrap()];
    stream.read_exact(&mut body).ok()?;
    Some((header.lines().next()?.to_owned(), body))
}

fn events(records: u64, body: &[u8]) -> Request {
    Request {
        signal: Signal::Logs,
        records,
        body: body.to_vec().into(),
    }
}

fn counts(body: &[u8]) -> Request {
    Request {
        signal: Signal::Metrics,
        ..events(1, body)
    }
}

fn sender(endpoint: Endpoint) -> Sender {
    let client = || Client::new(endpoint.clone()).answered_within(Duration::from_millis(400));
    Sender::start_with((client(), client()), 1 << 20).unwrap()
}

fn finish(sender: &Sender) -> Progress {
    sender.finish(Instant::now() + PATIENCE)
}

/// Waits until it is so.
fn until(sender: &Sender, is_so: impl Fn(&Progress) -> bool) -> Progress {
    let began = Instant::now();
    loop {
        let progress = sender.progress();
        if is_so(&progress) {
            return progress;
        }
        assert!(began.elapsed() < PATIENCE, "{progress:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn all_events_come_in_order_by_one_connection() {
    let (endpoint, asked) = collector(|number, stream, read| {
        assert_eq!(number, 0, "a second connection");
        while read(stream) && stream.write_all(OK).is_ok() {}
    });
    let sender = sender(endpoint);
    for body in ["one", "two", "three"] {
        sender.put(events(1, body.as_bytes()));
    }
    until(&sender, |progress| progress.events.taken == 3);
    let progress = finish(&sender);
    assert_eq!((progress.events.taken, progress.is_complete()), (3, true));
    let asked: Vec<_> = asked.try_iter().collect();
    let bodies: Vec<_> = asked.iter().map(|(_, body)| &body[..]).collect();
    assert_eq!(bodies, [&b"one"[..], b"two", b"three"]);
    assert_eq!(asked[0].0, "post /v1/logs http/1.1");
}

#[test]
fn a_connection_that_the_collector_has_closed_costs_nothing() {
    let (endpoint, asked) = collector(|_, stream, read| {
        if read(stream) {
            stream.write_all(OK).unwrap();
        }
    });
    let sender = sender(endpoint);
    for number in 0..5 {
        sender.put(events(1, b"x"));
        until(&sender, |progress| progress.events.taken > number);
    }
    assert!(finish(&sender).is_complete());
    assert_eq!(asked.try_iter().count(), 5);
}

#[test]
fn what_it_takes_later_is_tried_again_and_what_it_refuses_is_counted() {
    let (endpoint, asked) = collector(|_, stream, read| {
        let answers: [&[u8]; 4] = [
            b"HTTP/1.1 503 Busy\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n",
            OK,
            b"HTTP/1.1 400 Bad\r\ncontent-length: 0\r\n\r\n",
            // Of seven it rejects three.
            b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n\x0a\x07\x08\x03\x12\x03old",
        ];
        for answer in answers {
            if !read(stream) || stream.write_all(answer).is_err() {
                return;
            }
        }
    });
    let sender = sender(endpoint);
    sender.put(events(1, b"first"));
    until(&sender, |progress| progress.events.taken == 1);
    sender.put(events(5, b"second"));
    sender.put(events(7, b"third"));
    let progress = finish(&sender).events;
    assert_eq!((progress.taken, progress.refused), (5, 8));
    assert_eq!(progress.why_refused.unwrap(), "old");
    let bodies: Vec<_> = asked.try_iter().map(|(_, body)| body).collect();
    assert_eq!(bodies, [&b"first"[..], b"first", b"second", b"third"]);
}

#[test]
fn one_that_is_not_there_is_waited_for_within_bounds_and_not_at_the_end() {
    let unused = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = unused.local_addr().unwrap();
    drop(unused);
    let sender = sender(Endpoint::parse(&format!("http://{address}")).unwrap());
    // Twice as much as has room.
    for _ in 0..32 {
        sender.put(events(2, &vec![0; 64 << 10]));
        sender.put(counts(b"x"));
    }
    let progress = until(&sender, |progress| {
        progress.events.trouble.is_some() && progress.counts.trouble.is_some()
    });
    assert!(progress.counts.trouble.unwrap().contains("refused"));
    let progress = progress.events;
    assert!(progress.trouble.unwrap().contains("refused"));
    assert!(progress.no_room >= 30, "{}", progress.no_room);
    let began = Instant::now();
    let progress = finish(&sender);
    assert!(began.elapsed() < PATIENCE / 2);
    assert_eq!(progress.events.taken, 0);
    assert_eq!(progress.events.dropped(), 64, "{progress:?}");
    assert!(!progress.events.unanswered, "it surely lacks them");
    assert!(progress.counts.lacks_last, "{progress:?}");
}

#[test]
fn it_goes_on_once_the_collector_is_there() {
    let unused = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = unused.local_addr().unwrap();
    drop(unused);
    let sender = sender(Endpoint::parse(&format!("http://{address}")).unwrap());
    sender.put(events(3, b"kept"));
    until(&sender, |progress| progress.events.trouble.is_some());
    let listener = TcpListener::bind(address).unwrap();
    let there = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let asked = request(&mut stream).unwrap();
        stream.write_all(OK).unwrap();
        asked
    });
    let progress = until(&sender, |progress| progress.events.taken == 3);
    assert_eq!(progress.events.trouble, None);
    assert_eq!(there.join().unwrap().1, b"kept");
}

#[test]
fn one_that_accepts_and_says_nothing_ends_with_its_time() {
    let (endpoint, _asked) = collector(|_, stream, read| {
        read(stream);
        // Until the other side has had enough.
        let _ = stream.read(&mut [0; 64]);
    });
    let sender = sender(endpoint);
    sender.put(events(2, b"x"));
    let progress = until(&sender, |progress| progress.events.trouble.is_some());
    let trouble = progress.events.trouble.unwrap();
    assert!(trouble.contains("does not answer within"));
    // The end waits for the deadline at most.
    let progress = sender.finish(Instant::now());
    assert_eq!(progress.events.unsent, 2);
    assert!(progress.events.unanswered, "it may have them");
}

#[test]
fn a_request_that_breaks_the_collector_again_and_again_is_given_up() {
    // Its own thread has nothing to do: the tries are made here, without the time between.
    let sender = sender(Endpoint::parse("http://127.0.0.1:1").unwrap());
    let mut back_off = BackOff::default();
    let mut broken = 0;
    for _ in 0..MOST_BROKEN {
        let request = sender.events.next().unwrap_or_else(|| events(4, b"poison"));
        let attempt = Attempt::Broken("reset".to_owned());
        let tries = (&mut back_off, &mut broken);
        sender.events.note(request, attempt, tries);
    }
    let progress = sender.progress().events;
    assert_eq!((progress.given_up, progress.refused), (4, 0));
    assert_eq!(progress.why_given_up.unwrap(), "reset");
}

/// Said is "takes records again" where the trouble is over: after a refusal it is not.
#[test]
fn trouble_is_over_once_something_is_taken_and_not_once_something_is_refused() {
    // Its own thread has nothing to do.
    let sender = sender(Endpoint::parse("http://127.0.0.1:1").unwrap());
    let mut back_off = BackOff::default();
    let mut broken = 0;
    let mut after = |answer| {
        let attempt = Attempt::Answered(answer, None);
        let tries = (&mut back_off, &mut broken);
        sender.events.note(events(4, b"x"), attempt, tries);
        sender.events.next();
        sender.progress().events.trouble
    };
    let why = |why: &str| why.to_owned();
    let refused = || Answer::Refused { why: why("bad") };
    let taken = |rejected| Answer::Taken {
        rejected,
        why: None,
    };
    assert_eq!(after(refused()), None, "nothing else was wrong");
    let later = Answer::Later { why: why("busy") };
    assert_eq!(after(later), Some(why("busy")));
    assert_eq!(after(refused()), Some(why("bad")));
    let absent = Answer::Absent { why: why("none") };
    assert_eq!(after(absent), Some(why("none")));
    assert_eq!(after(taken(4)), Some(why("it rejects all")));
    assert_eq!(after(taken(3)), None);
}

#[test]
fn one_that_talks_without_end_is_cut_short() {
    for begin in [
        &b"HTTP/1.1 200 OK\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\nx: ",
        b"HTTP/1.1 500 No\r\ntransfer-encoding: chunked\r\n\r\n",
        b"",
    ] {
        let (endpoint, _asked) = collector(move |_, stream, read| {
            read(stream);
            let _ = stream.write_all(begin);
            while stream.write_all(&[b'1'; 4096]).is_ok() {}
        });
        let sender = sender(endpoint);
        sender.put(events(1, b"x"));
        let progress = until(&sender, |progress| *progress != Progress::default()).events;
        // Each of them is known to have come to something, and nothing hangs.
        assert!(progress.taken + progress.dropped() == 1 || progress.trouble.is_some());
    }
}

/// A collector that answers one path so and the other well, each connection in its own thread.
fn of_two_minds(bad: &'static str, act: fn(&mut TcpStream)) -> (Endpoint, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (say, asked) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, say) = (stream.unwrap(), say.clone());
            thread::spawn(move || {
                while let Some((line, _)) = request(&mut stream) {
                    let is_bad = line.contains(bad);
                    let _ = say.send(line);
                    match is_bad {
                        true => act(&mut stream),
                        false => stream.write_all(OK).unwrap(),
                    }
                }
            });
        }
    });
    let endpoint = Endpoint::parse(&format!("http://{address}")).unwrap();
    (endpoint, asked)
}

/// What a path may do to those who ask it.
const AILMENTS: [fn(&mut TcpStream); 6] = [
    |stream| stream.shutdown(std::net::Shutdown::Both).unwrap(),
    |stream| drop(stream.read(&mut [0; 64])),
    |stream| answer(stream, "503 Busy\r\nretry-after: 300"),
    |stream| answer(stream, "429 Slow"),
    |stream| answer(stream, "400 Bad"),
    |stream| answer(stream, "101 Switching Protocols"),
];

fn answer(stream: &mut TcpStream, status: &str) {
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
    let _ = stream.write_all(answer.as_bytes());
}

#[test]
fn a_collector_that_fails_for_counts_gets_all_events_and_none_are_lost() {
    for act in AILMENTS {
        let (endpoint, _asked) = of_two_minds("/v1/metrics", act);
        let sender = sender(endpoint);
        sender.put(counts(b"first"));
        until(&sender, |progress| progress.counts.trouble.is_some());
        for number in 1..=5 {
            sender.put(counts(b"more"));
            sender.put(events(1, b"x"));
            until(&sender, |progress| progress.events.taken == number);
        }
        // Long before the collector may be asked for counts again.
        let progress = sender.finish(Instant::now() + Duration::from_secs(1));
        let expected = Course {
            taken: 5,
            ..Course::default()
        };
        assert_eq!(progress.events, expected);
        assert!(progress.counts.lacks_last && progress.counts.trouble.is_some());
        assert_eq!(progress.counts.dropped(), 0);
        assert!(!progress.is_complete());
    }
}

#[test]
fn a_collector_that_fails_for_events_gets_all_counts() {
    for act in AILMENTS {
        let (endpoint, _asked) = of_two_minds("/v1/logs", act);
        let sender = sender(endpoint);
        sender.put(events(2, b"x"));
        until(&sender, |progress| progress.events != Course::default());
        for number in 1..=5 {
            sender.put(counts(b"x"));
            until(&sender, |progress| progress.counts.taken == number);
        }
        let progress = sender.finish(Instant::now() + Duration::from_secs(1));
        assert_eq!(progress.events.dropped(), 2);
        let expected = Course {
            taken: 5,
            ..Course::default()
        };
        assert_eq!(progress.counts, expected);
    }
}

#[test]
fn a_collector_that_has_no_place_for_counts_lacks_nothing_and_that_is_said() {
    let (endpoint, asked) = of_two_minds("/v1/metrics", |stream| answer(stream, "404 Not Found"));
    let sender = sender(endpoint);
    sender.put(counts(b"x"));
    sender.put(events(3, b"x"));
    until(&sender, |progress| progress.events.taken == 3);
    let progress = finish(&sender);
    assert_eq!(progress.counts.trouble.as_deref(), Some("it answers 404"));
    assert!(progress.is_complete(), "{progress:?}");
    // For events that is a refusal as any other.
    let (endpoint, _asked) = of_two_minds("/v1/logs", |stream| answer(stream, "404 Not Found"));
    let other = self::sender(endpoint);
    other.put(events(3, b"x"));
    assert_eq!(finish(&other).events.refused, 3);
    assert_eq!(asked.try_iter().count(), 2);
}

#[test]
fn counts_that_were_not_taken_are_made_good_by_later_ones() {
    let (endpoint, _asked) = collector(|_, stream, read| {
        // Of ten it rejects seven.
        let rejects: &[u8] =
            b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n\x0a\x07\x08\x07\x12\x03old";
        let bad: &[u8] = b"HTTP/1.1 400 Bad\r\ncontent-length: 0\r\n\r\n";
        for answer in [bad, rejects, OK] {
            if !read(stream) || stream.write_all(answer).is_err() {
                return;
            }
        }
    });
    let sender = sender(endpoint);
    let ten = || Request {
        records: 10,
        ..counts(b"x")
    };
    for (trouble, has_some) in [("it answers 400", false), ("it rejects 7 of 10: old", true)] {
        sender.put(ten());
        let progress = until(&sender, |progress| {
            progress.counts.trouble.as_deref() == Some(trouble)
        });
        assert!(progress.counts.lacks_last);
        assert_eq!(progress.counts.has_some, has_some);
    }
    sender.put(ten());
    let progress = finish(&sender);
    assert_eq!(
        (progress.counts.taken, progress.counts.trouble.as_deref()),
        (13, None)
    );
    assert!(!progress.counts.lacks_last && progress.counts.dropped() == 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_it_answers_each_record_is_counted_once(answer: Vec<u8>, records in 1_u64..100) {
        let (endpoint, _asked) = collector(move |_, stream, read| {
            if read(stream) {
                let _ = stream.write_all(&answer);
            }
        });
        let sender = sender(endpoint);
        sender.put(events(records, b"x"));
        let progress = finish(&sender).events;
        prop_assert_eq!(progress.taken + progress.dropped(), records, "{:?}", progress);
    }

    #[test]
    fn whatever_body_it_answers_with_each_record_is_counted_once(
        status in prop::sample::select(vec![200_u16, 204, 302, 400, 429, 503]),
        body: Vec<u8>,
        records in 1_u64..100,
    ) {
        let (endpoint, _asked) = collector(move |_, stream, read| {
            while read(stream) {
                let header = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n", body.len());
                let _ = stream.write_all(header.as_bytes());
                let _ = stream.write_all(&body);
            }
        });
        let sender = sender(endpoint);
        sender.put(events(records, b"x"));
        let progress = finish(&sender).events;
        prop_assert_eq!(progress.taken + progress.dropped(), records, "{:?}", progress);
    }
}
