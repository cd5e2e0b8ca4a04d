// SPDX-License-Identifier: MIT
//! Whether an agent could hand out its counts here, as its settings want it.

use std::{
    io::ErrorKind,
    net::{SocketAddr, TcpListener},
    path::Path,
};

use super::{printable, settings::AgentSettings};
use crate::host::{metrics_file, takes_files};

/// Says which setting cannot be done, and the fix.
pub(super) fn unusable(settings: &AgentSettings) -> Option<String> {
    let file = settings.prom_file.as_deref().and_then(unusable_file);
    file.or_else(|| settings.listen.and_then(unusable_address))
}

fn unusable_file(path: &Path) -> Option<String> {
    let Some(error) = metrics_file::cannot_be_opened(path) else {
        let directory = path.parent().filter(|above| *above != Path::new(""));
        let why = takes_files::why_none(directory.unwrap_or(Path::new(".")))?;
        return Some(format!(
            "`prom-file`: {} cannot be made: {why}",
            printable(path)
        ));
    };
    let fix = match error.kind() {
        ErrorKind::NotFound => " (fix: make its directory)",
        ErrorKind::AlreadyExists => " (fix: name another file; zkchurn has not written this one)",
        // Root, as which the agent runs, may open it.
        ErrorKind::PermissionDenied => return None,
        _ => "",
    };
    Some(format!("`prom-file`: {}: {error}{fix}", printable(path)))
}

/// Whether the port is taken is no question: an agent that runs has it.
fn unusable_address(address: SocketAddr) -> Option<String> {
    let error = TcpListener::bind((address.ip(), 0)).err()?;
    (error.kind() == ErrorKind::AddrNotAvailable).then(|| {
        format!(
            "`listen`: {} is no address of this host (fix: one that `ip address` shows, such as \
             127.0.0.1)",
            address.ip()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_agent_would_refuse_is_named_with_its_setting() {
        let directory = tempfile::tempdir().unwrap();
        let inside = |name: &str| directory.path().join(name).display().to_string();
        std::fs::write(inside("notes.prom"), "of somebody").unwrap();
        let said = |text: String| unusable(&AgentSettings::of_text(&text).unwrap());
        for (text, expected) in [
            (format!("prom-file = '{}'", inside("x.prom")), None),
            (
                format!("prom-file = '{}'", inside("none/x.prom")),
                Some("make its directory"),
            ),
            (
                format!("prom-file = '{}'", inside("notes.prom")),
                Some("name another file"),
            ),
            (
                "prom-file = '/proc/x.prom'".to_owned(),
                Some("cannot be made: /proc is of the kernel's own file system proc"),
            ),
            ("listen = '127.0.0.1:9142'".to_owned(), None),
            (
                "listen = '192.0.2.77:9142'".to_owned(),
                Some("is no address of this host"),
            ),
        ] {
            let said = said(text.clone());
            match (expected, &said) {
                (None, None) => {}
                (Some(expected), Some(said)) if said.contains(expected) => {}
                _ => panic!("{text}: {said:?}"),
            }
        }
    }
}
