// SPDX-License-Identifier: MIT
//! Java thread names against the names of their tasks.
//!
//! HotSpot gives a task the name of its Java thread, which Linux limits to 15
//! bytes (`TASK_COMM_LEN`). HotSpot's `os_linux.cpp`, `set_native_thread_name`,
//! cut the end off; since JDK-8368124 it cuts the middle out.

use super::COMM;

/// Bytes that JDK-8368124 keeps of a long name's begin and end, and what it
/// puts between.
const HEAD: usize = 7;
const BETWEEN: &[u8] = b"..";
const TAIL: usize = 6;

/// What `ClientCnxn.SendThread` ends its thread's name with: the creator's
/// name comes before it (ZooKeeper: `ClientCnxn.makeThreadName`).
const SEND_THREAD: &[u8] = b"-SendThread(";

/// Whether a task's name is what a JVM makes of this full Java name.
pub fn agrees(comm: &[u8], name: &[u8]) -> bool {
    if name.len() <= COMM {
        return comm == name;
    }
    comm == &name[..COMM] || comm == middle_cut(name)
}

/// Whether a task's name may be the begin of a longer one.
pub fn may_be_cut(comm: &[u8]) -> bool {
    comm.len() == COMM && !is_middle_cut(comm)
}

/// Whether it shows that its middle was cut out.
fn is_middle_cut(comm: &[u8]) -> bool {
    comm.len() == COMM && &comm[HEAD..HEAD + BETWEEN.len()] == BETWEEN
}

fn middle_cut(name: &[u8]) -> Vec<u8> {
    [&name[..HEAD], BETWEEN, &name[name.len() - TAIL..]].concat()
}

/// Whether a task's name may be that of a ZooKeeper `SendThread`.
///
/// With the end cut off, at least `-Send` must have stayed; with the middle cut
/// out, the end must be that of `(host:port)`. A creator with a long name hides
/// the thread in the first style.
pub fn may_be_send_thread(comm: &[u8]) -> bool {
    shows_begin_of_send_thread(comm) || shows_end_of_send_thread(comm)
}

fn shows_begin_of_send_thread(comm: &[u8]) -> bool {
    let Some(at) = comm.windows(5).position(|part| part == b"-Send") else {
        return false;
    };
    let rest = &comm[at..];
    // A name below the limit was not cut: it must hold all of it.
    rest.starts_with(SEND_THREAD) || comm.len() == COMM && SEND_THREAD.starts_with(rest)
}

/// `main-Se..:2181)`, `main-Se..12181)`: a port of four digits shows its colon,
/// one of five digits does not.
fn shows_end_of_send_thread(comm: &[u8]) -> bool {
    if !is_middle_cut(comm) {
        return false;
    }
    let Some(end) = comm[COMM - TAIL..].strip_suffix(b")") else {
        return false;
    };
    let digits = end.iter().rev().take_while(|byte| byte.is_ascii_digit());
    let before = &end[..end.len() - digits.count()];
    before.is_empty() || before.ends_with(b":") && before.len() < end.len()
}

/// The server in `SendThread(HOST:PORT)`, as `ClientCnxn.SendThread` names itself with each connect:
/// host and port.
pub fn server_of_send_thread(text: &str) -> Option<(&str, u16)> {
    let (_, server) = text.split_once("SendThread(")?;
    let (server, _) = server.split_once(')')?;
    let (host, port) = server.rsplit_once(':')?;
    Some((host.trim_matches(['[', ']']), port.parse().ok()?))
}

/// Whether a JVM sets no names: every task is called like the leader.
/// `comms` are the names of all tasks, the leader's among them.
pub fn are_unset<'a>(leader: &[u8], comms: impl IntoIterator<Item = &'a [u8]>) -> bool {
    let mut tasks = 0;
    comms.into_iter().all(|comm| {
        tasks += 1;
        comm == leader
    }) && tasks > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &[u8] = b"main-SendThread(zk1:2181)";

    #[test]
    fn both_styles_of_cutting_agree() {
        assert!(agrees(b"main-SendThread", NAME));
        assert!(agrees(b"main-Se..:2181)", NAME));
        assert!(!agrees(b"main-SendThrea", NAME));
        assert!(!agrees(b"main-Se..:2182)", NAME));
        assert!(agrees(b"short", b"short"));
        assert!(!agrees(b"shor", b"short"));
        assert!(agrees(b"exactly-fifteen", b"exactly-fifteen"));
        assert!(!agrees(b"java", NAME));
    }

    #[test]
    fn a_cut_inside_of_a_character_agrees() {
        let name = "fourteen-bytesé-and-more".as_bytes();
        assert!(agrees(&name[..15], name));
    }

    #[test]
    fn send_threads_are_told_in_both_styles() {
        for comm in [
            &b"main-SendThread"[..],
            b"pool-1-SendThre",
            b"longer-na1-Send",
            b"a-SendThread(x)",
            b"main-Se..:2181)",
            b"main-Se..12181)",
            b"creator..:2181)",
            b"http-ni..:2181)",
        ] {
            assert!(may_be_send_thread(comm), "{}", comm.escape_ascii());
        }
    }

    #[test]
    fn others_are_not_taken_for_send_threads() {
        for comm in [
            &b"java"[..],
            b"main-EventThrea",
            b"my-Sender",
            b"x-Send",
            b"longer-nam-Send\0",
            b"longer-nam-Sen",
            b"main-Se..Thread",
            b"http-ni..exec-1",
            b"thing-1..f[12])",
            b"main-Se..host:)",
            b"C2 Comp..hread0",
            b"",
        ] {
            assert!(!may_be_send_thread(comm), "{}", comm.escape_ascii());
        }
    }

    #[test]
    fn a_jvm_that_sets_no_names_is_told() {
        let same: [&[u8]; 3] = [b"java", b"java", b"java"];
        assert!(are_unset(b"java", same));
        let named: [&[u8]; 2] = [b"java", b"main-SendThread"];
        assert!(!are_unset(b"java", named));
        // One task alone tells nothing.
        let alone: [&[u8]; 1] = [b"java"];
        assert!(!are_unset(b"java", alone));
    }
}
