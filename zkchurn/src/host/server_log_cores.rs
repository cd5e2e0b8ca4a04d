// SPDX-License-Identifier: MIT
//! A plain file read by all processors: parts are read side by side and counted in their
//! order, so the counts are those of one processor.

use std::{
    fs::File,
    io,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

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
    file: File,
    readers: usize,
    scanner: &mut Scanner,
    note: &mut FileNote,
) -> io::Result<()> {
    let mut chunks = Chunks::new(file);
    let result = thread::scope(|scope| {
        let pairs: Vec<_> = (0..readers)
            .map(|_| {
                let (give, take) = sync_channel::<Chunk>(IN_HAND);
                let (told, tell) = sync_channel(IN_HAND);
                scope.spawn(move || read_parts(&take, &told));
                (give, tell)
            })
            .collect();
        count(&mut chunks, &pairs, scanner, note)
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

/// Deals the parts out in turns, and takes what they tell in the same turns.
fn count(
    chunks: &mut Chunks<File>,
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
            note.cut += told.cut;
            scanner.lines_told(&told.told, &told.facts);
            counted += 1;
        }
    }
    result
}
