// SPDX-License-Identifier: MIT
//! The process behind a pid, as `/proc` described it.

mod app_server;
pub mod cgroup;
mod container_name;
pub mod java_name;
pub mod jvm;
mod place;
mod placement;
pub mod pod_name;
mod row;
pub mod script;
pub mod secret;
mod secret_names;

use serde::{Deserialize, Serialize};

use crate::connection::{Connection, Parent};

pub use placement::Placement;
pub use row::ProcessRow;

/// A process, so that a reused pid never inherits another's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProcessKey {
    /// Process id.
    pub pid: u32,
    /// Start of the process, nanoseconds since boot, down to the clock tick;
    /// 0 where the kernel does not tell.
    pub start_ns: u64,
}

/// `/proc` counts a process's start in ticks of `USER_HZ`, 100 a second on
/// every architecture that zkchurn runs on (include/asm-generic/param.h).
pub const TICK_NS: u64 = 10_000_000;

impl ProcessKey {
    /// Of a process that started another.
    pub fn of_parent(parent: Parent) -> Self {
        Self::new(parent.tgid, parent.start_ns)
    }

    /// The process `pid` that started `start_ns` after boot. The kernel program
    /// tells nanoseconds and `/proc` ticks: rounding down makes them one.
    pub fn new(pid: u32, start_ns: u64) -> Self {
        Self {
            pid,
            start_ns: start_ns - start_ns % TICK_NS,
        }
    }

    /// Whether the two can be one process: where a start is not known, the pid
    /// decides.
    pub fn may_be(self, other: Self) -> bool {
        let unknown = self.start_ns == 0 || other.start_ns == 0;
        self.pid == other.pid && (unknown || self.start_ns == other.start_ns)
    }

    /// The process that a connection belongs to: the opener's, of an older
    /// connection the holder's, or for an accepted connection nobody's.
    pub fn of(connection: &Connection) -> Option<Self> {
        let by_opener = connection.opener.map(|opener| {
            Self::new(
                opener.thread.tgid,
                opener.process_start_ns.unwrap_or_default(),
            )
        });
        by_opener.or_else(|| {
            let holder = connection.holder?;
            Some(Self::new(holder.tgid, holder.process_start_ns))
        })
    }
}

/// What could be learned of a process while it lived. All text is as the
/// process wrote it, invalid UTF-8 replaced: make it printable before it goes
/// to a terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessIdentity {
    #[serde(flatten)]
    pub key: ProcessKey,
    /// Name of the leader, up to 15 bytes.
    pub name: String,
    /// Path of the executable.
    pub executable: Option<String>,
    /// The command line's arguments with secrets hidden, cut where they exceed
    /// [`COMMAND_LIMIT`].
    pub command: Vec<String>,
    /// What runs inside, where the process is a JVM or another interpreter.
    pub application: Option<String>,
    /// Where it runs; `None` where that was not read, as by an earlier version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement: Option<Box<Placement>>,
}

/// What follows the last slash of a path, which need not exist here.
pub fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Bytes of a command line that are kept.
pub const COMMAND_LIMIT: usize = 4096;

impl ProcessIdentity {
    /// Builds the identity from what `/proc` says.
    pub fn new(
        key: ProcessKey,
        name: String,
        executable: Option<String>,
        command: Vec<String>,
    ) -> Self {
        let application = application(executable.as_deref(), &command);
        let mut kept = 0;
        let command = secret::without_secrets(command)
            .into_iter()
            .take_while(|argument| {
                kept += argument.len() + 1;
                kept <= COMMAND_LIMIT
            })
            .collect();
        Self {
            key,
            name,
            executable,
            command,
            application,
            placement: None,
        }
    }

    /// Hides what its names, and those of files, have in them that only its owner should know, as
    /// is done with command lines.
    pub fn hide_secrets(&mut self) {
        self.name = secret::hidden_in_comm(&self.name);
        let executable = self.executable.iter_mut();
        executable.for_each(|path| *path = secret::hidden_in_path(path));
        let application = self.application.iter_mut();
        application.for_each(|name| *name = secret::hidden_in_line(name));
        // An argument without a name before it is a path, and its sign another.
        let command = self.command.iter_mut();
        command.for_each(|argument| *argument = secret::hidden_in_path(argument));
    }

    /// Names the application as this version does: an earlier one may have recorded less.
    pub fn name_application(&mut self) {
        let Some(named) = application(self.executable.as_deref(), &self.command) else {
            return;
        };
        // The command line that is kept may have been cut.
        let recorded = self.application.as_ref();
        if !recorded.is_some_and(|recorded| recorded.starts_with(&named)) {
            self.application = Some(named);
        }
    }

