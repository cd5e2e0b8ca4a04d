// SPDX-License-Identifier: MIT
//! What `/proc` says of a process that chose its own names: parts of the input with 0xff
//! between them. Secrets of the command line stay hidden, and names are those of the input.
#![no_main]

use libfuzzer_sys::fuzz_target;
use zkchurn::host::proc::{mount_field, status::Status};
use zkchurn_core::process::{
    COMMAND_LIMIT, ProcessIdentity, ProcessKey, cgroup, java_name, pod_name, secret,
};

const HIDDEN: &str = "(hidden)";

fuzz_target!(|input: &[u8]| {
    let mut parts = input.split(|byte| *byte == 0xff);
    let mut next = || parts.next().unwrap_or_default();
    let (name, executable, command) = (text(next()), text(next()), next());
    let command: Vec<String> = command.split(|byte| *byte == 0).map(text).collect();
    identity(name, executable, command);
    membership(&text(next()));
    let _ = Status::parse(next());
    let _ = mount_field::unescape(next());
    pod(&text(next()), &text(next()));
    let _ = java_name::agrees(next(), input);
});

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn identity(name: String, executable: String, command: Vec<String>) {
    let hidden = secret::without_secrets(command.clone());
    assert_eq!(hidden.len(), command.len());
    assert_eq!(secret::without_secrets(hidden.clone()), hidden);
    for (argument, hidden) in command.iter().zip(&hidden) {
        let Some((name, _)) = argument.split_once('=') else {
            continue;
        };
        if name.to_ascii_lowercase().contains("password") {
            assert!(hidden.ends_with(HIDDEN), "{argument} is shown as {hidden}");
        }
    }
    let key = ProcessKey::new(1, 0);
    let mut identity = ProcessIdentity::new(key, name, Some(executable), command);
    let kept: usize = identity.command.iter().map(String::len).sum();
    assert!(kept <= COMMAND_LIMIT);
    let _ = identity.label();
    identity.name_application();
}

fn membership(text: &str) {
    let found = cgroup::parse(text);
    if let Some(unit) = &found.unit {
        assert!(text.contains(unit.as_str()), "{unit} of {text}");
        let _ = found.unit_of.unit(unit);
    }
    if let Some(pod) = &found.pod {
        let plain = |text: &str| text.replace('_', "-");
        assert!(plain(text).contains(pod.as_str()), "{pod} of {text}");
    }
}

fn pod(file: &str, id: &str) {
    let found = [
        pod_name::of_container_log(file, id),
        pod_name::of_pod_directory(file, id),
    ];
    for found in found.into_iter().flatten() {
        assert!(file.contains(&found.pod) && file.contains(&found.namespace));
        let _ = found.words();
    }
}
