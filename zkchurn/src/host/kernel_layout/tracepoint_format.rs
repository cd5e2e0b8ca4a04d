// SPDX-License-Identifier: MIT
//! Reading a tracepoint's `format` file, such as
//! `/sys/kernel/tracing/events/sock/inet_sock_set_state/format`.
//!
//! A line of it: `field:__u8 saddr_v6[16]; offset:40; size:16; signed:0;`

/// Why a `format` file does not tell a field's place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// No line declares the field.
    #[error("the tracepoint's format has no field `{0}`")]
    Missing(&'static str),
    /// The line that declares the field has no readable offset or size.
    #[error("the tracepoint's format is unreadable at field `{0}`")]
    Unreadable(&'static str),
    /// The field is there with another size.
    #[error("field `{name}` of the tracepoint has {found} bytes instead of {expected}")]
    Size {
        /// The field.
        name: &'static str,
        /// Bytes that the kernel declares.
        found: u32,
        /// Bytes that the program reads.
        expected: u32,
    },
}

/// The offset of field `name`, which must have `size` bytes.
///
/// # Errors
///
/// The field is missing, unreadable or has another size.
pub fn offset_of(format: &str, name: &'static str, size: u32) -> Result<u32, FormatError> {
    let line = format
        .lines()
        .find(|line| declared_name(line) == Some(name))
        .ok_or(FormatError::Missing(name))?;
    let offset = number(line, "offset:").ok_or(FormatError::Unreadable(name))?;
    match number(line, "size:").ok_or(FormatError::Unreadable(name))? {
        found if found == size => Ok(offset),
        found => Err(FormatError::Size {
            name,
            found,
            expected: size,
        }),
    }
}

/// The name that a `field:` line declares, without array brackets.
fn declared_name(line: &str) -> Option<&str> {
    let declaration = line.trim_start().strip_prefix("field:")?;
    let declaration = declaration.split(';').next()?;
    let declaration = declaration.split('[').next()?;
    declaration
        .rsplit(|c: char| c.is_whitespace() || c == '*')
        .next()
}

fn number(line: &str, key: &str) -> Option<u32> {
    let (_, rest) = line.split_once(key)?;
    rest.split(';').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMAT: &str = "name: inet_sock_set_state\nID: 2287\nformat:\n\
        \tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\n\
        \tfield:const void * skaddr;\toffset:8;\tsize:8;\tsigned:0;\n\
        \tfield:int oldstate;\toffset:16;\tsize:4;\tsigned:1;\n\
        \tfield:__u8 saddr[4];\toffset:32;\tsize:4;\tsigned:0;\n\
        \tfield:__u8 saddr_v6[16];\toffset:40;\tsize:16;\tsigned:0;\n\n\
        print fmt: \"family=%s\", REC->oldstate\n";

    #[test]
    fn finds_scalars_pointers_and_arrays() {
        assert_eq!(offset_of(FORMAT, "skaddr", 8), Ok(8));
        assert_eq!(offset_of(FORMAT, "oldstate", 4), Ok(16));
        assert_eq!(offset_of(FORMAT, "saddr", 4), Ok(32));
        assert_eq!(offset_of(FORMAT, "saddr_v6", 16), Ok(40));
    }

    #[test]
    fn names_what_is_wrong() {
        assert_eq!(
            offset_of(FORMAT, "dport", 2),
            Err(FormatError::Missing("dport"))
        );
        let size = FormatError::Size {
            name: "oldstate",
            found: 4,
            expected: 8,
        };
        assert_eq!(offset_of(FORMAT, "oldstate", 8), Err(size));
        let cut = "field:int oldstate;\toffset:x;\tsize:4;";
        assert_eq!(
            offset_of(cut, "oldstate", 4),
            Err(FormatError::Unreadable("oldstate"))
        );
    }
}
