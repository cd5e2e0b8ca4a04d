// SPDX-License-Identifier: MIT
//! What a person has to write of the manual: examples, and which exit codes a command has.

use crate::exit::Code;

/// A page, as far as it does not come from the command line's definition.
pub(crate) struct Page {
    /// The command; `zkchurn` alone is the trace.
    pub(crate) name: &'static str,
    /// How it may end.
    pub(crate) codes: &'static [Code],
    /// What people use it for, the most common first.
    pub(crate) examples: &'static [Example],
}

/// A command line and why one types it.
pub(crate) struct Example {
    /// What is typed.
    pub(crate) command: &'static str,
    /// What for.
    pub(crate) purpose: &'static str,
}

const fn example(command: &'static str, purpose: &'static str) -> Example {
    Example { command, purpose }
}

impl Page {
    /// The name of its file, without the section.
    pub(crate) fn file(&self) -> String {
        match self.name {
            "zkchurn" => self.name.to_owned(),
            name => format!("zkchurn-{name}"),
        }
    }
}

/// What a code means to whoever called zkchurn.
pub(crate) const fn meaning(code: Code) -> &'static str {
    match code {
        Success => {
            "The report was made; also when the reader of the output went away, as head does."
        }
        Failure => "Something failed that has no code of its own; standard error says what.",
        Usage => "Wrong usage: an unknown option, or a value that is not accepted.",
        NotPermitted => {
            "A privilege is missing. The message and zkchurn doctor say which, and how to get it."
        }
        Unsupported => "The kernel lacks a feature that tracing needs.",
        Damaged => {
            "A recording or a gzip file is damaged, or reading it was stopped. The report \
             covers what was read."
        }
        Unreadable => "A file cannot be read.",
        Unwritable => "A file cannot be written. The trace is reported all the same.",
        NotUnderstood => {
            "A file is not the log of a ZooKeeper server, its layout is not understood, or no line \
             is between --since and --until; or two recordings have nothing to compare. The report \
             says which."
        }
        NotAsExpected => "No finding is as --expect says; standard error says what was found.",
        Changed => "Something has changed as --fail-on says; standard error says what.",
    }
}

use Code::{
    Changed, Damaged, Failure, NotAsExpected, NotPermitted, NotUnderstood, Success, Unreadable,
    Unsupported, Unwritable, Usage,
};

