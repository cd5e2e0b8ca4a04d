// SPDX-License-Identifier: MIT
//! The helper that serves counts to Prometheus by HTTP: it is given an address, then one text
//! after another, and answers with the last one. It holds no capability, knows nothing else, and
//! ends with the trace.

use std::{
    collections::VecDeque,
    convert::Infallible,
    io,
    net::{SocketAddr, TcpListener},
    os::unix::net::UnixStream,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    header::{ALLOW, CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::{AbortHandle, yield_now},
    time::timeout,
};

use super::{
    recorder::{CREATE, DATA, Said},
    wire::{receive_bytes, send},
};
use crate::host::{
    privilege::{held, needs::Kept},
    threads,
};

/// Clients that are served at a time. Where more come, the one that has been here for longest
/// goes: a scrape says at once what it wants, and must not wait behind clients that are silent.
const AT_A_TIME: usize = 16;
/// How long one of them has for all of it.
const SERVED_WITHIN: Duration = Duration::from_secs(10);
/// How long it has for its header.
const HEADER_WITHIN: Duration = Duration::from_secs(5);
/// Bytes that are read of it; what hyper asks for at least.
const MOST_READ: usize = 8_192;
/// Fields that its header has at most.
const MOST_FIELDS: usize = 64;
/// After what cannot be accepted, as where descriptors are short.
const PAUSE: Duration = Duration::from_millis(100);

/// The text format that Prometheus has read since its version 0.4.
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";
const PLAIN: &str = "text/plain; charset=utf-8";

/// Where to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listen {
    pub address: SocketAddr,
    /// Seconds after which a text is too old for a trace that is well.
    pub stale_after_s: u64,
}

/// Serves what it is given, until the other side ends.
pub(super) fn serve(mut socket: UnixStream) -> io::Result<()> {
    let mut bytes = Vec::new();
    if !receive_bytes(&mut socket, &mut bytes)? {
        return Ok(());
    }
    let [CREATE, listen @ ..] = &bytes[..] else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let listen: Listen = serde_json::from_slice(listen)?;
    let listener = match TcpListener::bind(listen.address) {
        Ok(listener) => listener,
        Err(error) => {
            let exists = false;
            let error = error.to_string();
            return send(&mut socket, &Said::NotCreated { exists, error });
        }
    };
    held::keep_only(Kept::NOTHING)?;
    let counts = Counts::new(Duration::from_secs(listen.stale_after_s));
    let theirs = counts.clone();
    threads::named("http").spawn(move || answer(listener, &theirs))?;
    send(&mut socket, &Said::Created { roots: false })?;
    while receive_bytes(&mut socket, &mut bytes)? {
        if let [DATA, text @ ..] = &bytes[..] {
            counts.set(Bytes::copy_from_slice(text));
            send(&mut socket, &Said::Finished)?;
        }
    }
    Ok(())
}

/// The last text, and when it came.
#[derive(Clone)]
pub struct Counts {
    last: Arc<Mutex<Option<(Bytes, Instant)>>>,
    stale_after: Duration,
}

impl Counts {
    /// There are none yet; they are too old after this time.
    pub fn new(stale_after: Duration) -> Self {
        Self {
            last: Arc::default(),
            stale_after,
        }
    }

    /// Takes a text in the place of the last.
    pub fn set(&self, text: Bytes) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((text, Instant::now()));
    }

    fn last(&self) -> Option<(Bytes, Instant)> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.clone()
    }

    fn metrics(&self) -> Response<Full<Bytes>> {
        match self.last() {
            Some((text, _)) => response(StatusCode::OK, EXPOSITION, text),
            None => plain(
                StatusCode::SERVICE_UNAVAILABLE,
                "the first counts come at the end of the first interval\n",
            ),
        }
    }

    /// Whether the trace still hands over counts at its intervals.
    fn health(&self) -> Response<Full<Bytes>> {
        match self.last() {
            Some((_, at)) if at.elapsed() <= self.stale_after => plain(StatusCode::OK, "ok\n"),
            Some(_) => plain(
                StatusCode::SERVICE_UNAVAILABLE,
                "the trace has handed over no counts for several intervals\n",
            ),
            None => plain(StatusCode::SERVICE_UNAVAILABLE, "no counts yet\n"),
        }
    }

    fn to(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "GET or HEAD\n");
            let allowed = HeaderValue::from_static("GET, HEAD");
            refused.headers_mut().insert(ALLOW, allowed);
            return refused;
        }
        match path {
            "/metrics" => self.metrics(),
            "/healthz" => self.health(),
            _ => plain(
                StatusCode::NOT_FOUND,
                "there is /metrics and /healthz, and nothing else\n",
            ),
        }
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    response(status, PLAIN, Bytes::from_static(text.as_bytes()))
}

fn response(status: StatusCode, kind: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// Answers for as long as the process lives.
fn answer(listener: TcpListener, counts: &Counts) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let Ok(runtime) = runtime else { return };
    // Where this fails nobody is answered, which a scrape shows.
    let _ = runtime.block_on(answer_all(listener, counts));
}

