// SPDX-License-Identifier: MIT
//! A plain file read by all processors: parts are read side by side and counted in their
//! order, so the counts are those of one processor.

use std::{
    io::{self, Read},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

use super::threads;
use zkchurn_core::serverlog::{
    chunks::{Chunk, ChunkTold, Chunks},
    file_note::FileNote,
    scan::Scanner,
};

/// More readers than this wait for the one that counts.
const READERS: usize = 8;

/// Parts that each reader has in hand: one that it reads, and the next.
const IN_HAND: usize = 2;

/// How many readers are worth it on this host; 1 for none beside the caller.
pub(super) fn readers() -> usize {
    thread::available_parallelism().map_or(1, |count| count.get().min(READERS))
}

/// Counts the lines of `file`.
///
/// # Errors
///
/// It cannot be read on; what came before is counted.
pub(super) fn read(
    file: impl Read,
    readers: usize,
    scanner: &mut Scanner,
    note: &mut FileNote,
) -> io::Result<()> {
    let mut chunks = Chunks::new(file, scanner.window());
    let result = thread::scope(|scope| {
        let pairs: Vec<_> = (0..readers)
            .map_while(|_| {
                let (give, take) = sync_channel::<Chunk>(IN_HAND);
                let (told, tell) = sync_channel(IN_HAND);
                let read = move || read_parts(&take, &told);
                threads::named("log").spawn_scoped(scope, read).ok()?;
                Some((give, tell))
            })
            .collect();
        match pairs.is_empty() {
            true => count_alone(&mut chunks, scanner, note),
            false => count(&mut chunks, &pairs, scanner, note),
        }
    });
    note.bytes = chunks.bytes;
    result
}

/// A reader ends when nothing more is given, or nobody listens any more.
fn read_parts(take: &Receiver<Chunk>, told: &SyncSender<ChunkTold>) {
    for chunk in take {
        if told.send(chunk.read()).is_err() {
            return;
        }
    }
}

/// The same where the system grants no thread.
fn count_alone(
    chunks: &mut Chunks<impl Read>,
    scanner: &mut Scanner,
    note: &mut FileNote,
) -> io::Result<()> {
    while let Some(chunk) = chunks.next_chunk()? {
        take(&chunk.read(), scanner, note);
    }
    Ok(())
}

fn take(read: &ChunkTold, scanner: &mut Scanner, note: &mut FileNote) {
    note.cut += read.cut;
    scanner.lines_told(&read.told, &read.facts);
}

/// Deals the parts out in turns, and takes what they tell in the same turns.
fn count(
    chunks: &mut Chunks<impl Read>,
    pairs: &[(SyncSender<Chunk>, Receiver<ChunkTold>)],
    scanner: &mut Scanner,
    note: &mut FileNote,
) -> io::Result<()> {
    let (mut given, mut counted) = (0, 0);
    let mut result = Ok(());
    let mut is_over = false;
    while !is_over || counted < given {
        if !is_over {
            match chunks.next_chunk() {
                Ok(Some(chunk)) => {
                    let (give, _) = &pairs[given % pairs.len()];
                    // A reader that is gone has panicked, and the scope tells that.
                    is_over = give.send(chunk).is_err();
                    given += usize::from(!is_over);
                }
                Ok(None) => is_over = true,
                Err(error) => (result, is_over) = (Err(error), true),
            }
        }
        if is_over || given - counted >= IN_HAND * pairs.len() {
            if counted == given {
                break;
            }
            let (_, tell) = &pairs[counted % pairs.len()];
            let Ok(told) = tell.recv() else { break };
            take(&told, scanner, note);
            counted += 1;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use zkchurn_core::serverlog::reading::Reading;

    use super::*;

    #[test]
    fn where_the_system_grants_no_thread_the_counts_are_the_same() {
        let line = "2026-11-27 10:00:00,000 [myid:1] - INFO  [NIOWorkerThread-1:ZooKeeperServer@1034] - \
                    Client attempting to establish new session at /10.0.0.1:40001\n";
        let mut log = tempfile::tempfile().unwrap();
        log.write_all(line.repeat(100_000).as_bytes()).unwrap();
        let counted = |readers| {
            let mut file = log.try_clone().unwrap();
            io::Seek::rewind(&mut file).unwrap();
            let mut scanner = Scanner::default();
            let mut note = FileNote {
                name: String::new(),
                bytes: 0,
                cut: 0,
                first: None,
                reading: Reading::Empty,
                error: None,
            };
            read(file, readers, &mut scanner, &mut note).unwrap();
            (note.bytes, format!("{:?}", scanner.end_of_file()))
        };
        assert_eq!(counted(0), counted(2));
    }
}
