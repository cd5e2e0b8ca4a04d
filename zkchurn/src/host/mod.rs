// SPDX-License-Identifier: MIT
//! Everything that touches the host: its kernel, its processes, its files, its clocks.

pub mod clock;
pub mod elsewhere;
pub mod flight_recorder;
pub mod helper;
pub mod ids;
pub mod incident_store;
pub mod inspector;
pub mod journal;
pub mod jvm;
pub mod kernel;
pub mod kernel_layout;
pub mod listeners;
pub mod logs;
pub mod long_read;
mod metrics_file;
pub mod new_lines;
pub mod outbox;
mod own_directory;
mod own_names;
mod past_hung;
pub mod patient;
pub mod preflight;
pub mod privilege;
pub mod proc;
pub mod recording_file;
pub mod segment_files;
pub mod segment_store;
mod server_log_cores;
pub mod server_log_file;
mod server_log_text;
pub mod service_manager;
pub mod services;
pub mod signal_list;
pub mod sock_diag;
pub(crate) mod threads;
pub mod time_zone;
