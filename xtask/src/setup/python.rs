// SPDX-License-Identifier: MIT
//! Libraries for Python, each in a directory of its own below `target/`: nothing of the
//! system's Python is changed.

use std::path::Path;
use std::process::Command;

use super::remedy::Missing;
use crate::command;

/// A library from PyPI.
pub(super) struct Library<'a> {
    /// As people call it.
    pub(super) what: &'a str,
    /// As PyPI does.
    pub(super) package: &'a str,
    /// The version that is used.
    pub(super) version: &'a str,
    /// What prints its version where it can be imported.
    pub(super) print_version: &'a str,
}

/// Hashes are checked for what a file of requirements names.
const INSTALL_WITH_HASH: &str = "set -e
requirements=$(mktemp)
printf '%s\\n' \"$1\" > \"$requirements\"
python3 -m pip install --quiet --upgrade --no-deps --require-hashes --target \"$0\" -r \"$requirements\"
rm \"$requirements\"";

impl Library<'_> {
    /// What is missing to use it from `dir`, which belongs into `PYTHONPATH`.
    pub(super) fn missing(&self, dir: &Path) -> Vec<Missing> {
        self.missing_with(dir, &[])
    }

    /// The same without what it depends on.
    pub(super) fn missing_alone(&self, dir: &Path) -> Vec<Missing> {
        self.missing_with(dir, &["--no-deps"])
    }

    /// The same, where its file has this hash.
    pub(super) fn missing_with_hash(&self, dir: &Path, sha256: &str) -> Vec<Missing> {
        let missing = self.missing_alone(dir);
        if missing.is_empty() || !has_pip() {
            return missing;
        }
        let mut install = Command::new("sh");
        install
            .args(["-c", INSTALL_WITH_HASH])
            .arg(dir)
            .arg(format!(
                "{}=={} --hash=sha256:{sha256}",
                self.package, self.version
            ));
        vec![Missing::command(self.what, install)]
    }

    fn missing_with(&self, dir: &Path, options: &[&str]) -> Vec<Missing> {
        let mut import = Command::new("python3");
        import
            .args(["-c", self.print_version])
            .env("PYTHONPATH", dir);
        if command::output(&mut import).is_ok_and(|found| found.trim() == self.version) {
            return Vec::new();
        }
        if !has_pip() {
            let packages = ["python3", "python3-pip"];
            return vec![Missing::package("pip of Python 3", &packages)];
        }
        let mut install = Command::new("python3");
        install
            .args(["-m", "pip", "install", "--quiet", "--upgrade", "--target"])
            .arg(dir)
            .args(options)
            .arg(format!("{}=={}", self.package, self.version));
        vec![Missing::command(self.what, install)]
    }
}

fn has_pip() -> bool {
    command::output(Command::new("python3").args(["-m", "pip", "--version"])).is_ok()
}