    /// Whether the same process was another program when it was seen `earlier`: exec changes the
    /// program under a pid. One that changes its name or its command line stays what it is.
    pub fn is_another_program(&self, earlier: &Self) -> bool {
        match (self.program_file(), earlier.program_file()) {
            (Some(now), Some(then)) => now != then,
            _ => {
                let is_known = !self.command.is_empty() && !earlier.command.is_empty();
                is_known && self.command != earlier.command
            }
        }
    }

    /// The executable, which may have been replaced on disk meanwhile.
    fn program_file(&self) -> Option<&str> {
        let path = self.executable.as_deref()?;
        Some(path.strip_suffix(" (deleted)").unwrap_or(path))
    }

    /// `java (tomcat)`, `gunicorn (shop:app)`, or just the name.
    pub fn label(&self) -> String {
        let Some(application) = &self.application else {
            return self.name.clone();
        };
        let name = &self.name;
        match application.strip_prefix(name.as_str()) {
            Some("") => name.clone(),
            Some(rest) if rest.starts_with(' ') => format!("{name} ({})", rest.trim_start()),
            // The kernel cut the name of a script that runs by its first line.
            Some(_) if name.len() == COMM => application.clone(),
            _ => format!("{name} ({application})"),
        }
    }
}

/// Bytes that the kernel keeps of a task's name (`TASK_COMM_LEN`, less the final zero).
pub const COMM: usize = 15;

fn application(executable: Option<&str>, command: &[String]) -> Option<String> {
    jvm::application(executable, command).or_else(|| script::application(command))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labelled(name: &str, command: &str) -> String {
        let command = command.split_whitespace().map(str::to_owned).collect();
        let key = ProcessKey::new(1, 0);
        ProcessIdentity::new(key, name.to_owned(), None, command).label()
    }

    #[test]
    fn a_label_says_nothing_twice() {
        for (name, command, label) in [
            ("java", "java -jar shop.jar", "java (shop.jar)"),
            (
                "gunicorn",
                "python3 /bin/gunicorn shop:app",
                "gunicorn (shop:app)",
            ),
            (
                "python3",
                "python3 -m gunicorn shop:app",
                "python3 (gunicorn shop:app)",
            ),
            ("gunicorn", "python3 /bin/gunicorn", "gunicorn"),
            (
                "kazoo_requests.",
                "python3 /srv/kazoo_requests.py",
                "kazoo_requests.py",
            ),
            ("node", "node /srv/shop/index.js", "node (shop/index.js)"),
            ("nc", "nc -z zk 2181", "nc"),
        ] {
            assert_eq!(labelled(name, command), label, "{command}");
        }
    }

    #[test]
    fn exec_makes_another_program_and_a_new_name_does_not() {
        let seen = |name: &str, executable: Option<&str>, command: &str| {
            let command = command.split_whitespace().map(str::to_owned).collect();
            let executable = executable.map(str::to_owned);
            ProcessIdentity::new(ProcessKey::new(1, 0), name.to_owned(), executable, command)
        };
        let shell = seen("sh", Some("/bin/sh"), "sh -c start");
        for (now, is_another) in [
            (
                seen("java", Some("/jdk/bin/java"), "java -jar shop.jar"),
                true,
            ),
            (seen("idle", Some("/bin/sh (deleted)"), "sh: idle"), false),
            (seen("java", None, "java -jar shop.jar"), true),
            (seen("sh", None, "sh -c start"), false),
            (seen("sh", None, ""), false),
        ] {
            assert_eq!(now.is_another_program(&shell), is_another, "{now:?}");
        }
    }

    #[test]
    fn what_was_recorded_by_less_is_named_again_and_nothing_is_lost() {
        let named = |recorded: &str, command: &str| {
            let command = command.split_whitespace().map(str::to_owned).collect();
            let key = ProcessKey::new(1, 0);
            let mut identity = ProcessIdentity::new(key, "java".to_owned(), None, command);
            identity.application = Some(recorded.to_owned());
            identity.name_application();
            identity.application
        };
        let tomcat = "java -Dcatalina.base=/srv/shop/tomcat org.apache.catalina.startup.Bootstrap";
        assert_eq!(named("tomcat", tomcat).as_deref(), Some("tomcat shop"));
        // Cut behind its options.
        assert_eq!(named("Main", "java -cp lib").as_deref(), Some("Main"));
        let cut = "python3 /bin/gunicorn";
        assert_eq!(
            named("gunicorn shop:app", cut).as_deref(),
            Some("gunicorn shop:app")
        );
    }
}
