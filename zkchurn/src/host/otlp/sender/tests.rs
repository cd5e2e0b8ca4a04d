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
    let client = Client::new(endpoint).answered_within(Duration::from_millis(400));
    Sender::start_with(client, 1 << 20).unwrap()
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
fn all_comes_in_order_by_one_connection() {
    let (endpoint, asked) = collector(|number, stream, read| {
        assert_eq!(number, 0, "a second connection");
        while read(stream) && stream.write_all(OK).is_ok() {}
    });
    let sender = sender(endpoint);
    for body in ["one", "two", "three"] {
        sender.put(events(1, body.as_bytes()));
    }
    until(&sender, |progress| progress.taken == 3);
    sender.put(counts(b"four"));
    let progress = finish(&sender);
    assert_eq!((progress.taken, progress.dropped()), (4, 0));
    let asked: Vec<_> = asked.try_iter().collect();
    let bodies: Vec<_> = asked.iter().map(|(_, body)| &body[..]).collect();
    assert_eq!(bodies, [&b"one"[..], b"two", b"three", b"four"]);
    assert_eq!(asked[0].0, "post /v1/logs http/1.1");
    assert_eq!(asked[3].0, "post /v1/metrics http/1.1");
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
        until(&sender, |progress| progress.taken > number);
    }
    assert_eq!(finish(&sender).dropped(), 0);
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
    until(&sender, |progress| progress.taken == 1);
    sender.put(events(5, b"second"));
    sender.put(events(7, b"third"));
    let progress = finish(&sender);
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
    let progress = until(&sender, |progress| progress.trouble.is_some());
    assert!(progress.trouble.unwrap().contains("refused"));
    assert!(progress.no_room >= 30, "{}", progress.no_room);
    let began = Instant::now();
    let progress = finish(&sender);
    assert!(began.elapsed() < PATIENCE / 2);
    assert_eq!(progress.taken, 0);
    assert_eq!(progress.dropped(), 64 + 1, "{progress:?}");
}

#[test]
fn it_goes_on_once_the_collector_is_there() {
    let unused = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = unused.local_addr().unwrap();
    drop(unused);
    let sender = sender(Endpoint::parse(&format!("http://{address}")).unwrap());
    sender.put(events(3, b"kept"));
    until(&sender, |progress| progress.trouble.is_some());
    let listener = TcpListener::bind(address).unwrap();
    let there = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let asked = request(&mut stream).unwrap();
        stream.write_all(OK).unwrap();
        asked
    });
    let progress = until(&sender, |progress| progress.taken == 3);
    assert_eq!(progress.trouble, None);
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
    let progress = until(&sender, |progress| progress.trouble.is_some());
    assert!(progress.trouble.unwrap().contains("does not answer within"));
    // The end waits for the deadline at most.
    let progress = sender.finish(Instant::now());
    assert_eq!(progress.unsent, 2);
}

#[test]
fn a_request_that_breaks_the_collector_again_and_again_is_given_up() {
    // Its own thread has nothing to do: the tries are made here, without the time between.
    let sender = sender(Endpoint::parse("http://127.0.0.1:1").unwrap());
    let mut back_off = BackOff::default();
    let mut broken = 0;
    for _ in 0..MOST_BROKEN {
        let request = sender.0.next().unwrap_or_else(|| events(4, b"poison"));
        let attempt = Attempt::Broken("reset".to_owned());
        sender
            .0
            .note(request, attempt, (&mut back_off, &mut broken));
    }
    let progress = sender.progress();
    assert_eq!(progress.refused, 4);
    assert_eq!(progress.why_refused.unwrap(), "reset");
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
        let progress = until(&sender, |progress| *progress != Progress::default());
        // Each of them is known to have come to something, and nothing hangs.
        assert!(progress.taken + progress.refused == 1 || progress.trouble.is_some());
    }
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
        let progress = finish(&sender);
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
        let progress = finish(&sender);
        prop_assert_eq!(progress.taken + progress.dropped(), records, "{:?}", progress);
    }
}
