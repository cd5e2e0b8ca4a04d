// SPDX-License-Identifier: MIT
//! Variations of single lines and other short texts.

use zkchurn_core::{
    filter::Filter,
    handshake::{Direction, message::Message},
    inspection::own_words::OwnWords,
    process::{
        ProcessIdentity, ProcessKey, cgroup, java_name,
        secret::{hidden_in_line, without_secrets},
    },
    text,
};

use crate::{
    dice::Dice,
    line::{Line, check},
    samples,
    texts::altered,
};

/// Variations of each text.
const OF_EACH_TEXT: u64 = 1_000;

/// For each text a line of its variations, each told by `told`.
fn lines_of_texts(texts: &[&str], told: impl Fn(&str, &mut Dice) -> String) -> Vec<Line> {
    let all = texts.iter().enumerate();
    all.map(|(number, text)| {
        let mut line = Line::new(format!("{number}"), OF_EACH_TEXT);
        for turn in 0..OF_EACH_TEXT {
            let mut dice = Dice::new(6_000_000 + number as u64 * OF_EACH_TEXT + turn);
            let altered = match turn {
                0 => (*text).to_owned(),
                _ => altered(text, &mut dice),
            };
            let told = told(&altered, &mut dice);
            line.add_words(&(altered, told));
        }
        line
    })
    .collect()
}

#[test]
fn of_lines_of_clients() {
    let lines = lines_of_texts(&samples::CLIENT_LINES, |text, _| {
        let (words, fails) = (OwnWords::of(text), OwnWords::tells_of_failure(text));
        format!("{words:?} {fails} {}", hidden_in_line(text))
    });
    check("lines_of_clients", &lines);
}

#[test]
fn of_command_lines() {
    let lines = lines_of_texts(&samples::COMMANDS, |text, dice| {
        let command: Vec<_> = text.split('|').map(str::to_owned).collect();
        let hidden = without_secrets(command.clone());
        let name = command[0].rsplit('/').next().unwrap_or_default().to_owned();
        let executable = dice.one_in(2).then(|| command[0].clone());
        let mut identity = ProcessIdentity::new(ProcessKey::new(7, 0), name, executable, command);
        let label = identity.label();
        identity.name_application();
        format!("{hidden:?} {label} {identity:?} {}", hidden_in_line(text))
    });
    check("command_lines", &lines);
}

#[test]
fn of_filters() {
    let lines = lines_of_texts(&samples::FILTERS, |text, _| match text.parse::<Filter>() {
        Ok(filter) => format!("{filter:?}"),
        Err(error) => error.to_string(),
    });
    check("filters", &lines);
}

#[test]
fn of_cgroups_and_thread_names() {
    let lines = lines_of_texts(&samples::CGROUPS, |text, dice| {
        let found = cgroup::parse(text);
        let comm = &text.as_bytes()[..text.len().min(dice.below(17))];
        format!(
            "{found:?} {} {} {}",
            java_name::agrees(comm, text.as_bytes()),
            java_name::may_be_cut(comm),
            java_name::may_be_send_thread(comm),
        )
    });
    check("cgroups", &lines);
}

#[test]
fn of_first_bytes() {
    let lines = lines_of_texts(&samples::FIRST_BYTES, |text, _| {
        let bytes: Vec<_> = text
            .as_bytes()
            .chunks(2)
            .map(|pair| {
                let digits = str::from_utf8(pair).unwrap_or_default();
                u8::from_str_radix(digits, 16).unwrap_or(0xff)
            })
            .collect();
        let of = |direction| Message::of(direction, &bytes);
        format!("{:?} {:?}", of(Direction::Client), of(Direction::Server))
    });
    check("first_bytes", &lines);
}

/// Each number in words, at the borders where the words change and next to them.
#[test]
fn of_numbers() {
    let powers = (0..19).map(|power| 10_u64.pow(power));
    let borders = powers.flat_map(|one| {
        let of_one = [
            1, 2, 5, 15, 95, 995, 9_950, 9_995, 100, 600, 3_600, 24, 86_400, 50,
        ];
        of_one.map(|times| one.saturating_mul(times))
    });
    let mut line = Line::new("numbers", 8);
    let borders: Vec<_> = borders
        .flat_map(|border| [border - 1, border, border.saturating_add(1)])
        .collect();
    for some in borders.chunks(borders.len().div_ceil(8)) {
        let words: Vec<_> = some.iter().map(|number| in_words(*number)).collect();
        line.add_words(&words);
    }
    check("numbers", &[line]);
}

fn in_words(number: u64) -> String {
    let part = number as f64 / 1e6;
    [
        text::duration(number),
        text::window(number),
        text::count(number),
        text::rate(part),
        text::rate_of_any(part),
        text::rate_of_any(part / 86_400.0),
        text::share(part / 1e3),
        text::after(number % 4, Some(number), Some(number)),
        text::range(number, number.saturating_add(number % 2)),
        text::counted(number, "process"),
        text::counted_range(number / 2, number, "byte"),
    ]
    .join("; ")
}
