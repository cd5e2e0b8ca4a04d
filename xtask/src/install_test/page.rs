// SPDX-License-Identifier: MIT
//! The table in docs/measurements/platforms.md.

use std::fmt::Write as _;

use anyhow::Result;

use super::{Outcome, container};
use crate::marked;

const PAGE: &str = "docs/measurements/platforms.md";
const BEGIN: &str = "<!-- cargo xtask install-test --write renews this -->\n";

/// The table as Markdown.
pub(super) fn lines(outcomes: &[Outcome], container: &container::Traced) -> String {
    let mut text = "| root | its libc | started | traced exactly | degraded | .deb | .rpm |\n\
                    |---|---|---|---|---|---|---|\n"
        .to_owned();
    for outcome in outcomes {
        let files = |count: Option<usize>| match count {
            Some(count) => format!("{count} files installed, none left"),
            None => "not tried".to_owned(),
        };
        let degraded = degraded(&outcome.degraded);
        let packages = outcome.packages.as_ref();
        let _ = writeln!(
            text,
            "| Debian {} | {} | {} | {} of {} connections | {degraded} | {} | {} |",
            outcome.release.name,
            outcome.libc,
            outcome.started,
            outcome.traced,
            outcome.traced,
            files(packages.map(|files| files.deb)),
            files(packages.map(|files| files.rpm)),
        );
    }
    let _ = writeln!(
        text,
        "| the image, under crun | none | yes | {} of {} connections of another container | {} | | |",
        container.connections,
        container.connections,
        degraded(&container.degraded)
    );
    text
}

fn degraded(sentences: &[String]) -> String {
    match sentences {
        [] => "nothing".to_owned(),
        sentences => sentences.join("; "),
    }
}

/// Puts it in the place of the last one.
pub(super) fn write(lines: &str) -> Result<()> {
    marked::renew(PAGE, BEGIN, lines)
}
