// SPDX-License-Identifier: MIT
//! Other names, the same ones for the same things.

use super::odd_paths::OddPaths;
use crate::{hash::HashMap, process::file_name};

/// What a name names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Host,
    User,
    Path,
    /// A path whose last part says what runs.
    Program,
    Command,
    Unit,
    Container,
    Pod,
    Namespace,
    /// Of a host.
    Boot,
}

impl Kind {
    /// By the name of the field that holds it. A field that is not named here is prose.
    pub(super) fn of_key(key: &str) -> Option<Self> {
        Some(match key {
            "host" => Self::Host,
            "user" => Self::User,
            "cwd" | "catalina_base" | "path" => Self::Path,
            "executable" => Self::Program,
            "jstack" => Self::Command,
            "unit" => Self::Unit,
            "container" => Self::Container,
            "pod" => Self::Pod,
            "namespace" => Self::Namespace,
            _ => return None,
        })
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::User => "user",
            Self::Path | Self::Program => "path",
            Self::Command => "command",
            Self::Unit => "unit",
            Self::Container => "container",
            Self::Pod => "pod",
            Self::Namespace => "namespace",
            Self::Boot => "boot",
        }
    }

    /// Whether the name is looked for in prose. Paths are found by their slashes.
    const fn is_in_prose(self) -> bool {
        matches!(
            self,
            Self::Host | Self::User | Self::Unit | Self::Container | Self::Pod | Self::Namespace
        )
    }
}

/// Names that are remembered; further ones share one.
const MOST: usize = 50_000;
/// Names of more than a word that are looked for.
const MOST_ODD: usize = 200;
/// A shorter name is no longer looked for in prose: it is part of other words, or one itself.
const LEAST_IN_PROSE: usize = 3;
/// Names that say nothing about a house, and that mean something to a reader.
const COMMON: [&str; 8] = [
    "root",
    "zookeeper",
    "kafka",
    "tomcat",
    "java",
    "default",
    "localhost",
    "nobody",
];
/// Users that are called as any line may call something else: only a mark tells them.
const WORDS: [&str; 24] = [
    "admin",
    "agent",
    "app",
    "apps",
    "client",
    "connection",
    "daemon",
    "data",
    "http",
    "log",
    "mail",
    "main",
    "node",
    "ops",
    "proxy",
    "server",
    "service",
    "session",
    "system",
    "test",
    "user",
    "users",
    "web",
    "worker",
];

/// Which name stands for which.
#[derive(Debug, Default)]
pub(super) struct Names {
    known: HashMap<(Kind, String), String>,
    counts: HashMap<Kind, usize>,
    /// Those that prose is searched for, as words of it.
    in_prose: HashMap<String, String>,
    /// Likewise those of users, which are no parts of longer names.
    users_in_prose: HashMap<String, String>,
    /// Likewise those that are more than a word, the longest first.
    odd_in_prose: Vec<(String, String)>,
    /// Likewise paths that no word of prose can be told to be, for a blank or the like in them.
    pub(super) paths: OddPaths,
    /// What programs and threads are called, and what here once that has been said.
    programs: HashMap<String, Option<String>>,
}

impl Names {
    /// The name that stands for this one.
    pub(super) fn of(&mut self, kind: Kind, name: &str) -> String {
        if name.is_empty() || COMMON.contains(&name) {
            return name.to_owned();
        }
        match kind {
            Kind::Program => format!(
                "{}/{}",
                self.number(Kind::Path, folder(name)),
                file_name(name)
            ),
            Kind::Path => self.path(name),
            kind => self.number(kind, name),
        }
    }

    /// A path without what it says, but for its ending.
    pub(super) fn path(&mut self, path: &str) -> String {
        let ending = file_name(path).rsplit_once('.').map(|(_, ending)| ending);
        let ending = ending.filter(|ending| {
            ending.len() <= 4 && ending.chars().all(|one| one.is_ascii_alphabetic())
        });
        let ending = ending.map_or_else(String::new, |ending| format!(".{ending}"));
        format!("{}{ending}", self.number(Kind::Path, path))
    }

    fn number(&mut self, kind: Kind, name: &str) -> String {
        let key = (kind, name.to_owned());
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let slash = if kind == Kind::Path { "/" } else { "" };
        if self.known.len() >= MOST {
            return format!("{slash}{}-more", kind.word());
        }
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        let other = format!("{slash}{}-{count}", kind.word());
        self.known.insert(key, other.clone());
        other
    }

