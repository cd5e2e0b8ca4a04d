// SPDX-License-Identifier: MIT
//! Manual pages and completions, printed by the binary that this machine can run, and what
//! else goes into packages beside the binary.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::{Made, identity::Identity};
use crate::command;

const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "zkchurn.bash"),
    ("zsh", "_zkchurn"),
    ("fish", "zkchurn.fish"),
];

/// What of contrib goes into packages, by its folder: as examples, or where systemd looks.
const CONTRIB: [(&str, &[&str]); 7] = [
    ("clickhouse", &["README.md", "cluster.sql", "schema.sql"]),
    (
        "clickhouse/questions",
        &[
            "did-the-restart-help.sql",
            "since-when.sql",
            "what-changed.sql",
            "which-group.sql",
            "which-threads.sql",
            "who-churns.sql",
            "who-closes.sql",
            "who-is-silent.sql",
            "who-leaks.sql",
            "whose-clock-is-wrong.sql",
        ],
    ),
    ("grafana", &["README.md", "zkchurn.json"]),
    ("kubernetes", &["README.md", "daemonset.yaml"]),
    (
        "opentelemetry",
        &[
            "README.md",
            "clickhouse.sql",
            "collector.yaml",
            "who-churns.sql",
        ],
    ),
    (
        "prometheus",
        &[
            "README.md",
            "example.prom",
            "zkchurn.rules.yml",
            "zkchurn.test.yml",
        ],
    ),
    (
        "systemd",
        &[
            "zkchurn-agent.service",
            "agent.toml",
            "listen.conf",
            "otlp.conf",
        ],
    ),
];

/// Writes them into `stage`, from where the packages take them.
pub(super) fn write(root: &Path, made: &[Made], stage: &Path, identity: &Identity) -> Result<()> {
    fs::create_dir_all(stage).with_context(|| format!("cannot make {}", stage.display()))?;
    let runs_here = made.iter().find(|made| made.target.is_host());
    let zkchurn = &runs_here.context("none of the binaries runs here")?.binary;
    let print = |arguments: &[&str]| command::output(Command::new(zkchurn).args(arguments));
    for line in print(&["man", "--list"])?.lines() {
        let (page, name) = line.split_once(' ').context("no file of a page")?;
        let file = stage.join(name);
        save(&file, &print(&["man", page])?)?;
        check_page(&file)?;
        gzip(&file)?;
    }
    for (shell, name) in COMPLETIONS {
        save(&stage.join(name), &print(&["completions", shell])?)?;
    }
    // By way of here it is newer than the commit, and rpm takes the commit's time for it.
    let licence = fs::read_to_string(root.join("LICENSE")).context("cannot read LICENSE")?;
    save(&stage.join("LICENSE"), &licence)?;
    contrib(root, stage)?;
    save(&stage.join("changelog"), &changelog(identity))
}

/// What contrib has, for whoever has the package and no clone.
fn contrib(root: &Path, stage: &Path) -> Result<()> {
    for (folder, names) in CONTRIB {
        let to = stage.join(folder);
        fs::create_dir_all(&to).with_context(|| format!("cannot make {}", to.display()))?;
        for name in names {
            let file = root.join("contrib").join(folder).join(name);
            let text = fs::read_to_string(&file)
                .with_context(|| format!("cannot read {}", file.display()))?;
            save(&to.join(name), &text)?;
        }
    }
    Ok(())
}

/// mandoc's warnings count; its remarks on style do not.
fn check_page(page: &Path) -> Result<()> {
    let mut mandoc = Command::new("mandoc");
    let checked = mandoc.args(["-Tlint", "-Wwarning"]).arg(page).output();
    let checked = checked.context("cannot run mandoc")?;
    let said = String::from_utf8_lossy(&checked.stdout);
    ensure!(said.trim().is_empty(), "mandoc is not content:\n{said}");
    Ok(())
}

/// Without the name and the time of the file, which would differ.
fn gzip(file: &Path) -> Result<()> {
    command::run(
        Command::new("gzip")
            .args(["-9", "--no-name", "--force"])
            .arg(file),
    )
}

/// Debian wants a changelog in its own form; ours for users is on the project's page.
fn changelog(identity: &Identity) -> String {
    format!(
        "zkchurn ({}-1) unstable; urgency=medium\n\n  * Built from commit {}.\n\n \
         -- zkchurn developers <zkchurn@localhost>  {}\n",
        identity.version, identity.commit, identity.mail_date
    )
}

fn save(file: &Path, text: &str) -> Result<()> {
    if text.is_empty() {
        bail!("nothing to write into {}", file.display());
    }
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;

    /// Of a path like `../target/dist/stage/systemd/agent.toml`.
    fn of_contrib(asset: &str) -> Option<(&str, &str)> {
        asset.split_once("/stage/")?.1.rsplit_once('/')
    }

    #[test]
    fn what_packages_take_from_contrib_is_put_there() {
        let manifest = workspace::root().join("zkchurn/Cargo.toml");
        let manifest = fs::read_to_string(manifest).expect("it is there");
        let assets: Vec<_> = manifest.split('"').filter_map(of_contrib).collect();
        for (folder, _) in CONTRIB {
            let of_folder = assets.iter().filter(|(of, _)| *of == folder);
            assert!(of_folder.count() >= 2, "both packages bring {folder}");
        }
        for (folder, name) in assets {
            let names = CONTRIB.iter().find(|(known, _)| *known == folder);
            let names = names.map_or(&[][..], |(_, names)| names);
            let is_put = name == "*" && !names.is_empty() || names.contains(&name);
            assert!(is_put, "{folder}/{name}");
        }
        for (folder, names) in CONTRIB {
            assert!(names.iter().all(|name| {
                workspace::root()
                    .join("contrib")
                    .join(folder)
                    .join(name)
                    .is_file()
            }));
        }
    }

    #[test]
    fn each_question_goes_into_packages() {
        let questions = workspace::root().join("contrib/clickhouse/questions");
        let put = CONTRIB
            .iter()
            .find(|(folder, _)| folder.ends_with("questions"));
        let (_, put) = put.expect("they go there");
        let mut there: Vec<_> = fs::read_dir(questions)
            .expect("it is there")
            .map(|entry| entry.expect("a file").file_name())
            .collect();
        there.sort();
        assert_eq!(there, *put);
    }
}
