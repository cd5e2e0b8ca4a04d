// SPDX-License-Identifier: MIT
//! One boot under QEMU's software emulation, which needs no KVM.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::{archive::Image, kernels::Kernel};

const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// The guest's clock runs with its instructions, 2 ns each, and skips what it would sleep.
/// By the clock of the host an emulated processor is a hundred times slower than any real
/// one, and timers come that much more often between two instructions.
///
/// This takes one thread of QEMU's, so guests have one processor. (With two, and by the
/// clock of the host, 6.18 sometimes died of its own code being patched; QEMU 7.2.)
const CLOCK: &str = "shift=1,sleep=off";

/// How a boot ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The guest ended itself.
    ByItself,
    /// It was stopped.
    TimeLimit,
}

/// What is booted, and where what it says goes.
pub(crate) struct Boot<'a> {
    /// Whose processor it is, and what is hidden from it.
    pub kernel: &'a Kernel,
    pub image: &'a Image,
    /// Its file system, with the first process as `/init`.
    pub initramfs: &'a Path,
    pub memory_mib: u32,
    /// The file that gets its console.
    pub console: &'a Path,
    /// The file that gets what its first process tells.
    pub results: &'a Path,
}

/// Boots it, and waits for its end.
pub(crate) fn boot(boot: &Boot<'_>, limit: Duration) -> Result<End> {
    let architecture = boot.kernel.architecture;
    let console_device = architecture.console();
    let mut parameters = format!("console={console_device} panic=-1 quiet rdinit=/init");
    if boot.kernel.hide_btf {
        parameters.push_str(" hide_btf");
    }
    let errors = File::create(boot.console.with_extension("qemu"))?;
    let mut qemu = Command::new(architecture.qemu());
    qemu.args(["-accel", "tcg,thread=single", "-icount", CLOCK])
        .args(architecture.machine())
        .args(["-smp", "1", "-m", &boot.memory_mib.to_string()])
        .args(["-nic", "none", "-display", "none"])
        .args(["-no-reboot", "-nodefaults", "-no-user-config"])
        .args(["-append", &parameters])
        .arg("-kernel")
        .arg(&boot.image.vmlinuz)
        .arg("-initrd")
        .arg(boot.initramfs)
        .args(["-serial", &format!("file:{}", escaped(boot.console))])
        .args([
            "-chardev",
            &format!("file,id=results,path={}", escaped(boot.results)),
        ])
        .args(architecture.results_port("results"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(errors);
    let guest = qemu
        .spawn()
        .with_context(|| format!("cannot run {}", architecture.qemu()))?;
    wait(Guest(guest), limit)
}

fn escaped(path: &Path) -> String {
    // A comma ends a value of QEMU's unless there are two.
    path.display().to_string().replace(',', ",,")
}

/// A guest that does not outlive its verb.
struct Guest(Child);

impl Drop for Guest {
    fn drop(&mut self) {
        // Fails when it has ended already, which is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn wait(mut guest: Guest, limit: Duration) -> Result<End> {
    let deadline = Instant::now() + limit;
    loop {
        match guest.0.try_wait()? {
            Some(status) if status.success() => return Ok(End::ByItself),
            Some(status) => bail!("QEMU failed: {status}"),
            None if Instant::now() >= deadline => return Ok(End::TimeLimit),
            None => thread::sleep(BETWEEN_LOOKS),
        }
    }
}
