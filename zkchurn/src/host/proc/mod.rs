// SPDX-License-Identifier: MIT
//! What `/proc` and the host's own files say of a process. Reads only.
//!
//! | file | reads |
//! |---|---|
//! | `files` | files of `/proc`, bounded, and their fields |
//! | `hidden` | who is there, and not shown |
//! | `ended` | who is not there any more |
//! | `identity` | name, command line and executable |
//! | `details` | user, start, working directory, unit, container |
//! | `placement` | user, unit, container and pod, at first sight |
//! | `status` | state, user and signals: `/proc/PID/status` |
//! | `log_files`, `log_name` | which of its open files are logs: `/proc/PID/fd` |
//! | `pod_names` | what a Kubernetes node calls pods and containers: `/var/log` |
//! | `user` | names of users |
//! | `mount_field` | a field of mountinfo |

pub mod details;
pub mod ended;
pub mod files;
pub mod hidden;
pub mod identity;
pub mod log_files;
pub mod log_name;
pub mod mount_field;
pub mod named;
mod placement;
mod pod_names;
pub mod status;
pub mod user;
