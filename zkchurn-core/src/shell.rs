// SPDX-License-Identifier: MIT
//! Words of a command that is printed for an operator to paste: names come from
//! the process's side, and a shell must not act on what is in them.
//!
//! The crate shlex is as safe, but prints `a\x2db.service`, as systemd escapes
//! names, as `"a\\x2db.service"`: not the name that `systemctl` shows.

/// The word, in single quotes where a shell would not take it as it is.
pub fn word(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-@:".contains(&byte);
    if !word.is_empty() && !word.starts_with('-') && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_types, reason = "a real shell is asked")]
    #[test]
    fn a_shell_takes_the_word_as_it_is() {
        assert_eq!(word("tomcat@shop.service"), "tomcat@shop.service");
        for evil in [
            r"a\x2db.service",
            "a$(id);b.service",
            "a'b `c`.scope",
            "a\"b\\' $HOME ~ {a,b} !! *",
            "",
            "a b",
            "a\nb",
        ] {
            let printf = format!("printf %s {}", word(evil));
            let output = std::process::Command::new("sh")
                .args(["-c", &printf])
                .output();
            assert_eq!(
                String::from_utf8(output.expect("a shell").stdout).as_deref(),
                Ok(evil)
            );
        }
    }
}
