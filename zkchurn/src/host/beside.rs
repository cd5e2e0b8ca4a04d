// SPDX-License-Identifier: MIT
//! Two pieces of work at the same time, where the system grants a thread for it.

use std::thread;

use super::threads;

/// Does `here` in this thread and `there` in another one meanwhile; where no other is granted,
/// one after the other.
pub(crate) fn beside<A, B: Send>(here: impl FnOnce() -> A, there: impl Fn() -> B + Sync) -> (A, B) {
    thread::scope(|scope| {
        let other = threads::named("beside").spawn_scoped(scope, &there).ok();
        let done_here = here();
        // A thread that panics has printed why; its work is done again, and panics here.
        let done_there = other.and_then(|other| other.join().ok());
        (done_here, done_there.unwrap_or_else(&there))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn both_are_done_and_at_the_same_time() {
        let (to_there, from_here) = channel();
        let (to_here, from_there) = channel();
        let from_here = std::sync::Mutex::new(from_here);
        let (here, there) = beside(
            || {
                to_there.send(1).expect("there waits");
                from_there.recv().expect("there answers")
            },
            || {
                let sent: i32 = from_here.lock().expect("one thread").recv().expect("sent");
                to_here.send(sent + 1).expect("here waits");
                "done"
            },
        );
        assert_eq!((here, there), (2, "done"));
    }
}
