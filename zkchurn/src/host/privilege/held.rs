// SPDX-License-Identifier: MIT
//! Changing what this thread holds.

use std::io;

use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, set_capabilities, set_no_new_privs,
};

use super::needs::Kept;

/// Gives up all but `kept`, for ever: in this thread and those that it starts
/// from now on. No program that it might start gets more either.
///
/// # Errors
///
/// What the kernel answers; giving up is always allowed.
pub fn keep_only(kept: Kept) -> io::Result<()> {
    let held = capabilities(None)?;
    set_no_new_privs(true)?;
    // Without inheritable ones there are no ambient ones either.
    set_capabilities(
        None,
        CapabilitySets {
            effective: held.effective & kept.effective,
            permitted: held.permitted & kept.permitted,
            inheritable: CapabilitySet::empty(),
        },
    )?;
    Ok(())
}

/// Puts `wanted` into effect in this thread, as far as it is permitted. What
/// was not to be had shows when it is used.
///
/// # Errors
///
/// As [`keep_only`].
pub fn raise(wanted: CapabilitySet) -> io::Result<()> {
    let held = capabilities(None)?;
    let effective = held.effective | wanted & held.permitted;
    set_capabilities(None, CapabilitySets { effective, ..held })?;
    Ok(())
}

/// Runs `work` with `wanted` in effect, and only `work`.
///
/// # Errors
///
/// As [`keep_only`].
pub fn with<T>(wanted: CapabilitySet, work: impl FnOnce() -> T) -> io::Result<T> {
    let before = capabilities(None)?;
    raise(wanted)?;
    let done = work();
    set_capabilities(None, before)?;
    Ok(done)
}

/// Gives up `no_longer_needed` in this thread, for ever.
///
/// # Errors
///
/// As [`keep_only`].
pub fn give_up(no_longer_needed: CapabilitySet) -> io::Result<()> {
    let held = capabilities(None)?;
    let (effective, permitted) = (held.effective, held.permitted);
    set_capabilities(
        None,
        CapabilitySets {
            effective: effective - no_longer_needed,
            permitted: permitted - no_longer_needed,
            ..held
        },
    )?;
    Ok(())
}

/// Gives up everything in this thread.
///
/// # Errors
///
/// As [`keep_only`].
pub fn give_up_all() -> io::Result<()> {
    let none = CapabilitySet::empty();
    set_capabilities(
        None,
        CapabilitySets {
            effective: none,
            permitted: none,
            inheritable: none,
        },
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// Capabilities are a thread's, so each test works in one of its own.
    fn apart(test: impl FnOnce() + Send + 'static) {
        thread::spawn(test).join().unwrap();
    }

    #[test]
    fn what_is_given_up_cannot_be_raised_again() {
        apart(|| {
            give_up_all().unwrap();
            raise(CapabilitySet::SYS_ADMIN).unwrap();
            let held = capabilities(None).unwrap();
            assert_eq!(held.effective, CapabilitySet::empty());
            assert_eq!(held.permitted, CapabilitySet::empty());
        });
    }

    #[test]
    fn what_is_no_longer_needed_goes_alone() {
        apart(|| {
            let had = capabilities(None).unwrap();
            give_up(CapabilitySet::NET_ADMIN).unwrap();
            let held = capabilities(None).unwrap();
            assert_eq!(held.permitted, had.permitted - CapabilitySet::NET_ADMIN);
            assert_eq!(held.effective, had.effective - CapabilitySet::NET_ADMIN);
        });
    }

    #[test]
    fn what_is_kept_apart_is_in_effect_for_the_work_only() {
        apart(|| {
            let had = capabilities(None).unwrap().permitted;
            let kept = Kept {
                effective: CapabilitySet::empty(),
                permitted: CapabilitySet::SYS_ADMIN,
            };
            keep_only(kept).unwrap();
            assert!(rustix::thread::no_new_privs().unwrap());
            let effective = || capabilities(None).unwrap().effective;
            assert_eq!(effective(), CapabilitySet::empty());
            // Nothing for a plain user, who has nothing to raise.
            let raised = with(CapabilitySet::SYS_ADMIN, effective).unwrap();
            assert_eq!(raised, had & CapabilitySet::SYS_ADMIN);
            assert_eq!(effective(), CapabilitySet::empty());
        });
    }
}
