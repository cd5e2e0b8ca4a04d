// SPDX-License-Identifier: MIT
//! Which script an interpreter runs, told from its command line.

use super::file_name;

/// An interpreter, by how its name begins: `python3.11` is a `python`.
struct Interpreter {
    name: &'static str,
    /// Short options whose value is the next argument.
    with_value: &'static [&'static str],
    /// The option whose value names a module to run.
    module: Option<&'static str>,
    /// Options after which comes a program's text instead of its file.
    text: &'static [&'static str],
}

/// The interpreters' own `--help`.
const INTERPRETERS: [Interpreter; 6] = [
    Interpreter {
        name: "python",
        with_value: &["-W", "-X", "--check-hash-based-pycs"],
        module: Some("-m"),
        text: &["-c", "-"],
    },
    Interpreter {
        name: "node",
        with_value: &["-r", "--require", "--import", "-C", "--conditions"],
        module: None,
        text: &["-e", "--eval", "-p", "--print", "-"],
    },
    Interpreter {
        name: "ruby",
        with_value: &["-I", "-r", "-C", "-E"],
        module: None,
        text: &["-e", "-"],
    },
    Interpreter {
        name: "perl",
        with_value: &["-I"],
        module: None,
        text: &["-e", "-E", "-"],
    },
    Interpreter {
        name: "bash",
        with_value: &["-o", "-O", "+O", "--rcfile", "--init-file"],
        module: None,
        text: &["-c", "-s"],
    },
    Interpreter {
        name: "sh",
        with_value: &["-o"],
        module: None,
        text: &["-c", "-s"],
    },
];

/// The name of the script's file or of its module; `None` when the process is
/// no interpreter or runs a text of its command line.
pub fn application(command: &[String]) -> Option<String> {
    let (launcher, arguments) = command.split_first()?;
    let launcher = file_name(launcher);
    let interpreter = INTERPRETERS.iter().find(|one| is(one.name, launcher))?;
    let mut arguments = arguments.iter().map(String::as_str);
    while let Some(argument) = arguments.next() {
        if interpreter.text.contains(&argument) {
            return None;
        }
        if interpreter.module == Some(argument) {
            return arguments.next().map(str::to_owned);
        }
        if interpreter.with_value.contains(&argument) {
            arguments.next();
        } else if !argument.starts_with('-') {
            return Some(file_name(argument).to_owned());
        }
    }
    None
}

/// `python3.11` and `python` are python, `pythonista` is not.
fn is(name: &str, launcher: &str) -> bool {
    let version = |byte: u8| byte.is_ascii_digit() || byte == b'.';
    launcher
        .strip_prefix(name)
        .is_some_and(|rest| rest.bytes().all(version))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(command: &str) -> Option<String> {
        let words: Vec<_> = command.split_whitespace().map(str::to_owned).collect();
        application(&words)
    }

    #[test]
    fn a_script_is_named_by_its_file_or_module() {
        for (command, name) in [
            (
                "/usr/bin/python3.11 -u -W ignore /srv/app/worker.py --x",
                "worker.py",
            ),
            ("python3 -m gunicorn app:main", "gunicorn"),
            ("bash -e /opt/probe.sh", "probe.sh"),
            ("node --require trace server.js", "server.js"),
            ("/bin/sh /usr/share/zookeeper/bin/zkCli.sh", "zkCli.sh"),
        ] {
            assert_eq!(of(command).as_deref(), Some(name), "{command}");
        }
    }

    #[test]
    fn a_text_on_the_command_line_has_no_name() {
        for command in [
            "python3 -c import",
            "bash -c exec",
            "perl -e 1",
            "python3",
            "python3 -m",
            "bashful script",
            "/usr/bin/ssh host",
            "",
        ] {
            assert_eq!(of(command), None, "{command}");
        }
    }
}
