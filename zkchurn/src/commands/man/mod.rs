// SPDX-License-Identifier: MIT
//! `zkchurn man`: the manual, a page a command. Options come from the definition of the
//! command line; examples and exit codes are written by hand, in `pages.rs`.

mod pages;

use std::{
    collections::HashSet,
    io::{self, Write},
};

use clap::{Args, Command, builder::PossibleValuesParser};
use clap_mangen::{
    Man,
    roff::{Roff, bold, roman},
};

use self::pages::{PAGES, Page};
use crate::{
    exit::{Code, Failure},
    host::patient::Patient,
    version::DATE,
};

/// Options of the manual.
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// The page.
    #[arg(value_name = "PAGE", default_value = "zkchurn", value_parser = names())]
    pub(crate) page: String,
    /// Print the names of all pages instead, each with that of its file.
    #[arg(long)]
    pub(crate) list: bool,
}

fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(PAGES.iter().map(|page| page.name))
}

/// Prints a page on this command line in the form that `man -l` reads.
///
/// # Errors
///
/// The output cannot be written.
pub(crate) fn run(args: &ManArgs, line: Command) -> Result<Code, Failure> {
    if args.list {
        let mut stdout = Patient(io::stdout().lock());
        for page in &PAGES {
            writeln!(stdout, "{} {}.1", page.name, page.file())?;
        }
        return Ok(Code::Success);
    }
    let page = PAGES.iter().find(|page| page.name == args.page);
    let page = page.unwrap_or(&PAGES[0]);
    let mut stdout = Patient(io::stdout().lock());
    stdout.write_all(rendered(page, line)?.as_bytes())?;
    stdout.flush()?;
    Ok(Code::Success)
}

fn rendered(page: &Page, line: Command) -> io::Result<String> {
    let command = command_of(page, line);
    let is_whole = command.has_subcommands();
    let man = Man::new(command)
        .title(page.file().to_uppercase())
        .date(DATE)
        .manual("zkchurn")
        .source(concat!("zkchurn ", env!("CARGO_PKG_VERSION")));
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if is_whole {
        man.render_subcommands_section(&mut text)?;
    }
    let mut by_hand = exit_status(page);
    by_hand.extend([examples(page), see_also(page)]);
    by_hand.to_writer(&mut text)?;
    Ok(tidied(&String::from_utf8_lossy(&text)))
}

/// The same without what `mandoc -Tlint` warns of: the definition of a string once a section,
/// line breaks around an empty line, and blanks at the end of a line.
fn tidied(text: &str) -> String {
    let mut defined = HashSet::new();
    let lines = text.lines().map(str::trim_end);
    let lines = lines.filter(|line| !line.contains(".ds Aq ") || defined.insert(*line));
    let text: String = lines.flat_map(|line| [line, "\n"]).collect();
    text.replace("\n.br\n\n.br\n", "\n.sp\n")
}

/// The command of a page, without the help text that the page has as sections of its own.
fn command_of(page: &Page, line: Command) -> Command {
    let mut whole = line.after_help(None::<&str>).mut_args(one_line);
    whole.build();
    let found = whole.find_subcommand(page.name).cloned();
    found.unwrap_or(whole)
}

/// `-h` and `--help` say the same in a manual.
fn one_line(argument: clap::Arg) -> clap::Arg {
    argument.hide_short_help(false)
}

fn exit_status(page: &Page) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    for code in page.codes {
        roff.control("TP", []);
        roff.text([bold((*code as u8).to_string())]);
        roff.text([roman(pages::meaning(*code))]);
    }
    roff
}

fn examples(page: &Page) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["EXAMPLES"]);
    for example in page.examples {
        roff.control("TP", []);
        roff.text([bold(example.command)]);
        roff.text([roman(example.purpose)]);
    }
    roff
}

fn see_also(page: &Page) -> Roff {
    let others = PAGES.iter().filter(|other| other.name != page.name);
    let names: Vec<_> = others.map(|other| format!("{}(1)", other.file())).collect();
    let mut roff = Roff::new();
    roff.control("SH", ["SEE ALSO"]);
    roff.text([roman(names.join(", "))]);
    roff
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    fn text(page: &Page) -> String {
        rendered(page, Cli::command()).unwrap()
    }

    #[test]
    fn every_command_has_a_page_and_every_page_a_command() {
        let shown: Vec<_> = Cli::command()
            .get_subcommands()
            .filter(|command| !command.is_hide_set())
            .map(|command| command.get_name().to_owned())
            .collect();
        let pages: Vec<_> = PAGES[1..].iter().map(|page| page.name).collect();
        assert_eq!(pages, shown);
    }

    #[test]
    fn every_option_is_on_its_page() {
        for page in &PAGES {
            let text = text(page);
            for option in command_of(page, Cli::command()).get_arguments() {
                let Some(long) = option.get_long().filter(|_| !option.is_hide_set()) else {
                    continue;
                };
                let name = long.replace('-', r"\-");
                assert!(
                    text.contains(&format!(r"\-\-{name}")),
                    "{}: {long}",
                    page.name
                );
            }
        }
    }

    #[test]
    fn every_example_is_accepted_by_the_command_line() {
        for page in &PAGES {
            for example in page.examples {
                let command = example.command.split(" | ").next().unwrap_or_default();
                let command = command.split(" > ").next().unwrap_or_default();
                let words = command
                    .split_whitespace()
                    .skip_while(|word| *word != "zkchurn")
                    .map(|word| word.trim_matches('\''));
                let parsed = Cli::command().try_get_matches_from(words);
                assert!(parsed.is_ok(), "{command}: {}", parsed.unwrap_err());
                let begins = page.name == "zkchurn" || command.contains(page.name);
                assert!(begins, "{command} is not of {}", page.name);
            }
        }
    }

    #[test]
    fn a_page_has_the_sections_that_people_look_for() {
        for page in &PAGES {
            let text = text(page);
            for section in [
                "NAME",
                "SYNOPSIS",
                "DESCRIPTION",
                "OPTIONS",
                "EXIT STATUS",
                "EXAMPLES",
            ] {
                let heading = format!(".SH {section}\n");
                let quoted = format!(".SH \"{section}\"\n");
                let count = text.matches(&heading).count() + text.matches(&quoted).count();
                assert_eq!(count, 1, "{}: {section}\n{text}", page.name);
            }
        }
    }
}
