// SPDX-License-Identifier: MIT
//! Two traces side by side.

use std::io::{self, Write};

use super::{Page, wrap::wrapped};
use crate::{
    diff::{Class, Diff, FamilyChange},
    render::{
        Options,
        words::diff::{SHOWN, class_of, finding, left_out, numbers, trace},
    },
    text::printable,
};

/// Columns of the class, with a blank behind it.
const CLASS: usize = 13;

/// Writes the comparison: the verdict first.
///
/// # Errors
///
/// What the output fails with.
pub(super) fn write(to: &mut dyn Write, diff: &Diff, options: &Options) -> io::Result<()> {
    let page = &Page::of(options);
    for line in wrapped("", &diff.verdict, page.columns) {
        writeln!(to, "{}", page.style.bold(&line))?;
    }
    for note in &diff.notes {
        warning(to, note, page)?;
    }
    writeln!(to)?;
    for family in diff.families.iter().take(SHOWN) {
        write_family(to, family, page)?;
    }
    for line in left_out(diff) {
        writeln!(to, "{line}")?;
    }
    for change in &diff.findings {
        let name = format!("finding {}: ", class_of(change));
        lines(to, &name, &finding(change), page)?;
    }
    if !diff.families.is_empty() || !diff.findings.is_empty() {
        writeln!(to)?;
    }
    lines(to, "before: ", &trace(&diff.before, &page.zone), page)?;
    lines(to, "after:  ", &trace(&diff.after, &page.zone), page)
}

fn write_family(to: &mut dyn Write, family: &FamilyChange, page: &Page) -> io::Result<()> {
    let class = format!("{:CLASS$}", family.class.words());
    let program = printable(family.program.as_bytes());
    let whose = format!("{program} -> {}", family.peer);
    for (index, line) in wrapped(&class, &whose, page.columns).iter().enumerate() {
        match (index, family.class) {
            (0, Class::New | Class::Worse) => writeln!(to, "{}", page.style.warn(line))?,
            (0, _) => writeln!(to, "{}", page.style.bold(line))?,
            _ => writeln!(to, "{line}")?,
        }
    }
    let indent = " ".repeat(CLASS);
    if !family.why.is_empty() {
        lines(to, &indent, &family.why, page)?;
    }
    lines(to, &indent, &numbers(family), page)
}

fn warning(to: &mut dyn Write, words: &str, page: &Page) -> io::Result<()> {
    for line in wrapped("note: ", words, page.columns) {
        writeln!(to, "{}", page.style.warn(&line))?;
    }
    Ok(())
}

fn lines(to: &mut dyn Write, name: &str, words: &str, page: &Page) -> io::Result<()> {
    for line in wrapped(name, words, page.columns) {
        writeln!(to, "{line}")?;
    }
    Ok(())
}
