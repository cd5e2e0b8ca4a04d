// SPDX-License-Identifier: MIT
//! Parts of pages that verbs write anew, between two marks.

use std::fs;

use anyhow::{Context, Result};

use crate::workspace;

const END: &str = "<!-- end -->\n";

/// Puts lines in the place of those between the first mark, which has its end of line, and the
/// last. The page is a path from the repository's root.
///
/// # Errors
///
/// The page or a mark is not there.
pub(crate) fn renew(page: &str, begin: &str, lines: &str) -> Result<()> {
    let file = workspace::root().join(page);
    let text = fs::read_to_string(&file).with_context(|| format!("no {page}"))?;
    let text = renewed(&text, begin, lines).with_context(|| format!("{page} lacks its marks"))?;
    fs::write(&file, text).with_context(|| format!("cannot write {page}"))
}

fn renewed(text: &str, begin: &str, lines: &str) -> Option<String> {
    let (before, rest) = text.split_once(begin)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{begin}\n{lines}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_between_the_marks_is_replaced_and_nothing_else() {
        let begin = "<!-- begin -->\n";
        let text = format!("above\n{begin}\nold\n\n{END}below\n");
        let new = renewed(&text, begin, "new\n");
        assert_eq!(new, Some(format!("above\n{begin}\nnew\n\n{END}below\n")));
        assert_eq!(renewed("no marks", begin, "new"), None);
    }
}
