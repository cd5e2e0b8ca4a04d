// SPDX-License-Identifier: MIT
//! `service-test`: the agent as a service, under the systemd of a release of Debian that is
//! booted under QEMU, with the program and the unit where the package puts them.
//!
//! | module | what |
//! |---|---|
//! | `root` | the release's file system, with systemd |
//! | `installed` | what the package would install |
//! | `guest` | both, and the scripts, as what a kernel boots |
//! | `facts` | what the scripts tell |
//! | `verdict` | what holds, and what does not |
//! | `life` | the checks of an agent that is started, reloaded, killed and stopped |
//! | `privileges` | the checks of what it may do |
//! | `hour` | the checks of an hour with churn from minute 40 on |
//! | `usage`, `page` | what it took in that hour, and the page on it |

mod facts;
mod guest;
mod hour;
mod installed;
mod life;
mod page;
mod privileges;
mod root;
mod usage;
mod verdict;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use self::facts::Facts;
use self::guest::Script;
use self::verdict::Verdict;
use crate::debian_root::{self, Release};
use crate::kernel_test::architecture::Architecture;
use crate::kernel_test::archive::Archive;
use crate::kernel_test::{kernels, machine};
use crate::{dist, privilege, setup, workspace};

/// Options of `service-test`.
#[derive(Args)]
pub(crate) struct Options {
    /// Releases of Debian, such as 11; all if none is named, and for the hour 12
    #[arg(value_name = "RELEASE")]
    releases: Vec<String>,
    /// Instead of the other checks an hour, by the guest's clock, with churn from minute 40 on
    #[arg(long)]
    hour: bool,
    /// Write the figures of the hour into docs/measurements/agent.md
    #[arg(long, requires = "hour")]
    write: bool,
    /// A static binary of zkchurn to install, such as one of dist/, instead of building one
    #[arg(long, value_name = "FILE")]
    zkchurn: Option<PathBuf>,
    /// Longest time for one guest, in seconds
    #[arg(long, default_value_t = 1800, value_name = "SECONDS")]
    limit: u64,
}

impl Options {
    /// The release that most hosts have, without the hour.
    pub(crate) fn of_the_suite() -> Self {
        Self {
            releases: vec![OF_THE_SUITE.to_owned()],
            hour: false,
            write: false,
            zkchurn: None,
            limit: 1800,
        }
    }
}

/// Each release with its own kernel.
const KERNELS: [(&str, &str); 3] = [("11", "5.10"), ("12", "6.1"), ("13", "6.12")];
/// The release of the hour, and that of the suite.
const OF_THE_HOUR: &str = "12";
const OF_THE_SUITE: &str = "12";

/// Runs the verb.
pub(crate) fn run(options: &Options) -> Result<()> {
    let releases = match (options.hour, &options.releases[..]) {
        (true, []) => debian_root::named(&[OF_THE_HOUR.to_owned()])?,
        _ => debian_root::named(&options.releases)?,
    };
    ensure!(
        !options.hour || releases.iter().all(|one| one.name == OF_THE_HOUR),
        "the hour is for Debian {OF_THE_HOUR}: its JVM runs what this machine's compiles"
    );
    let mut groups = vec![setup::Group::Kernels, setup::Group::Roots];
    if options.hour {
        groups.push(setup::Group::Incident);
    }
    setup::ensure(&groups)?;
    privilege::acquire("to make root file systems")?;
    let zkchurn = program(options)?;
    let dir = workspace::target("service")?;
    let archive = Archive::open(&workspace::target("kernels")?, Architecture::Amd64)?;
    let mut failed = Vec::new();
    for release in releases {
        let verdict = test(release, options, &archive, &zkchurn, &dir)?;
        if !verdict.holds() {
            failed.push(release.name);
        }
    }
    if !failed.is_empty() {
        let failed = failed.join(" and ");
        bail!("not all holds on Debian {failed}; target/service/*.results has all that was told");
    }
    Ok(())
}

/// What is measured is what hosts get; what is only checked may be built quickly.
fn program(options: &Options) -> Result<PathBuf> {
    match &options.zkchurn {
        Some(file) => std::path::absolute(file).context("not a path"),
        None if options.hour => Ok(dist::binary_for_host()?.binary),
        None => Ok(dist::with_glibc()?.binary),
    }
}

fn test(
    release: Release,
    options: &Options,
    archive: &Archive,
    zkchurn: &Path,
    dir: &Path,
) -> Result<Verdict> {
    let script = match options.hour {
        true => Script::Hour,
        false => Script::Life,
    };
    let facts = booted(release, script, options, archive, zkchurn, dir)?;
    let verdict = match script {
        Script::Life => life::verdict(&facts)?,
        Script::Hour => hour::verdict(&facts)?,
    };
    for line in verdict.lines() {
        println!("  {line}");
    }
    if script == Script::Hour {
        let lines = page::lines(&facts)?;
        println!("\n{lines}");
        if options.write && verdict.holds() {
            page::write(&lines)?;
        }
    }
    Ok(verdict)
}

/// Boots a release, and what its script tells.
fn booted(
    release: Release,
    script: Script,
    options: &Options,
    archive: &Archive,
    zkchurn: &Path,
    dir: &Path,
) -> Result<Facts> {
    let kernel = KERNELS.iter().find(|(name, _)| *name == release.name);
    let (_, kernel) = kernel.context("each release has a kernel")?;
    let kernel = kernels::named(&[(*kernel).to_owned()])?[0];
    let image = archive.image(kernel)?;
    println!("\nservice-test: Debian {}, {}", release.name, image.abi);
    let base = root::archive(release, script, dir)?;
    let scratch = workspace::scratch("service")?;
    let initramfs = guest::build(scratch.path(), &base, &image, zkchurn, script)?;
    let name = format!("{}-{}", release.suite, script.name());
    let console = dir.join(format!("{name}.console"));
    let results = dir.join(format!("{name}.results"));
    let boot = machine::Boot {
        kernel,
        image: &image,
        initramfs: &initramfs,
        memory_mib: script.memory_mib(),
        console: &console,
        results: &results,
    };
    let started = Instant::now();
    let end = machine::boot(&boot, Duration::from_secs(options.limit))?;
    println!("  ended after {:.0} s", started.elapsed().as_secs_f64());
    let said = std::fs::read(&results).with_context(|| format!("no {}", results.display()))?;
    let facts = Facts::read(&String::from_utf8_lossy(&said));
    ensure!(
        end == machine::End::ByItself && facts.get("end").trim() == "yes",
        "the guest did not come to its end within {} s; its console is in {}, what it told in {}",
        options.limit,
        console.display(),
        results.display()
    );
    Ok(facts)
}
