// SPDX-License-Identifier: MIT
//! Where a process runs, from whichever look knows it: the closer one, or the first.

use super::Details;
use crate::process::{Placement, ProcessIdentity, cgroup::UnitOf, pod_name::PodName};

/// By borrowed names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Placed<'a> {
    pub user: Option<&'a str>,
    pub unit: Option<&'a str>,
    pub unit_of: UnitOf,
    pub container: Option<&'a str>,
    pub pod: Option<&'a str>,
    pub pod_name: Option<&'a PodName>,
}

impl<'a> Placed<'a> {
    /// By the closer look, and by the first one what that could not read; `None` where
    /// neither was taken.
    pub fn of(details: Option<&'a Details>, identity: Option<&'a ProcessIdentity>) -> Option<Self> {
        let first = identity.and_then(|identity| identity.placement.as_deref());
        let first = first.map(Self::at_first_sight);
        match (details.map(Self::of_details), first) {
            (Some(closer), Some(first)) => Some(closer.or(first)),
            (closer, first) => closer.or(first),
        }
    }

    fn at_first_sight(placement: &'a Placement) -> Self {
        Self {
            user: placement.user.as_deref(),
            unit: placement.unit.as_deref(),
            unit_of: placement.unit_of,
            container: placement.container.as_deref(),
            pod: placement.pod.as_deref(),
            pod_name: placement.pod_name.as_ref(),
        }
    }

    fn of_details(details: &'a Details) -> Self {
        Self {
            user: details.user.as_deref(),
            unit: details.unit.as_deref(),
            unit_of: details.unit_of,
            container: details.container.as_deref(),
            pod: details.pod.as_deref(),
            pod_name: details.pod_name.as_ref(),
        }
    }

    fn or(self, other: Self) -> Self {
        let with_unit = if self.unit.is_some() { self } else { other };
        Self {
            user: self.user.or(other.user),
            unit: with_unit.unit,
            unit_of: with_unit.unit_of,
            container: self.container.or(other.container),
            pod: self.pod.or(other.pod),
            pod_name: self.pod_name.or(other.pod_name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::{Placement, ProcessKey};

    fn identity(placement: Option<Placement>) -> ProcessIdentity {
        let mut identity =
            ProcessIdentity::new(ProcessKey::new(1, 0), "java".to_owned(), None, Vec::new());
        identity.placement = placement.map(Box::new);
        identity
    }

    #[test]
    fn the_closer_look_decides_and_the_first_one_completes_it() {
        let first = identity(Some(Placement {
            user: Some("shop".to_owned()),
            unit: Some("shop.service".to_owned()),
            unit_of: UnitOf::User(1000),
            container: Some("first".to_owned()),
            ..Placement::default()
        }));
        let hidden = Details::default();
        let placed = Placed::of(Some(&hidden), Some(&first)).unwrap();
        assert_eq!(placed.unit, Some("shop.service"));
        assert_eq!(placed.unit_of, UnitOf::User(1000));
        let closer = Details {
            unit: Some("other.service".to_owned()),
            ..Details::default()
        };
        let placed = Placed::of(Some(&closer), Some(&first)).unwrap();
        assert_eq!(placed.unit, Some("other.service"));
        assert_eq!(placed.unit_of, UnitOf::Host);
        assert_eq!(placed.container, Some("first"));
        assert_eq!(placed.user, Some("shop"));
    }

    #[test]
    fn of_whom_nobody_has_seen_nothing_is_known() {
        assert_eq!(Placed::of(None, None), None);
        // A recording of an earlier version.
        assert_eq!(Placed::of(None, Some(&identity(None))), None);
        let nowhere = identity(Some(Placement::default()));
        assert_eq!(Placed::of(None, Some(&nowhere)), Some(Placed::default()));
    }
}
