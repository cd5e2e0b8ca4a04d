// SPDX-License-Identifier: MIT
//! What an agent writes to has a place of its own for each setting: two would replace or forget
//! each other's files.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use super::{keep, printable, settings::AgentSettings};
use crate::host::own_names::INCIDENTS;

/// Says which two settings name one place, as they are written: no file system is asked, which
/// might not answer when an agent begins.
pub(super) fn as_written(settings: &AgentSettings) -> Option<String> {
    same(&places(settings), lexical)
}

/// The same, by whatever links.
pub(super) fn by_any_path(settings: &AgentSettings) -> Option<String> {
    same(&places(settings), |path| {
        fs::canonicalize(path).unwrap_or_else(|_| lexical(path))
    })
}

/// What is written, with the setting that names it.
fn places(settings: &AgentSettings) -> Vec<(&'static str, PathBuf)> {
    let directory = keep(settings).directory;
    let incidents = directory.join(INCIDENTS);
    let others = [
        ("prom-file", &settings.prom_file),
        ("ndjson-dir", &settings.ndjson_dir),
    ];
    let others = others
        .into_iter()
        .filter_map(|(name, path)| Some((name, path.clone()?)));
    [("directory", directory), ("directory", incidents)]
        .into_iter()
        .chain(others)
        .collect()
}

fn same(places: &[(&'static str, PathBuf)], whole: impl Fn(&Path) -> PathBuf) -> Option<String> {
    let mut known: Vec<(PathBuf, &str)> = Vec::new();
    for (name, path) in places {
        let place = whole(path);
        if let Some((_, first)) = known.iter().find(|(other, _)| *other == place) {
            return Some(format!(
                "`{first}` and `{name}` both write to {}: give each a place of its own",
                printable(path)
            ));
        }
        known.push((place, name));
    }
    None
}

/// The whole path without `.` and `..`.
fn lexical(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut whole = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(whole.pop()),
            component => whole.push(component),
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_settings_with_one_place_are_named() {
        let of = |text: &str| as_written(&AgentSettings::of_text(text).unwrap());
        for (text, first, second) in [
            (
                "directory = '/d'\nndjson-dir = '/d/'",
                "directory",
                "ndjson-dir",
            ),
            (
                "directory = '/d'\nndjson-dir = '/e/../d'",
                "directory",
                "ndjson-dir",
            ),
            (
                "directory = '/d'\nndjson-dir = '/d/incidents'",
                "directory",
                "ndjson-dir",
            ),
            ("ndjson-dir = '/var/lib/zkchurn'", "directory", "ndjson-dir"),
            (
                "ndjson-dir = '/a.prom'\nprom-file = '/./a.prom'",
                "prom-file",
                "ndjson-dir",
            ),
        ] {
            let why = of(text).unwrap();
            let names = format!("`{first}` and `{second}` both write to");
            assert!(why.starts_with(&names), "{text}: {why}");
        }
        assert_eq!(
            of("directory = '/d'\nndjson-dir = '/d/lines'\nprom-file = '/d/a.prom'"),
            None
        );
    }

    #[test]
    fn a_link_to_another_one_is_found_where_file_systems_may_be_asked() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir(at("d")).unwrap();
        std::os::unix::fs::symlink("d", at("link")).unwrap();
        let settings = AgentSettings {
            directory: Some(at("d")),
            ndjson_dir: Some(at("link")),
            ..AgentSettings::default()
        };
        assert_eq!(as_written(&settings), None);
        assert!(by_any_path(&settings).is_some());
    }
}
