// SPDX-License-Identifier: MIT
//! Blocks of code in Markdown, and the mark above those that the suite does not
//! run: `<!-- not run: REASON -->`, which readers do not see.

/// A block of shell commands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Block<'a> {
    /// The line of its first command, counted from 1.
    pub line: usize,
    /// The commands, as written.
    pub commands: String,
    /// Why the suite does not run it.
    pub excuse: Option<&'a str>,
}

const FENCE: &str = "```";
const LANGUAGE: &str = "sh";
/// Other names of shells; one name is enough for all blocks to be found.
const SYNONYMS: [&str; 4] = ["bash", "shell", "console", "zsh"];
const MARK: &str = "<!-- not run:";
const MARK_END: &str = "-->";

/// The blocks of commands in a page.
pub(crate) fn blocks(text: &str) -> Vec<Block<'_>> {
    fences(text)
        .into_iter()
        .filter(|fence| fence.language == LANGUAGE)
        .map(|fence| Block {
            line: fence.line + 1,
            commands: fence.content.join("\n"),
            excuse: fence.above.and_then(excuse),
        })
        .collect()
}

/// What is wrong with the blocks of a page, each with its line.
pub(crate) fn objections(text: &str) -> Vec<String> {
    let mut objections = Vec::new();
    for fence in fences(text) {
        let mut object = |what: &str| objections.push(format!("{}: {what}", fence.line));
        if !fence.is_closed {
            object("the block has no end");
        }
        if fence.language.is_empty() {
            object("the block names no language (`sh` for commands, `text` for output)");
        } else if SYNONYMS.contains(&fence.language) {
            object("blocks of commands are called `sh` here");
        }
        if let Some(above) = fence.above.filter(|above| is_like_a_mark(above)) {
            if excuse(above).is_none() {
                object("the mark above the block is not `<!-- not run: REASON -->`");
            } else if fence.language != LANGUAGE {
                object("the mark above the block is of no use: nothing would run it");
            }
        }
    }
    objections.extend(stray_marks(text));
    objections
}

struct Fence<'a> {
    line: usize,
    language: &'a str,
    content: Vec<&'a str>,
    /// The last line above that is not empty.
    above: Option<&'a str>,
    is_closed: bool,
}

fn fences(text: &str) -> Vec<Fence<'_>> {
    let mut fences: Vec<Fence> = Vec::new();
    let mut above = None;
    for (index, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        match fences.last_mut().filter(|fence| !fence.is_closed) {
            Some(fence) if trimmed == FENCE => fence.is_closed = true,
            Some(fence) => fence.content.push(line),
            None if trimmed.starts_with(FENCE) => fences.push(Fence {
                line: index + 1,
                language: trimmed[FENCE.len()..].trim(),
                content: Vec::new(),
                above: above.take(),
                is_closed: false,
            }),
            None if !trimmed.is_empty() => above = Some(trimmed),
            None => {}
        }
    }
    fences
}

fn excuse(line: &str) -> Option<&str> {
    let reason = line.strip_prefix(MARK)?.strip_suffix(MARK_END)?.trim();
    (!reason.is_empty()).then_some(reason)
}

/// Whether somebody meant a mark, well or badly written.
fn is_like_a_mark(line: &str) -> bool {
    let line = line.to_lowercase();
    line.starts_with("<!--")
        && ["not run", "not-run", "norun"]
            .iter()
            .any(|word| line.contains(word))
}

/// Marks that stand above no block, where they would excuse nothing.
fn stray_marks(text: &str) -> Vec<String> {
    let marks = text
        .lines()
        .enumerate()
        .filter(|(_, line)| is_like_a_mark(line.trim()));
    let follows = |index: usize| {
        text.lines()
            .skip(index + 1)
            .find(|line| !line.trim().is_empty())
    };
    marks
        .filter(|(index, _)| !follows(*index).is_some_and(|line| line.trim().starts_with(FENCE)))
        .map(|(index, _)| format!("{}: the mark stands above no block", index + 1))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_have_their_commands_and_their_excuse() {
        let text = "\
Do this:

```sh
echo a
echo b  # twice
```

<!-- not run: takes an hour -->
```sh
sleep 3600
```

```text
not a command
```
";
        let expected = [
            Block {
                line: 4,
                commands: "echo a\necho b  # twice".to_owned(),
                excuse: None,
            },
            Block {
                line: 10,
                commands: "sleep 3600".to_owned(),
                excuse: Some("takes an hour"),
            },
        ];
        assert_eq!(blocks(text), expected);
        assert_eq!(objections(text), Vec::<String>::new());
    }

    #[test]
    fn a_mark_reaches_one_block_only() {
        let text = "<!-- not run: long -->\n```sh\na\n```\n```sh\nb\n```\n";
        let excuses: Vec<_> = blocks(text).iter().map(|block| block.excuse).collect();
        assert_eq!(excuses, [Some("long"), None]);
    }

    #[test]
    fn a_bad_block_or_mark_is_told() {
        let told = |text| objections(text).join(", ");
        for (text, words) in [
            ("```\na\n```\n", "1: the block names no language"),
            ("```bash\na\n```\n", "1: blocks of commands are called `sh`"),
            ("```sh\na\n", "1: the block has no end"),
            (
                "<!-- not run: -->\n```sh\na\n```\n",
                "2: the mark above the block is not",
            ),
            (
                "<!-- not run -->\n```sh\na\n```\n",
                "2: the mark above the block is not",
            ),
            (
                "<!-- Not run: long -->\n```sh\na\n```\n",
                "2: the mark above the block is not",
            ),
            (
                "<!-- not run: long -->\n```text\na\n```\n",
                "2: the mark above the block is of no use",
            ),
            (
                "<!-- not run: long -->\nWords.\n```sh\na\n```\n",
                "1: the mark stands above no block",
            ),
        ] {
            assert!(told(text).starts_with(words), "{text}: {}", told(text));
        }
    }
}
