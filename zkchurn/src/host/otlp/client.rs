// SPDX-License-Identifier: MIT
//! One request to a collector, and what becomes of it. The connection is kept for the next one. A
//! collector that is slow, talks without end or says what is no HTTP costs a request and its
//! connection, no more.

use std::{error::Error, io, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Method, Response,
    body::Incoming,
    client::conn::http1::{Builder, SendRequest},
    header::{CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT},
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinHandle,
    time::timeout,
};
use zkchurn_core::otlp::{Answer, MOST_READ};

use super::{Endpoint, Request};

/// How long a request may take in all: the default of OpenTelemetry's exporters.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);
/// Bytes of a header that are read, and its fields.
const MOST_HEADER: usize = 16 * 1024;
const MOST_FIELDS: usize = 64;

/// What became of a request.
#[derive(Debug)]
pub enum Attempt {
    /// The collector said something, and when it is to be asked again.
    Answered(Answer, Option<Duration>),
    /// Nobody is there.
    Unreachable(String),
    /// Somebody is there and gives no answer that can be read.
    Broken(String),
}

/// A collector, and the connection to it.
pub(super) struct Client {
    endpoint: Endpoint,
    connection: Option<Connection>,
    answered_within: Duration,
}

/// A connection, and what drives it.
struct Connection {
    requests: SendRequest<Full<Bytes>>,
    drives: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.drives.abort();
    }
}

impl Connection {
    /// By a stream that leads to a collector.
    async fn over(
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> io::Result<Self> {
        let mut http = Builder::new();
        http.max_buf_size(MOST_HEADER).max_headers(MOST_FIELDS);
        let shaken = http.handshake(TokioIo::new(stream)).await;
        let (requests, connection) = shaken.map_err(io::Error::other)?;
        let drives = tokio::spawn(async move {
            // What goes wrong the request is told.
            let _ = connection.await;
        });
        Ok(Self { requests, drives })
    }
}

/// Sends one request over a stream, and reads the answer with the limits that one of a collector
/// has: for whoever has bytes in the place of a collector.
pub async fn ask_over(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    endpoint: Endpoint,
    request: &Request,
) -> Attempt {
    let mut client = Client::new(endpoint);
    let limit = client.answered_within;
    let asked = async {
        match Connection::over(stream).await {
            Ok(connection) => client.asked(connection, request).await,
            Err(error) => Attempt::Broken(error.to_string()),
        }
    };
    timeout(limit, asked)
        .await
        .unwrap_or_else(|_| too_late(limit))
}

impl Client {
    /// Not connected yet.
    pub(super) fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            connection: None,
            answered_within: ANSWERED_WITHIN,
        }
    }

    /// The same with another limit of time.
    #[cfg(test)]
    pub(super) fn answered_within(self, answered_within: Duration) -> Self {
        Self {
            answered_within,
            ..self
        }
    }

    /// Sends a request, and waits for the answer.
    pub(super) async fn post(&mut self, request: &Request) -> Attempt {
        let limit = self.answered_within;
        match timeout(limit, self.posted(request)).await {
            Ok(attempt) => attempt,
            Err(_) => {
                self.connection = None;
                too_late(limit)
            }
        }
    }

    async fn posted(&mut self, request: &Request) -> Attempt {
        // A collector closes what nobody uses for a while, which shows at the next use only.
        if let Some(connection) = self.connection.take()
            && let Ok(attempt) = self.ask(connection, request).await
        {
            return attempt;
        }
        let connection = match self.connect().await {
            Ok(connection) => connection,
            Err(error) => return Attempt::Unreachable(error.to_string()),
        };
        self.asked(connection, request).await
    }

    /// By a connection that is new: what goes wrong is the collector's doing.
    async fn asked(&mut self, connection: Connection, request: &Request) -> Attempt {
        let asked = self.ask(connection, request).await;
        asked.unwrap_or_else(|error| Attempt::Broken(words(&error)))
    }

    async fn connect(&self) -> io::Result<Connection> {
        let stream = TcpStream::connect(self.endpoint.address).await?;
        stream.set_nodelay(true)?;
        Connection::over(stream).await
    }

    async fn ask(
        &mut self,
        mut connection: Connection,
        request: &Request,
    ) -> hyper::Result<Attempt> {
        connection.requests.ready().await?;
        let message = hyper::Request::builder()
            .method(Method::POST)
            .uri(self.endpoint.path(request.signal))
            .header(HOST, self.endpoint.address.to_string())
            .header(CONTENT_TYPE, "application/x-protobuf")
            .header(USER_AGENT, concat!("zkchurn/", env!("CARGO_PKG_VERSION")))
            .body(Full::new(request.body.clone()));
        let message = match message {
            Ok(message) => message,
            Err(error) => return Ok(Attempt::Broken(error.to_string())),
        };
        let response = connection.requests.send_request(message).await?;
        let retry_after = retry_after(&response);
        let status = response.status().as_u16();
        // What is longer is of no use, and its connection neither.
        let body = Limited::new(response.into_body(), MOST_READ);
        let body = match body.collect().await {
            Ok(body) => {
                self.connection = Some(connection);
                body.to_bytes()
            }
            Err(_) => Bytes::new(),
        };
        let answer = Answer::of(status, &body, request.records);
        Ok(Attempt::Answered(answer, retry_after))
    }
}

fn too_late(limit: Duration) -> Attempt {
    Attempt::Broken(format!(
        "it does not answer within {} s",
        limit.as_secs_f32()
    ))
}

/// In seconds; the form with a date is not read.
fn retry_after(response: &Response<Incoming>) -> Option<Duration> {
    let value = response.headers().get(RETRY_AFTER)?;
    let seconds = value.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// What went wrong, with its cause, which says more.
fn words(error: &hyper::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
