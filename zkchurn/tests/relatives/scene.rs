// SPDX-License-Identifier: MIT
//! A recording taken apart, and what is left of it reported.

use std::{fs, path::Path};

use zerocopy::{FromBytes, IntoBytes};
use zkchurn_common::{
    handshake::HandshakeRecord,
    record::{self, ConnectionRecord, RECORD_SIZE, known},
    wire::tag,
};
use zkchurn_core::{
    frame::{Frame, LossCounts, Mark, TraceStart},
    inspection::Inspection,
    pipeline::{Pipeline, View},
    process::ProcessIdentity,
    recording::reader::Reader,
    render::{FORMS, Options},
    report::Report,
};

#[derive(Clone)]
pub(crate) enum Piece {
    Connection(Box<ConnectionRecord>),
    FirstBytes(Box<HandshakeRecord>),
    Process(ProcessIdentity),
    Look(Box<Inspection>),
}

impl Piece {
    /// When it came; who a process is was known before, and what is open comes at the end.
    pub(crate) fn at_ns(&self) -> u64 {
        match self {
            Self::Connection(record) if record.stage == record::STAGE_OPEN_AT_END => u64::MAX,
            Self::Connection(record) => record.until_ns,
            Self::FirstBytes(first) => first.at_ns,
            Self::Process(_) => 0,
            Self::Look(look) => look.at_ns,
        }
    }
}

/// What happened on a host, as a trace has it.
#[derive(Clone)]
pub(crate) struct Scene {
    pub start: TraceStart,
    pub pieces: Vec<Piece>,
    pub length_ns: u64,
    pub loss: LossCounts,
}

impl Scene {
    /// A recording of `tests/recordings`, without its ending.
    pub(crate) fn of(name: &str) -> Self {
        let path = Path::new("tests/recordings").join(format!("{name}.zkchurn"));
        let bytes = fs::read(path).unwrap();
        let mut reader = Reader::new(bytes.as_slice()).unwrap();
        let (mut start, mut end, mut pieces) = (None, 0, Vec::new());
        while let Some(()) = reader
            .next_frame(|frame| match frame {
                Frame::Start(one) => start = Some(one.clone()),
                Frame::End(mark) => end = mark.monotonic_ns,
                Frame::Record(bytes) => pieces.push(record_of(bytes)),
                Frame::Process(process) => pieces.push(Piece::Process(process.clone())),
                Frame::Inspection(look) => pieces.push(Piece::Look(Box::new(look.clone()))),
                Frame::TimeWait(_)
                | Frame::Interval(_)
                | Frame::Limitation(_)
                | Frame::Elsewhere(_) => {}
            })
            .unwrap()
        {}
        let start = start.unwrap();
        Self {
            length_ns: end - start.clock.monotonic_ns,
            start,
            pieces,
            loss: LossCounts::default(),
        }
    }

    /// Changes each connection; what it leaves out is gone.
    pub(crate) fn only(mut self, mut keep: impl FnMut(&mut ConnectionRecord) -> bool) -> Self {
        self.pieces.retain_mut(|piece| match piece {
            Piece::Connection(record) => keep(record),
            _ => true,
        });
        self
    }

    pub(crate) fn each(self, mut change: impl FnMut(&mut ConnectionRecord)) -> Self {
        self.only(|record| {
            change(record);
            true
        })
    }

    /// Likewise with the number of the connection, by its socket: there are several records
    /// of one.
    pub(crate) fn each_by_number(self, mut change: impl FnMut(u32, &mut ConnectionRecord)) -> Self {
        let mut sockets = Sockets::default();
        self.each(|record| change(sockets.number_of(record), record))
    }

    /// The first of every so many connections, by its socket.
    pub(crate) fn one_in(self, many: u32) -> Self {
        let mut sockets = Sockets::default();
        self.only(|record| sockets.number_of(record).is_multiple_of(many))
    }

    pub(crate) fn without_first_bytes(mut self) -> Self {
        self.pieces
            .retain(|piece| !matches!(piece, Piece::FirstBytes(_)));
        self
    }

    pub(crate) fn has_first_bytes(&self) -> bool {
        let mut pieces = self.pieces.iter();
        pieces.any(|piece| matches!(piece, Piece::FirstBytes(_)))
    }

    /// Neither logs nor stacks.
    pub(crate) fn without_looks(mut self) -> Self {
        self.pieces.retain(|piece| !matches!(piece, Piece::Look(_)));
        self
    }

    /// Processes that were gone before they could be looked at.
    pub(crate) fn without_processes(self) -> Self {
        let mut scene = self.without_looks();
        scene
            .pieces
            .retain(|piece| !matches!(piece, Piece::Process(_)));
        scene
    }

    pub(crate) fn report(&self) -> Report {
        let options = Options {
            colour: false,
            zone: jiff::tz::TimeZone::UTC,
            lines_per_second: 0,
            columns: Some(80),
            rows: None,
            chosen: Vec::new(),
            details: false,
        };
        let view = View {
            top: 10,
            time_wait_rows: false,
        };
        let renderer = FORMS[0].renderer(Box::new(std::io::sink()), options);
        let mut pipeline = Pipeline::new(renderer, view);
        pipeline.accept(Frame::Start(&self.start)).unwrap();
        for piece in &self.pieces {
            let frame = match piece {
                Piece::Connection(record) => Frame::Record(record.as_bytes()),
                Piece::FirstBytes(first) => Frame::Record(first.as_bytes()),
                Piece::Process(process) => Frame::Process(process),
                Piece::Look(look) => Frame::Inspection(look),
            };
            pipeline.accept(frame).unwrap();
        }
        let end = Mark {
            monotonic_ns: self.start.clock.monotonic_ns + self.length_ns,
            loss: self.loss,
            ..Mark::default()
        };
        pipeline.accept(Frame::End(&end)).unwrap();
        pipeline.report().unwrap().clone()
    }
}

/// The sockets that were met, in order.
#[derive(Default)]
struct Sockets(Vec<u64>);

impl Sockets {
    fn number_of(&mut self, record: &ConnectionRecord) -> u32 {
        let place = self.0.iter().position(|socket| *socket == record.socket);
        let place = place.unwrap_or_else(|| {
            self.0.push(record.socket);
            self.0.len() - 1
        });
        place as u32
    }
}

/// A record that is shorter lacks what its missing bits stand for.
fn record_of(bytes: &[u8]) -> Piece {
    if bytes[..2] == tag::HANDSHAKE.to_le_bytes() {
        return Piece::FirstBytes(Box::new(HandshakeRecord::read_from_bytes(bytes).unwrap()));
    }
    assert_eq!(bytes[..2], tag::CONNECTION.to_le_bytes());
    let mut whole = [0; RECORD_SIZE];
    whole[..bytes.len()].copy_from_slice(bytes);
    let mut record = ConnectionRecord::read_from_bytes(&whole).unwrap();
    record.known &= known::within(bytes.len());
    record.header = ConnectionRecord::HEADER;
    Piece::Connection(Box::new(record))
}
