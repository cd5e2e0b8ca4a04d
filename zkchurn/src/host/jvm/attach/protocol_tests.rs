// SPDX-License-Identifier: MIT
//! The protocol against peers that this process plays itself.

use std::{
    io::Write,
    os::unix::net::{UnixListener, UnixStream},
    thread,
};

use rustix::fs::{CWD, Mode, OFlags, openat};

use super::*;

const LIMIT: Duration = Duration::from_millis(300);

/// Talks to a peer that behaves as told, and says what came of it and when.
fn talk(peer: impl FnOnce(UnixStream) + Send) -> (Result<Vec<u8>, AttachError>, Duration) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("socket");
    let listener = UnixListener::bind(&path).expect("a socket");
    let socket = openat(CWD, &path, OFlags::PATH, Mode::empty()).expect("its descriptor");
    thread::scope(|scope| {
        scope.spawn(|| peer(listener.accept().expect("a connection").0));
        let begun = Instant::now();
        let result = thread_dump(&socket, std::process::id(), LIMIT);
        (result, begun.elapsed())
    })
}

fn request(stream: &mut UnixStream) -> Vec<u8> {
    let mut request = vec![0; REQUEST.len()];
    stream.read_exact(&mut request).expect("a request");
    request
}

#[test]
fn an_answer_is_taken_apart() {
    let (result, _) = talk(|mut stream| {
        assert_eq!(request(&mut stream), b"1\0threaddump\0\0\0\0");
        stream.write_all(b"0\nFull thread dump\n").expect("sent");
    });
    assert_eq!(result.expect("an answer"), b"Full thread dump\n");
}

#[test]
fn a_refusal_brings_its_code_and_text() {
    let (result, _) = talk(|mut stream| {
        request(&mut stream);
        stream.write_all(b"101\nno\nmore").expect("sent");
    });
    match result {
        Err(AttachError::Refused { code, message }) => {
            assert_eq!((code, message.as_str()), (101, "no"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_hangs_up_or_talks_nonsense_is_told_from_one_that_answers() {
    let (result, _) = talk(drop);
    assert!(matches!(result, Err(AttachError::NoAnswer)), "{result:?}");
    for nonsense in ["0", "zero\nx", "\n"] {
        let (result, _) = talk(|mut stream| {
            request(&mut stream);
            stream.write_all(nonsense.as_bytes()).expect("sent");
        });
        assert!(
            matches!(result, Err(AttachError::NotTheProtocol)),
            "{result:?}"
        );
    }
}

#[test]
fn who_never_answers_or_dribbles_hits_the_limit() {
    let (result, took) = talk(|mut stream| {
        request(&mut stream);
        // Until the other side gives up.
        let _ = stream.read(&mut [0]);
    });
    assert!(matches!(result, Err(AttachError::TimedOut)), "{result:?}");
    assert!(took >= LIMIT && took < LIMIT * 10, "{took:?}");
    let (result, took) = talk(|mut stream| {
        request(&mut stream);
        let pause = Some(LIMIT / 20);
        stream.set_read_timeout(pause).expect("a timeout");
        while stream.write_all(b"0").is_ok() {
            let _ = stream.read(&mut [0]);
        }
    });
    assert!(matches!(result, Err(AttachError::TimedOut)), "{result:?}");
    assert!(took >= LIMIT && took < LIMIT * 10, "{took:?}");
}

#[test]
fn another_process_is_not_asked() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("socket");
    let listener = UnixListener::bind(&path).expect("a socket");
    let socket = openat(CWD, &path, OFlags::PATH, Mode::empty()).expect("its descriptor");
    let result = thread_dump(&socket, 1, LIMIT);
    assert!(
        matches!(result, Err(AttachError::ForeignPeer(_))),
        "{result:?}"
    );
    let (mut stream, _) = listener.accept().expect("the connection");
    assert_eq!(
        stream.read(&mut [0; 64]).expect("closed"),
        0,
        "it was sent something"
    );
}

#[test]
fn an_endless_answer_is_cut_off() {
    // Fast enough for the limit of time to be no issue on a slow machine.
    let answer = vec![b'0'; REPLY_LIMIT + 1];
    let mut pair = UnixStream::pair().expect("a pair");
    let result = thread::scope(|scope| {
        scope.spawn(|| {
            let _ = pair.1.write_all(&answer);
        });
        let mut socket = pair.0.try_clone().expect("a descriptor");
        let deadline = Instant::now() + Duration::from_secs(30);
        let result = read_all(&mut socket, deadline);
        drop(socket);
        pair.0.shutdown(std::net::Shutdown::Both).expect("closed");
        result
    });
    assert!(
        matches!(result, Err(AttachError::TooLong)),
        "{:?}",
        result.map(|all| all.len())
    );
}
