// SPDX-License-Identifier: MIT
//! What `/proc` and the host's own files say of a process. Reads only.
//!
//! | file | reads |
//! |---|---|
//! | `files` | files of `/proc`, bounded, and their fields |
//! | `identity` | name, command line and executable |
//! | `details` | user, start, working directory, unit, container |
//! | `status` | state, user and signals: `/proc/PID/status` |
//! | `log_files`, `log_name` | which of its open files are logs: `/proc/PID/fd` |
//! | `cgroup` | systemd unit, container and pod out of a cgroup path |
//! | `user` | names of users |
//! | `mount_field` | a field of mountinfo |

pub mod cgroup;
pub mod details;
pub mod files;
pub mod identity;
pub mod log_files;
pub mod log_name;
pub mod mount_field;
pub mod named;
pub mod status;
pub mod user;
