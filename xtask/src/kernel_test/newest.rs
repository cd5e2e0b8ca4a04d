// SPDX-License-Identifier: MIT
//! Which of Debian's package names holds the newest kernel of a series.
//!
//! Names are `linux-image-6.1.0-56-rt-amd64`, and since 6.19 the image proper
//! is in `linux-binary-…` and the modules in `linux-modules-…`.

use super::kernels::{Flavour, Kernel};

/// A kernel that the archive offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    /// What `uname -r` will say: `6.1.0-56-rt-amd64`.
    pub abi: String,
    /// Packages to unpack.
    pub packages: Vec<String>,
}

/// The newest kernel of this series and flavour.
pub(crate) fn offer(names: &str, kernel: &Kernel) -> Option<Offer> {
    let abi = names
        .lines()
        .filter_map(|name| name.strip_prefix("linux-image-"))
        .filter(|abi| is_of(abi, kernel))
        .max_by_key(|abi| numbers(abi))?;
    let exists = |name: &str| names.lines().any(|line| line == name);
    let split = [
        format!("linux-binary-{abi}"),
        format!("linux-modules-{abi}"),
    ];
    let packages = if exists(&split[0]) {
        split.to_vec()
    } else {
        vec![format!("linux-image-{abi}")]
    };
    Some(Offer {
        abi: abi.to_owned(),
        packages,
    })
}

fn is_of(abi: &str, kernel: &Kernel) -> bool {
    let architecture = kernel.architecture.debian();
    let ending = match kernel.flavour {
        Flavour::Cloud => format!("-cloud-{architecture}"),
        Flavour::Rt => format!("-rt-{architecture}"),
        Flavour::Pages16K => format!("-{architecture}-16k"),
    };
    // Without a dot behind the series it is a package that only names another.
    abi.strip_suffix(&ending)
        .and_then(|version| version.strip_prefix(kernel.series))
        .is_some_and(|rest| rest.starts_with('.'))
}

/// Versions compare by their numbers; those of backports hold a 0 where others
/// have the number of the build.
fn numbers(abi: &str) -> Vec<u32> {
    abi.split(|c: char| !c.is_ascii_digit())
        .filter_map(|digits| digits.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: &str = "\
linux-image-6.1-rt-amd64
linux-image-6.1.0-9-rt-amd64
linux-image-6.1.0-56-rt-amd64
linux-image-6.1.0-56-rt-amd64-dbg
linux-image-6.1.0-57-cloud-amd64
linux-image-6.1.0-0.deb11.52-rt-amd64
linux-image-6.12.117+deb12-rt-amd64
linux-image-7.2.12+deb13-cloud-amd64
linux-image-7.3.4+deb13-cloud-amd64
linux-binary-7.3.4+deb13-cloud-amd64
linux-modules-7.3.4+deb13-cloud-amd64
linux-image-7.3.4+deb13-cloud-arm64
linux-image-7.3.4+deb13-arm64
linux-image-7.3.4+deb13-arm64-16k";

    fn newest(name: &str) -> Option<Offer> {
        offer(
            NAMES,
            super::super::kernels::named(&[name.to_owned()]).expect("a kernel")[0],
        )
    }

    #[test]
    fn the_highest_number_wins_not_the_last_letter() {
        let offer = newest("6.1-rt").expect("offered");
        assert_eq!(offer.abi, "6.1.0-56-rt-amd64");
        assert_eq!(offer.packages, ["linux-image-6.1.0-56-rt-amd64"]);
    }

    #[test]
    fn a_split_package_is_taken_in_its_parts() {
        let offer = newest("7").expect("offered");
        assert_eq!(
            offer.packages,
            [
                "linux-binary-7.3.4+deb13-cloud-amd64",
                "linux-modules-7.3.4+deb13-cloud-amd64"
            ]
        );
    }

    #[test]
    fn each_processor_and_page_size_has_its_own() {
        let abi = |name| newest(name).expect("offered").abi;
        assert_eq!(abi("arm64-7"), "7.3.4+deb13-cloud-arm64");
        assert_eq!(abi("arm64-7-16k"), "7.3.4+deb13-arm64-16k");
    }

    #[test]
    fn a_series_that_is_not_offered_is_not_replaced_by_another() {
        assert_eq!(newest("6.18"), None);
        assert_eq!(newest("6.12"), None);
    }
}
