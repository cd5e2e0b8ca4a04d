// SPDX-License-Identifier: MIT
//! Which script an interpreter runs, told from its command line.

use super::{app_server, file_name, place};

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

/// Whether a program runs scripts.
pub fn is_interpreter(program: &str) -> bool {
    INTERPRETERS.iter().any(|one| is(one.name, program))
}

/// What an interpreter runs: the script's file or its module, and the application where that
/// is a server of others' applications; `None` when the process is neither an interpreter
/// nor such a server, or runs a text of its command line.
pub fn application(command: &[String]) -> Option<String> {
    let title = title(command);
    let (launcher, arguments) = title.as_deref().unwrap_or(command).split_first()?;
    let launcher = file_name(launcher);
    let Some(interpreter) = INTERPRETERS.iter().find(|one| is(one.name, launcher)) else {
        return app_server::application(launcher, arguments);
    };
    let mut index = 0;
    while let Some(argument) = arguments.get(index) {
        let argument = argument.as_str();
        index += 1;
        if interpreter.text.contains(&argument) {
            return None;
        }
        if interpreter.module == Some(argument) {
            let module = arguments.get(index)?;
            return Some(of_script(module, &arguments[index + 1..]));
        }
        if interpreter.with_value.contains(&argument) {
            index += 1;
        } else if !argument.starts_with('-') {
            return Some(of_script(argument, &arguments[index..]));
        }
    }
    None
}

fn of_script(script: &str, arguments: &[String]) -> String {
    app_server::application(file_name(script), arguments)
        .unwrap_or_else(|| place::told_apart(script))
}

/// The words of a command line that the process has overwritten: then it is one text.
fn title(command: &[String]) -> Option<Vec<String>> {
    let mut words = command.iter().filter(|word| !word.is_empty());
    let (Some(text), None) = (words.next(), words.next()) else {
        return None;
    };
    let words = text.split_whitespace().map(str::to_owned);
    Some(words.collect())
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
                "app/worker.py",
            ),
            ("python3 -m shop.sync", "shop.sync"),
            ("python3 -m gunicorn app:main", "gunicorn app:main"),
            (
                "python3 /usr/bin/gunicorn -w 4 app:main",
                "gunicorn app:main",
            ),
            ("node /srv/shop/dist/index.js", "shop/dist/index.js"),
            ("bash -e /opt/probe.sh", "probe.sh"),
            ("node --require trace server.js", "server.js"),
            ("/bin/sh /usr/share/zookeeper/bin/zkCli.sh", "zkCli.sh"),
        ] {
            assert_eq!(of(command).as_deref(), Some(name), "{command}");
        }
    }

    #[test]
    fn a_title_in_place_of_the_command_line_is_read_alike() {
        let of = |title: &str| application(&[title.to_owned(), String::new()]);
        let app = of("gunicorn: worker [kz_app:app]");
        assert_eq!(app.as_deref(), Some("gunicorn kz_app:app"));
        let script = of("node /srv/shop/sync.js --once");
        assert_eq!(script.as_deref(), Some("sync.js"));
        assert_eq!(of("sshd: root@pts/0"), None);
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
