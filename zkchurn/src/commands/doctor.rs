// SPDX-License-Identifier: MIT
//! `zkchurn doctor`: what this host offers, and what to do about the rest.

use std::io;

use clap::Args;
use zkchurn_core::{
    doctor::Doctor,
    render::{FORMS, Form},
};

use super::values;
use crate::{
    exit::{Code, Failure},
    host::{
        preflight::{facts::Facts, verdict::judge},
        privilege::needs,
    },
};

/// Options of the doctor.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// The form of the output.
    #[arg(long, value_name = "FORM", default_value = FORMS[0].name(), value_parser = values::form())]
    pub format: &'static dyn Form,
}

/// Looks at the host and prints what was found.
///
/// # Errors
///
/// The output cannot be written.
pub fn run(args: &DoctorArgs) -> Result<Code, Failure> {
    let facts = Facts::gather();
    let doctor = Doctor::new(judge(&facts), needs::rows(facts.capabilities));
    args.format.doctor(&mut io::stdout().lock(), &doctor)?;
    Ok(Code::of_checks(&doctor.checks))
}
