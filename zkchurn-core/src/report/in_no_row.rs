// SPDX-License-Identifier: MIT
//! Connections that no row and no finding has: who hides among many does so there.

use super::Report;
use crate::text;

/// How many, and how to see them, where there are any.
pub(crate) fn sentence(report: &Report) -> Option<String> {
    let row = report.aggregated_only.as_ref()?;
    let connections = match row.opened.saturating_add(row.opened_over_limit) {
        0 => return None,
        1 => "1 connection is".to_owned(),
        many => format!("{} connections are", text::count(many)),
    };
    Some(format!(
        "{connections} in no row and no finding, because more processes and servers connect than \
         can be told apart: --pid, --port or --filter looks at a part."
    ))
}
