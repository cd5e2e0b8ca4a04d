// SPDX-License-Identifier: MIT
//! Several files that one command writes: refused before the first is begun, where not all of them
//! can be written.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use super::report::not_written;
use crate::exit::{Code, Failure};

/// Refuses files of which two are the same, by whatever path.
///
/// # Errors
///
/// Two are.
pub(super) fn distinct<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Result<(), Failure> {
    let mut known: Vec<(Place, &Path)> = Vec::new();
    for path in paths {
        let place = place(path);
        if let Some((_, first)) = known.iter().find(|(other, _)| *other == place) {
            return Err(Failure::sentence(Code::Usage, same(first, path)));
        }
        known.push((place, path));
    }
    Ok(())
}

/// The same, and files that must not exist, but do.
///
/// # Errors
///
/// Two are the same, or one exists: also what the command reads.
pub(super) fn new<'a>(paths: impl IntoIterator<Item = &'a Path> + Clone) -> Result<(), Failure> {
    distinct(paths.clone())?;
    let mut paths = paths.into_iter();
    // A link in its place is not followed when it is written, whether there is a file behind it.
    match paths.find(|path| fs::symlink_metadata(path).is_ok()) {
        Some(path) => Err(not_written(path, io::ErrorKind::AlreadyExists.into())),
        None => Ok(()),
    }
}

/// The directory, as the system calls it where it is there, and the name in it.
type Place = (PathBuf, Option<OsString>);

fn place(path: &Path) -> Place {
    let name = path.file_name().map(OsString::from);
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let directory = fs::canonicalize(directory).unwrap_or_else(|_| directory.to_owned());
    (directory, name)
}

fn same(first: &Path, second: &Path) -> String {
    let (first, second) = (first.display(), second.display());
    match first.to_string() == second.to_string() {
        true => format!("{first} is to be written twice: give each file a name of its own"),
        false => {
            format!("{first} and {second} are one file: give each a name of its own")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_by_two_paths_is_refused_and_two_of_one_name_are_not() {
        let root = tempfile::tempdir().unwrap();
        let in_it = |path: &str| root.path().join(path);
        fs::create_dir(in_it("d")).unwrap();
        std::os::unix::fs::symlink(in_it("d"), in_it("link")).unwrap();
        let check = |paths: [&str; 2]| {
            let paths = paths.map(in_it);
            distinct(paths.iter().map(PathBuf::as_path))
        };
        assert!(check(["q.html", "d/q.html"]).is_ok());
        for paths in [
            ["q.html", "q.html"],
            ["q.html", "./q.html"],
            ["q.html", "d/../q.html"],
            ["d/q.html", "link/q.html"],
        ] {
            assert!(check(paths).is_err(), "{paths:?}");
        }
        assert!(distinct([Path::new("q.html"), Path::new("./q.html")]).is_err());
        let gone = [Path::new("gone/q.html"), Path::new("gone/q.html")];
        assert!(distinct(gone).is_err());
    }

    #[test]
    fn a_file_that_is_there_is_refused_before_any_is_written() {
        let root = tempfile::tempdir().unwrap();
        let [a, b] = ["a", "b"].map(|name| root.path().join(name));
        assert!(new([&*a, &*b]).is_ok());
        // A link that leads nowhere is in its place all the same.
        std::os::unix::fs::symlink("nowhere", &b).unwrap();
        assert!(new([&*a, &*b]).is_err());
    }
}
