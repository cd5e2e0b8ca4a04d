// SPDX-License-Identifier: MIT
//! What the scripts of a guest tell: `## NAME`, and lines.

use std::collections::BTreeMap;

use serde_json::Value;

/// What was told, by name.
pub(super) struct Facts(BTreeMap<String, String>);

impl Facts {
    pub(super) fn read(said: &str) -> Self {
        let facts = said.split("\n## ").skip(1);
        let facts = facts.map(|fact| fact.split_once('\n').unwrap_or((fact, "")));
        Self(
            facts
                .map(|(name, said)| (name.to_owned(), said.to_owned()))
                .collect(),
        )
    }

    /// What was told under this name; nothing if there is none.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// A value of the lines `NAME=VALUE` of systemctl.
    pub(super) fn property(&self, name: &str, property: &str) -> &str {
        let mut lines = self.get(name).lines();
        let value = lines.find_map(|line| line.strip_prefix(property)?.strip_prefix('='));
        value.unwrap_or("")
    }

    /// Objects of JSON, one a line. What else was said with them, such as a warning, is none.
    pub(super) fn objects(&self, name: &str) -> Vec<Value> {
        let lines = self.get(name).lines();
        lines
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_read_by_name_and_lines_of_others_are_left_out() {
        let facts =
            Facts::read("noise\n## state\nResult=success\nResults=2\n\n## empty\n\n## end\nyes\n");
        assert_eq!(facts.property("state", "Result"), "success");
        assert_eq!(facts.property("state", "MainPID"), "");
        assert_eq!(facts.get("empty"), "");
        assert_eq!(facts.get("end").trim(), "yes");
        assert_eq!(facts.get("none"), "");
    }

    #[test]
    fn a_warning_beside_objects_is_no_object() {
        let facts = Facts::read("\n## replay\nzkchurn: a warning\n{\"type\":\"start\"}\n");
        let objects = facts.objects("replay");
        assert_eq!(objects.len(), 1);
        assert_eq!(objects[0]["type"], "start");
    }
}