async fn answer_all(listener: TcpListener, counts: &Counts) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let mut served: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let Ok((client, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        served.retain(|one| !one.is_finished());
        if served.len() >= AT_A_TIME
            && let Some(oldest) = served.pop_front()
        {
            oldest.abort();
        }
        let one = tokio::spawn(serve_one(client, counts.clone()));
        served.push_back(one.abort_handle());
        // Who has asked already is answered before further ones may take its place.
        yield_now().await;
    }
}

/// Answers one client with the last counts, within the limits of time and size that each has.
pub async fn serve_one(client: impl AsyncRead + AsyncWrite + Unpin, counts: Counts) {
    let asked = service_fn(move |request: Request<_>| {
        let _: &hyper::body::Incoming = request.body();
        let response = counts.to(request.method(), request.uri().path());
        async move { Ok::<_, Infallible>(response) }
    });
    let mut served = http1::Builder::new();
    served.timer(TokioTimer::new());
    served.header_read_timeout(HEADER_WITHIN);
    served.max_buf_size(MOST_READ).max_headers(MOST_FIELDS);
    // One that asks and has nothing more to say gets its answer all the same.
    served.keep_alive(false).half_close(true);
    let served = served.serve_connection(TokioIo::new(client), asked);
    // What goes wrong with one client is its own affair.
    let _ = timeout(SERVED_WITHIN, served).await;
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::{Shutdown, TcpStream},
    };

    use proptest::prelude::*;

    use super::*;

    /// A server of a thread of this process.
    fn served(stale_after: Duration) -> (SocketAddr, Counts) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let counts = Counts::new(stale_after);
        let theirs = counts.clone();
        std::thread::spawn(move || answer(listener, &theirs));
        (address, counts)
    }

    fn said(address: SocketAddr, bytes: &[u8]) -> String {
        let mut client = TcpStream::connect(address).unwrap();
        client
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        // It may have answered and closed before it has read all.
        let _ = client.write_all(bytes);
        let _ = client.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        let _ = client.read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    }

    fn get(address: SocketAddr, path: &str) -> String {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        said(address, request.as_bytes())
    }

    #[test]
    fn the_last_counts_are_served_and_nothing_else_is() {
        let (address, counts) = served(Duration::from_secs(600));
        assert!(get(address, "/metrics").starts_with("HTTP/1.1 503 "));
        assert!(get(address, "/healthz").starts_with("HTTP/1.1 503 "));
        counts.set(Bytes::from_static(b"zkchurn_connections_open 1\n"));
        counts.set(Bytes::from_static(b"zkchurn_connections_open 2\n"));
        let metrics = get(address, "/metrics");
        assert!(metrics.starts_with("HTTP/1.1 200 OK\r\n"), "{metrics}");
        assert!(metrics.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"));
        assert!(metrics.ends_with("\r\n\r\nzkchurn_connections_open 2\n"));
        assert!(get(address, "/metrics?x=1").ends_with("zkchurn_connections_open 2\n"));
        assert!(get(address, "/healthz").ends_with("\r\n\r\nok\n"));
        for path in [
            "/",
            "/metrics/",
            "/metrics/../healthz",
            "/%6detrics",
            "//metrics",
        ] {
            let answer = get(address, path);
            assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
        }
        let posted = said(address, b"POST /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(posted.starts_with("HTTP/1.1 405 ") && posted.contains("allow: GET, HEAD\r\n"));
        let head = said(address, b"HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(
            head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"),
            "{head}"
        );
    }

    #[test]
    fn counts_that_nobody_renews_are_served_and_not_healthy() {
        let (address, counts) = served(Duration::ZERO);
        counts.set(Bytes::from_static(b"zkchurn_connections_open 1\n"));
        std::thread::sleep(Duration::from_millis(5));
        assert!(get(address, "/healthz").starts_with("HTTP/1.1 503 "));
        assert!(get(address, "/metrics").starts_with("HTTP/1.1 200 "));
    }

    #[test]
    fn slow_huge_and_silent_clients_keep_nobody_out_for_long() {
        let (address, counts) = served(Duration::from_secs(600));
        counts.set(Bytes::from_static(b"zkchurn_connections_open 1\n"));
        let mut huge = b"GET /metrics HTTP/1.1\r\nX: ".to_vec();
        huge.resize(1 << 20, b'x');
        assert!(!said(address, &huge).contains("200 OK"));
        // One after the other, each for as long as it may, they would take minutes.
        let silent: Vec<_> = (0..30 * AT_A_TIME)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        let metrics = get(address, "/metrics");
        assert!(metrics.starts_with("HTTP/1.1 200 "), "{metrics}");
        drop(silent);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn whatever_is_asked_it_answers_the_next_one(bytes: Vec<u8>) {
            let (address, counts) = served(Duration::from_secs(600));
            counts.set(Bytes::from_static(b"zkchurn_connections_open 1\n"));
            let answer = said(address, &bytes);
            prop_assert!(!answer.contains("zkchurn_connections_open"), "{:?}", bytes);
            prop_assert!(get(address, "/metrics").contains("zkchurn_connections_open 1"));
        }
    }
}
