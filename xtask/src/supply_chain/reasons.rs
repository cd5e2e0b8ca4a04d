// SPDX-License-Identifier: MIT
//! Each dependency in a manifest has its reason in a comment above it, which a
//! few that belong together may share. A dependency of the workspace has it in
//! the root's manifest, and the project's own crates need none.

/// Dependencies of a manifest without a reason.
pub(crate) fn objections(manifest: &str, text: &str) -> Vec<String> {
    let mut objections = Vec::new();
    let mut in_dependencies = false;
    let mut has_reason = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            in_dependencies = line.trim_end_matches(']').ends_with("dependencies");
            has_reason = false;
        } else if line.starts_with('#') {
            has_reason = true;
        } else if line.is_empty() {
            has_reason = false;
        } else if let Some((name, value)) = line.split_once(" = ")
            && in_dependencies
        {
            let is_known = value.contains("workspace = true") || value.contains("path = ");
            if !is_known && !has_reason {
                objections.push(format!("{manifest}: {name} has no reason"));
            }
        }
    }
    objections
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_reaches_down_to_the_next_empty_line() {
        let text = "\
[package]
name = \"x\"

[dependencies]
bare = \"1\"
# Why.
a = \"1\"
b = { version = \"1\" }

c = \"1\"
own = { path = \"../own\" }
shared = { workspace = true }

[dev-dependencies]
d = \"1\"
";
        let expected = ["bare", "c", "d"].map(|name| format!("x: {name} has no reason"));
        assert_eq!(objections("x", text), expected);
    }
}
