// SPDX-License-Identifier: MIT
//! Tests that do not run on some kernels, each with its reason.

use super::kernels::Kernel;

/// What each kernel has to do the same: what is recorded of a connection, by
/// which hook, and whose it is; and that nothing stays in the table.
const MATRIX: [&str; 7] = [
    "closing::",
    "fallback::",
    "filters::",
    "handshake::messages::",
    "own_log::",
    "stays_open::",
    "threads::",
];

const NOT_OF_THE_MATRIX: &str = "not of the matrix, too slow under emulation: these run on \
     the suite's own kernel (`--all-tests` runs them here too)";

/// With the classic tracepoint alone. That it is used, and that the rest is
/// said to be unknown, is what the tests in `WITHOUT_BTF` check.
const WITHOUT_BTF: [&str; 1] = ["fallback::without_btf"];

/// What a kernel before some version lacks, and the tests that ask for it.
struct Lack {
    lacks: fn(&Kernel) -> bool,
    tests: &'static [&'static str],
    reason: &'static str,
}

const LACKS: [Lack; 8] = [
    Lack {
        lacks: |kernel| kernel.hide_btf,
        tests: &[""],
        reason: "asks for what is known with BTF only",
    },
    Lack {
        lacks: |_| true,
        tests: &["journal::"],
        reason: "calls journald and journalctl, which no guest has; these run on the suite's own \
             kernel",
    },
    Lack {
        lacks: |_| true,
        tests: &["collector::real::"],
        reason: "sends to a collector from PyPI, which no guest has; these run on the suite's own \
             kernel",
    },
    Lack {
        lacks: |_| true,
        tests: &["agent::", "service::"],
        reason: "waits for minutes, which an emulator has to live through, for what the agent does \
             with records once it has them: the same on each kernel; these run on the suite's own",
    },
    // `bpf_get_socket_cookie` in tracing programs and `recursion_misses` in a
    // program's fdinfo; first bytes and older sockets are joined by the cookie.
    Lack {
        lacks: is_5_10,
        tests: &[
            "closing::the_incident_shut_down_by_its_thread_closed_later",
            "faults::hangs::a_process_whose_descriptors_hang",
            "faults::many_",
            "handshake::",
            "older::an_older_connection",
            "older::with_a_filter_on_the_process_a_socket",
            "stays_open::under_churn",
            "threads::every_connection_has_its_own_threads_tid_and_name",
        ],
        reason: "asks for a socket's cookie or for `recursion_misses`, which the kernel reports \
             since 5.12; a trace says that they are unknown",
    },
    Lack {
        lacks: is_5_10,
        tests: &[
            "faults::container::with_",
            "faults::hidepid::",
            "privilege::dropped::a_user",
            "privilege::granted::cap_net_admin",
            "privilege::granted::two_",
        ],
        reason: "has no privilege but two capabilities; before 5.11 the limit of locked memory \
             has to be lifted, too, and zkchurn says so",
    },
    Lack {
        lacks: is_5_10,
        tests: &["life::mptcp::"],
        reason: "opens MPTCP sockets, which Debian's 5.10 does not have",
    },
    Lack {
        lacks: is_5_10,
        tests: &["privilege::dropped::"],
        reason: "expects CAP_BPF to be given up, which reading a map takes before 6.0",
    },
];

fn is_5_10(kernel: &Kernel) -> bool {
    kernel.series == "5.10"
}

/// The tests of one boot.
pub(crate) struct Chosen {
    /// Names of those that run.
    pub run: Vec<String>,
    /// Those that do not, with the reason.
    pub left_out: Vec<(String, &'static str)>,
}

/// Chooses the tests for a kernel: of the matrix, or of all, those whose name
/// holds one of `only`.
pub(crate) fn choose(names: &[String], kernel: &Kernel, all: bool, only: &[String]) -> Chosen {
    let mut chosen = Chosen {
        run: Vec::new(),
        left_out: Vec::new(),
    };
    for name in names {
        match reason(name, kernel, all) {
            Some(reason) => chosen.leave_out(name, reason),
            None if only.is_empty() || only.iter().any(|word| name.contains(word)) => {
                chosen.run.push(name.clone());
            }
            None => chosen.leave_out(name, "not asked for"),
        }
    }
    chosen
}

impl Chosen {
    fn leave_out(&mut self, name: &str, reason: &'static str) {
        self.left_out.push((name.to_owned(), reason));
    }
}

fn reason(name: &str, kernel: &Kernel, all: bool) -> Option<&'static str> {
    let is_of = |beginnings: &[&str]| beginnings.iter().any(|begins| name.starts_with(begins));
    if !all && !is_of(&MATRIX) {
        return Some(NOT_OF_THE_MATRIX);
    }
    if kernel.hide_btf && is_of(&WITHOUT_BTF) {
        return None;
    }
    let mut lacks = LACKS.iter().filter(|lack| (lack.lacks)(kernel));
    lacks.find(|lack| is_of(lack.tests)).map(|lack| lack.reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel_test::kernels::named;

    fn chosen(kernel: &str, all: bool, only: &[&str]) -> Chosen {
        let names = ["closing::a", "fallback::without_btf_b", "faults::c"].map(str::to_owned);
        let only: Vec<_> = only.iter().map(|&word| word.to_owned()).collect();
        let kernel = named(&[kernel.to_owned()]).expect("a kernel")[0];
        choose(&names, kernel, all, &only)
    }

    #[test]
    fn every_test_runs_or_is_left_out_with_a_reason() {
        let chosen = chosen("6.1", false, &[]);
        assert_eq!(chosen.run, ["closing::a", "fallback::without_btf_b"]);
        assert_eq!(
            chosen.left_out,
            [("faults::c".to_owned(), NOT_OF_THE_MATRIX)]
        );
    }

    #[test]
    fn without_btf_only_what_needs_none_runs() {
        let chosen = chosen("6.1-rt-without-btf", true, &[]);
        assert_eq!(chosen.run, ["fallback::without_btf_b"]);
        assert_eq!(chosen.left_out.len(), 2);
    }

    #[test]
    fn what_was_not_asked_for_is_left_out_too() {
        let chosen = chosen("6.1", true, &["faults"]);
        assert_eq!(chosen.run, ["faults::c"]);
        assert_eq!(chosen.left_out.len(), 2);
    }
}
