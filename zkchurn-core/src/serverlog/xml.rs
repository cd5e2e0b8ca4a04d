// SPDX-License-Identifier: MIT
//! `<log4j:event …>`: XMLLayout of log4j 1 and Logback, whose events take a line for the
//! header, one for the message and one for the exception.

use super::{
    class,
    line::{Level, Line, Record},
    moment::Stamp,
    time,
};

/// Reads a line; `None` where it is none of an event's.
pub(super) fn read(line: &[u8]) -> Option<Line<'_>> {
    let tag = line.strip_prefix(b"<log4j:")?;
    if let Some(attributes) = tag.strip_prefix(b"event ") {
        let stamp = std::str::from_utf8(attribute(attributes, b"timestamp=\"")?).ok()?;
        return Some(Line::Record(Record {
            stamp: stamp.parse().map_or(Stamp::UNKNOWN, time::of_number),
            level: Level::named(attribute(attributes, b"level=\"")?),
            thread: attribute(attributes, b"thread=\"")?,
            class: class::named(attribute(attributes, b"logger=\"")?),
            message: b"",
            times: 1,
        }));
    }
    if let Some(text) = tag.strip_prefix(b"message><![CDATA[") {
        let end = b"]]></log4j:message>";
        return Some(Line::Foreign(text.strip_suffix(end).unwrap_or(text)));
    }
    let text = tag.strip_prefix(b"throwable><![CDATA[")?;
    Some(Line::Exception(text))
}

/// An attribute's value, where `name` is `name="`.
fn attribute<'l>(attributes: &'l [u8], name: &[u8]) -> Option<&'l [u8]> {
    let at = memchr::memmem::find(attributes, name)?;
    let value = attributes.get(at + name.len()..)?;
    value.get(..memchr::memchr(b'"', value)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_a_header_a_message_and_an_exception() {
        let event = br#"<log4j:event logger="org.apache.zookeeper.server.NIOServerCnxn" timestamp="1795579981249" level="WARN" thread="T">"#;
        let Some(Line::Record(record)) = read(event) else {
            panic!("no record");
        };
        assert_eq!(
            (record.level, record.thread),
            (Some(Level::Warn), &b"T"[..])
        );
        assert!(record.class.is_some_and(class::Class::is_server));
        assert!(record.stamp.moment().is_some());
        assert_eq!(
            read(b"<log4j:message><![CDATA[a > b]]></log4j:message>"),
            Some(Line::Foreign(b"a > b"))
        );
        assert_eq!(
            read(b"<log4j:throwable><![CDATA[java.io.IOException: x"),
            Some(Line::Exception(b"java.io.IOException: x"))
        );
        assert_eq!(read(b"<log4j:event logger=\"x\">"), None);
        assert_eq!(read(b"got <log4j:message><![CDATA[x]]>"), None);
    }
}
