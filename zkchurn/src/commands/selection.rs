// SPDX-License-Identifier: MIT
//! The commonest terms of a filter as options of their own.

use clap::Args;
use zkchurn_core::filter::{Filter, FilterError};

use super::headings;

/// Whose connections are wanted.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct SelectionArgs {
    /// Only connections of this Kubernetes pod: NAME, NAMESPACE/NAME or its UID.
    #[arg(help_heading = headings::TRACED, long, value_name = "NAME", value_parser = pod)]
    pod: Option<Filter>,

    /// Only connections of this container: its name in the pod, or its id.
    #[arg(help_heading = headings::TRACED, long, value_name = "NAME", value_parser = container)]
    container: Option<Filter>,

    /// Only connections of this systemd unit, such as shop.service.
    #[arg(help_heading = headings::TRACED, long, value_name = "NAME", value_parser = unit)]
    unit: Option<Filter>,
}

impl SelectionArgs {
    /// All of it, and what `--filter` asks for, as one filter.
    pub(crate) fn and(&self, filter: Option<&Filter>) -> Option<Filter> {
        let parts = [
            filter,
            self.pod.as_ref(),
            self.container.as_ref(),
            self.unit.as_ref(),
        ];
        parts.into_iter().flatten().cloned().reduce(Filter::and)
    }
}

fn pod(name: &str) -> Result<Filter, FilterError> {
    Filter::of_name("pod", name)
}

fn container(name: &str) -> Result<Filter, FilterError> {
    Filter::of_name("container", name)
}

fn unit(name: &str) -> Result<Filter, FilterError> {
    Filter::of_name("unit", name)
}