/// All pages: the trace, then the commands in the order of the help text.
pub(crate) const PAGES: [Page; 10] = [
    Page {
        name: "zkchurn",
        codes: &[
            Success,
            Failure,
            Usage,
            NotPermitted,
            Unsupported,
            Damaged,
            Unreadable,
            Unwritable,
            NotUnderstood,
        ],
        examples: &[
            example(
                "sudo zkchurn",
                "Trace port 2181 until Ctrl-C. Run it on the host of the client, while it churns; a \
                 minute is enough as a rule.",
            ),
            example(
                "sudo zkchurn --port 2181,4181 --duration 60s",
                "Trace two ports for a minute.",
            ),
            example(
                "sudo zkchurn --side server --duration 60s",
                "On the ZooKeeper host: which addresses connect, how often and how their \
                 connections end.",
            ),
            example(
                "sudo zkchurn --jvm dump --handshake --duration 60s",
                "Everything it can find out: a thread dump of a JVM that churns, and which \
                 sessions are asked for and granted.",
            ),
            example(
                "sudo zkchurn --duration 60s --format markdown > ticket.md",
                "The report to paste into a ticket.",
            ),
            example(
                "sudo zkchurn --duration 10m --record incident.zkchurn",
                "Keep the raw records, to report on them elsewhere with zkchurn replay.",
            ),
        ],
    },
    Page {
        name: "timewait",
        codes: &[
            Success,
            Failure,
            Usage,
            NotPermitted,
            Unsupported,
            Unwritable,
        ],
        examples: &[
            example(
                "sudo zkchurn timewait --watch 30s",
                "Who owned the TIME_WAIT sockets. The kernel forgets the owner as a connection \
                 ends, so zkchurn has to watch for a while: sockets that were there before it \
                 started have no owner.",
            ),
            example(
                "sudo zkchurn timewait --watch 30s --rows",
                "The same, with a line for each socket.",
            ),
        ],
    },
    Page {
        name: "live",
        codes: &[Success, Failure, Usage, Damaged, Unreadable],
        examples: &[
            example(
                "zkchurn live incident.zkchurn",
                "Look at a recording on the whole screen: the answer, who churns, and with Enter \
                 threads, connections, stacks and log lines; ? shows the keys.",
            ),
            example(
                "zkchurn live incident.zkchurn --details",
                "The same; q then prints the evidence, tables and processes above the answer.",
            ),
        ],
    },
    Page {
        name: "agent",
        codes: &[
            Success,
            Failure,
            Usage,
            NotPermitted,
            Unsupported,
            Unreadable,
            Unwritable,
        ],
        examples: &[
            example(
                "sudo zkchurn agent --directory /var/lib/zkchurn",
                "Trace port 2181 for weeks, and keep the last 24 h, 256 MiB at most.",
            ),
            example(
                "zkchurn agent --check --config agent.toml",
                "Whether its settings are right, and what they come to. A line that is wrong is \
                 named.",
            ),
        ],
    },
    Page {
        name: "replay",
        codes: &[
            Success,
            Failure,
            Usage,
            Damaged,
            Unreadable,
            Unwritable,
            NotAsExpected,
        ],
        examples: &[
            example(
                "zkchurn replay incident.zkchurn",
                "The report of the trace that wrote the recording, on any host and without \
                 privileges.",
            ),
            example(
                "zkchurn replay incident.zkchurn --since 10m --until 21:15",
                "Only a part of it, as if tracing had begun and ended there: a duration counts back \
                 from the end of the recording.",
            ),
            example(
                "zkchurn replay /var/lib/zkchurn --since 1h",
                "The last hour of a directory of segments, which are read as one recording.",
            ),
            example(
                "zkchurn replay incident.zkchurn --details",
                "With the evidence of each finding, tables and what was seen of the processes.",
            ),
            example(
                "zkchurn replay incident.zkchurn --format json | jq 'select(.type == \"report\")'",
                "The report as one JSON object, for a program.",
            ),
            example(
                "zkchurn replay incident.zkchurn --expect 'finding=refused,confidence>=likely'",
                "The recording of an incident as a test: exit code 9 unless that is found.",
            ),
        ],
    },
    Page {
        name: "report",
        codes: &[
            Success,
            Failure,
            Usage,
            Damaged,
            Unreadable,
            Unwritable,
            NotAsExpected,
        ],
        examples: &[
            example(
                "zkchurn report incident.zkchurn -o incident.html",
                "One file with the answer, pictures and the evidence, for a browser and the \
                 ticket.",
            ),
            example(
                "zkchurn report incident.zkchurn -o incident.html -o incident.md",
                "The same as Markdown, too.",
            ),
            example(
                "zkchurn report app-1.zkchurn app-2.zkchurn -o incident.html",
                "Recordings of several hosts: which of them churn at the same time, and against whom.",
            ),
            example(
                "zkchurn report incident.zkchurn --redact -o incident.html",
                "For somebody outside: hosts, addresses, users, paths and command lines have other \
                 names. Read the quoted log lines before you pass it on.",
            ),
        ],
    },
    Page {
        name: "diff",
        codes: &[
            Success,
            Failure,
            Usage,
            Damaged,
            Unreadable,
            Unwritable,
            NotUnderstood,
            Changed,
        ],
        examples: &[
            example(
                "zkchurn diff incident.zkchurn today.zkchurn",
                "Whether the restart, or the new version, helped: the verdict first, then each \
                 program and its peer. Record both for as long as the churn's longest pause \
                 takes several times.",
            ),
            example(
                "zkchurn diff before.zkchurn after.zkchurn --fail-on worse",
                "In a pipeline: exit code 10 if something is new or worse.",
            ),
            example(
                "zkchurn diff before.zkchurn after.zkchurn -o change.html -o change.md",
                "For a browser, and for the ticket.",
            ),
        ],
    },
    Page {
        name: "serverlog",
        codes: &[
            Success,
            Failure,
            Usage,
            Damaged,
            Unreadable,
            Unwritable,
            NotUnderstood,
        ],
        examples: &[
            example(
                "zkchurn serverlog /var/log/zookeeper/zookeeper.log",
                "Which addresses churn, where nobody may trace the client's host.",
            ),
            example(
                "zkchurn serverlog zookeeper.log zookeeper.log.1.gz zookeeper.log.2.gz",
                "The same with rotated logs, in any order.",
            ),
        ],
    },
    Page {
        name: "doctor",
        codes: &[
            Success,
            Failure,
            Usage,
            NotPermitted,
            Unsupported,
            Unwritable,
        ],
        examples: &[
            example(
                "sudo zkchurn doctor",
                "Whether zkchurn can trace here, what will be unknown, and what to do about it.",
            ),
            example("zkchurn doctor", "Which privileges you lack without sudo."),
        ],
    },
    Page {
        name: "completions",
        codes: &[Success, Failure, Usage, Unwritable],
        examples: &[
            example(
                "zkchurn completions bash > /etc/bash_completion.d/zkchurn",
                "Complete options in bash, from the next shell on. The packages come with this.",
            ),
            example(
                "zkchurn completions fish > ~/.config/fish/completions/zkchurn.fish",
                "The same for your own fish.",
            ),
        ],
    },
];
