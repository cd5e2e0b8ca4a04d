// SPDX-License-Identifier: MIT
//! Links in Markdown: `[words](target)`.

/// Links to files of the repository, each with the number of its line. What is
/// in a block of code, on another host or on the page itself is none.
pub(crate) fn relative(text: &str) -> Vec<(usize, &str)> {
    let mut links = Vec::new();
    let mut in_code = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code {
            let found = line.split("](").skip(1);
            let targets = found.filter_map(|rest| rest.split_once(')'));
            let files = targets.filter_map(|(target, _)| file_of(target));
            links.extend(files.map(|target| (index + 1, target)));
        }
    }
    links
}

fn file_of(target: &str) -> Option<&str> {
    let file = target.split('#').next().unwrap_or_default();
    let is_elsewhere = target.contains("://") || target.starts_with("mailto:");
    (!is_elsewhere && !file.is_empty()).then_some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_the_repository_are_told() {
        let text = "\
[a](docs/a.md) and [b](../b.md#part)
```text
[c](c.md)
```
[d](https://example.org/d.md), [e](#here)";
        assert_eq!(relative(text), [(1, "docs/a.md"), (1, "../b.md")]);
    }
}
