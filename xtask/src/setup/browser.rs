// SPDX-License-Identifier: MIT
//! A browser, and axe-core, which finds what keeps people from reading a page.
//!
//! axe-core comes in a package for Python that has nothing else of use here, because pip is
//! needed anyway and npm is hundreds of packages; what that package depends on is left out.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::{
    python,
    remedy::{self, Missing},
};
use crate::{command, workspace};

const AXE: python::Library = python::Library {
    what: "axe-core",
    package: "axe-playwright-python",
    // With axe-core 4.12.1.
    version: "0.1.8",
    // The file itself, not only what is known of it.
    print_version: "from importlib.metadata import distribution; \
        found = distribution('axe-playwright-python'); \
        found.locate_file('axe_playwright_python/axe.min.js').stat(); print(found.version)",
};

/// The browser.
pub fn chromium() -> Result<PathBuf> {
    let program = command::on_path("chromium");
    program.context("chromium is not there; `cargo xtask setup` installs it")
}

/// axe-core, one file of JavaScript.
pub fn axe() -> Result<PathBuf> {
    Ok(library()?.join("axe_playwright_python/axe.min.js"))
}

fn library() -> Result<PathBuf> {
    workspace::target("python-axe")
}

pub(super) fn missing() -> Vec<Missing> {
    let mut missing = remedy::missing_programs(&[("chromium", "chromium")]);
    missing.extend(match library() {
        Ok(library) => AXE.missing_alone(&library),
        Err(error) => vec![Missing::by_hand("axe-core", format!("{error:#}"))],
    });
    missing
}
