// SPDX-License-Identifier: MIT
//! Connections that stay open are told of while they do, and one whose end was missed is
//! found.

use std::{fs, time::Duration};

use aya::maps::{HashMap, Map, MapData};
use zerocopy::FromBytes;
use zkchurn_common::record::{ENTRY_SIZE, TableEntry};

use crate::{
    namespace::in_namespace,
    peer::{connect, drain, listen, reset_at_close, v4},
    tracer::{Tracer, unused_port, wait_for},
};

type Table = HashMap<MapData, u64, [u8; ENTRY_SIZE]>;

/// A size that no other trace has, by which its table is found.
const TABLE_SIZE: u32 = 1237;
/// Two walks and the two seconds that a connection has to be old.
const FOUND_WITHIN: Duration = Duration::from_secs(60);

/// The table of a trace of [`TABLE_SIZE`].
fn table_of(tracer: &Tracer) -> Table {
    let infos = format!("/proc/{}/fdinfo", tracer.pid());
    let infos = fs::read_dir(infos).unwrap();
    let infos = infos.filter_map(|info| fs::read_to_string(info.ok()?.path()).ok());
    let size = format!("max_entries:\t{TABLE_SIZE}\n");
    let info = infos.into_iter().find(|info| info.contains(&size)).unwrap();
    let id = info.lines().find_map(|line| line.strip_prefix("map_id:"));
    let id = id.unwrap().trim().parse().unwrap();
    let map = Map::from_map_data(MapData::from_id(id).unwrap()).unwrap();
    map.try_into().unwrap()
}

fn entries(table: &Table) -> Vec<(u64, TableEntry)> {
    let entries = table.iter().filter_map(Result::ok);
    let entry = |bytes: [u8; ENTRY_SIZE]| TableEntry::read_from_bytes(&bytes).unwrap();
    entries.map(|(key, bytes)| (key, entry(bytes))).collect()
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_connection_whose_end_was_missed_is_found_and_a_live_one_stays() {
    let trace = in_namespace(|| {
        let port = unused_port();
        let accepting = drain(listen(port), 2);
        let (port, size) = (port.to_string(), TABLE_SIZE.to_string());
        let tracer = Tracer::start(&["--port", &port, "--table-size", &size]);
        let port = port.parse().unwrap();
        let stays = connect(v4(port));
        let closes = connect(v4(port));
        let mut table = table_of(&tracer);
        let local_port = closes.local_addr().unwrap().port().to_be_bytes();
        let (key, entry) = entries(&table)
            .into_iter()
            .find(|(_, entry)| entry.record.local_port == local_port)
            .unwrap();
        // What is not in the table has an end that nobody sees, here the whole of it.
        reset_at_close(&closes);
        table.remove(&key).unwrap();
        drop(closes);
        let bytes: [u8; ENTRY_SIZE] = zerocopy::transmute!(entry);
        table.insert(key, bytes, 0).unwrap();
        wait_for(FOUND_WITHIN, "the walk of the table", || {
            entries(&table).len() == 1
        });
        let trace = tracer.finish();
        drop(stays);
        accepting.join().unwrap();
        trace
    });
    let total = &trace.report["total"];
    let counts = ["opened", "established", "ended", "open"].map(|name| total[name].as_u64());
    assert_eq!(counts, [Some(2), Some(2), Some(1), Some(1)], "{total:#}");
    assert_eq!(trace.loss("found_closed"), 1);
    let outcomes: Vec<_> = trace
        .connections
        .iter()
        .map(|one| &one["outcome"])
        .collect();
    assert_eq!(outcomes, ["unknown", "still_open"]);
}
