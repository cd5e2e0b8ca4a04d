// SPDX-License-Identifier: MIT
//! The command by which an operator takes the same thread dump.

/// Lines that `grep` shows after the header of the thread.
const LINES: u32 = 40;

/// What the command depends on.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Process id on this host.
    pub pid: u32,
    /// Process id as the JVM sees it.
    pub inner_pid: u32,
    /// Whether it lives in another pid namespace: in a container.
    pub in_pid_namespace: bool,
    /// Its effective user: the attach mechanism answers to no other (before
    /// JDK 10 not even to root).
    pub uid: u32,
    /// Its effective group.
    pub gid: u32,
    /// The name of the user on this host, where it has one whose primary group
    /// is `gid`.
    pub user: Option<&'a str>,
    /// Where the container has `jstack`.
    pub tool: Option<&'a str>,
    /// The thread to show, as the JVM sees it.
    pub inner_tid: Option<u32>,
}

/// The command, ready for a shell.
pub fn command(target: &Target<'_>) -> String {
    let Target {
        pid,
        inner_pid,
        uid,
        gid,
        ..
    } = target;
    let dump = if target.in_pid_namespace {
        // The name of the user may mean another one inside, the numbers do not.
        let tool = target
            .tool
            .filter(|path| is_plain(path))
            .unwrap_or("jstack");
        format!(
            "sudo nsenter --target {pid} --mount --pid --net --setuid {uid} --setgid {gid} \
             {tool} {inner_pid}"
        )
    } else {
        match target.user.filter(|name| is_plain(name)) {
            Some(name) => format!("sudo -u {name} jstack {pid}"),
            None => format!("sudo -u '#{uid}' -g '#{gid}' jstack {pid}"),
        }
    };
    match target.inner_tid {
        Some(tid) => format!("{dump} | {}", filter(tid)),
        None => dump,
    }
}

/// Finds a thread by its `nid`: hexadecimal up to JDK 17, then decimal.
fn filter(tid: u32) -> String {
    format!(r"grep -A {LINES} -E 'nid=({tid:#x}|{tid})[^0-9a-f]|\[{tid}\]'")
}

/// Whether a shell takes this word as it is: paths and names come from the
/// process's side.
fn is_plain(word: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    !word.is_empty() && !word.starts_with('-') && word.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: Target<'_> = Target {
        pid: 4242,
        inner_pid: 4242,
        in_pid_namespace: false,
        uid: 1000,
        gid: 1001,
        user: Some("tomcat"),
        tool: None,
        inner_tid: Some(4310),
    };

    #[test]
    fn on_the_host_it_runs_as_the_user() {
        assert_eq!(
            command(&HOST),
            r"sudo -u tomcat jstack 4242 | grep -A 40 -E 'nid=(0x10d6|4310)[^0-9a-f]|\[4310\]'"
        );
        // A word that begins with # is a comment to a shell.
        let unnamed = Target {
            user: None,
            inner_tid: None,
            ..HOST
        };
        assert_eq!(command(&unnamed), "sudo -u '#1000' -g '#1001' jstack 4242");
    }

    #[test]
    fn in_a_container_it_enters_its_namespaces() {
        let inside = Target {
            inner_pid: 7,
            in_pid_namespace: true,
            tool: Some("/opt/java/openjdk/bin/jstack"),
            inner_tid: None,
            ..HOST
        };
        assert_eq!(
            command(&inside),
            "sudo nsenter --target 4242 --mount --pid --net --setuid 1000 --setgid 1001 \
             /opt/java/openjdk/bin/jstack 7"
        );
    }

    #[test]
    fn words_that_a_shell_would_act_on_are_not_used() {
        for evil in ["$(id)", "a b", "a;b", "-u", "", "a\nb", "a'b"] {
            let host = Target {
                user: Some(evil),
                ..HOST
            };
            assert!(command(&host).starts_with("sudo -u '#1000' -g"), "{evil}");
            let inside = Target {
                tool: Some(evil),
                in_pid_namespace: true,
                ..HOST
            };
            assert!(command(&inside).contains(" jstack 4242 |"), "{evil}");
        }
    }
}