    /// Notes a name that prose may hold as well.
    pub(super) fn learn(&mut self, kind: Kind, name: &str) {
        let is_plain = name.len() < LEAST_IN_PROSE || COMMON.contains(&name);
        let is_user = kind == Kind::User;
        let is_plain = is_plain || is_user && (WORDS.contains(&name) || !has_letter(name));
        let in_prose = match is_user {
            true => &self.users_in_prose,
            false => &self.in_prose,
        };
        let is_known = in_prose.contains_key(name);
        if !kind.is_in_prose() || is_plain || is_known || self.known.len() >= MOST {
            return;
        }
        let other = self.of(kind, name);
        if name.chars().all(is_of_name) {
            let in_prose = match is_user {
                true => &mut self.users_in_prose,
                false => &mut self.in_prose,
            };
            in_prose.insert(name.to_owned(), other);
            return;
        }
        let is_known = self.odd_in_prose.iter().any(|(known, _)| known == name);
        if !is_known && self.odd_in_prose.len() < MOST_ODD {
            let place = self
                .odd_in_prose
                .partition_point(|(known, _)| known.len() >= name.len());
            self.odd_in_prose.insert(place, (name.to_owned(), other));
        }
    }

    /// The words of somebody with the names that are known replaced.
    pub(super) fn replaced_in(&self, words: &str) -> String {
        let mut replaced = String::with_capacity(words.len());
        let mut rest = words;
        while !rest.is_empty() {
            let end = rest.find(|one| !is_of_name(one)).unwrap_or(rest.len());
            let (word, behind) = rest.split_at(end);
            replaced.push_str(&self.word(word));
            let next = behind.find(is_of_name).unwrap_or(behind.len());
            replaced.push_str(&behind[..next]);
            rest = &behind[next..];
        }
        for (name, other) in &self.odd_in_prose {
            if replaced.contains(name.as_str()) {
                replaced = replaced.replace(name.as_str(), other);
            }
        }
        replaced
    }

    /// The word, or the host that it begins with.
    fn word(&self, word: &str) -> String {
        let bare = word.trim_end_matches(['.', '-', '_']);
        let first = bare.split('.').next().unwrap_or(bare);
        let known = self.in_prose.get(bare).map(|other| (bare, other));
        let known = known.or_else(|| Some((bare, self.user(bare)?)));
        let known = known.or_else(|| Some((first, self.in_prose.get(first)?)));
        match known {
            Some((name, other)) => format!("{other}{}", &word[name.len()..]),
            None => word.to_owned(),
        }
    }

    /// The user of this name. A user is often called as the program is, whose name is told.
    fn user(&self, word: &str) -> Option<&String> {
        let other = self.users_in_prose.get(word)?;
        (!self.programs.contains_key(word)).then_some(other)
    }

    /// Notes that a program or a thread is called so.
    pub(super) fn learn_program(&mut self, name: &str) {
        if self.programs.len() < MOST && !self.programs.contains_key(name) {
            self.programs.insert(name.to_owned(), None);
        }
    }

    /// What it is called here from now on.
    pub(super) fn name_program(&mut self, name: &str, other: &str) {
        if let Some(named) = self.programs.get_mut(name) {
            *named = Some(other.to_owned());
        }
    }

    /// What it is called here.
    pub(super) fn program(&self, name: &str) -> Option<&String> {
        self.programs.get(name)?.as_ref()
    }
}

/// Letters, digits, dots and hyphens, and a letter among them (RFC 1123, 2.1).
pub(super) fn is_name(word: &str) -> bool {
    word.chars().all(is_of_name) && has_letter(word)
}

fn has_letter(word: &str) -> bool {
    word.chars().any(|one| one.is_ascii_alphabetic())
}

/// What names consist of.
pub(super) fn is_of_name(one: char) -> bool {
    one.is_ascii_alphanumeric() || "._-".contains(one)
}

/// The characters of a name that a text begins with.
pub(super) fn name_at_start(text: &str) -> &str {
    &text[..text.find(|one| !is_of_name(one)).unwrap_or(text.len())]
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_for_the_same_everywhere_and_for_whole_words_only() {
        let mut names = Names::default();
        names.learn(Kind::Host, "shop-7");
        names.learn(Kind::Unit, "shop-7.service");
        let words = "shop-7 runs shop-7.service; shop-77 does not";
        let expected = "host-1 runs unit-1; shop-77 does not";
        assert_eq!(names.replaced_in(words), expected);
        assert_eq!(names.of(Kind::Host, "shop-7"), "host-1");
    }

    #[test]
    fn of_a_path_the_ending_stays_and_of_a_program_its_name() {
        let mut names = Names::default();
        assert_eq!(names.of(Kind::Path, "/srv/shop/app.log"), "/path-1.log");
        assert_eq!(
            names.of(Kind::Program, "/opt/shop/bin/java"),
            "/path-2/java"
        );
        assert_eq!(names.of(Kind::Path, "/srv/shop/app.log"), "/path-1.log");
        assert_eq!(names.of(Kind::User, "root"), "root");
    }
}
