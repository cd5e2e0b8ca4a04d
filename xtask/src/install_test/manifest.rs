// SPDX-License-Identifier: MIT
//! contrib/kubernetes: what the schema of Kubernetes says of it, and the security context
//! that it gives to zkchurn.

use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{command, setup, workspace};

const MANIFEST: &str = "contrib/kubernetes/daemonset.yaml";

/// Prints the documents of a YAML file as one list.
const TO_JSON: &str = "import json, sys, yaml; \
     print(json.dumps(list(yaml.safe_load_all(open(sys.argv[1])))))";

/// What a container of zkchurn's may do.
pub(super) struct SecurityContext {
    /// As the kernel calls them, `CAP_BPF`.
    pub(super) capabilities: Vec<String>,
    /// Whether it cannot gain any.
    pub(super) no_new_privileges: bool,
    /// Whether its root is mounted read-only.
    pub(super) read_only: bool,
}

/// Checks the manifest against the schema, which refuses what it does not know, and reads it.
pub(super) fn checked() -> Result<SecurityContext> {
    let file = workspace::root().join(MANIFEST);
    let mut validate = python(&["-m", "kubernetes_validate", "--strict"])?;
    command::output(validate.arg(&file)).context("Kubernetes would refuse the manifest")?;
    let documents = command::output(python(&["-c", TO_JSON])?.arg(&file))?;
    let documents: Vec<Value> = serde_json::from_str(&documents)?;
    let set = documents.iter().find(|one| one["kind"] == "DaemonSet");
    let set = set.context("it has no DaemonSet")?;
    read(&set["spec"]["template"]["spec"]["containers"][0]["securityContext"])
}

fn read(context: &Value) -> Result<SecurityContext> {
    let added = context["capabilities"]["add"].as_array();
    let added = added.context("it adds no capability")?.iter();
    let capabilities = added.filter_map(Value::as_str);
    Ok(SecurityContext {
        capabilities: capabilities.map(|name| format!("CAP_{name}")).collect(),
        no_new_privileges: context["allowPrivilegeEscalation"] == false,
        read_only: context["readOnlyRootFilesystem"] == true,
    })
}

fn python(arguments: &[&str]) -> Result<Command> {
    let mut python = Command::new("python3");
    python.args(arguments);
    python.env("PYTHONPATH", setup::manifests::library()?);
    Ok(python)
}
