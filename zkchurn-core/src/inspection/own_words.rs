// SPDX-License-Identifier: MIT
//! What a line of a client's log says by itself: its header, as the logger writes it, and
//! its message where that begins as ZooKeeper's clients, or an exception, begin. A text that
//! somebody sent to the program (a request in an access log, a query, a quoted name) stands
//! inside a message, and is no evidence.

mod header;
mod json;
mod message;

use super::signature;

/// What a line says by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnWords {
    /// The names that the logger wrote, and the message where it counts.
    pub text: String,
    /// Whether the message counts.
    pub has_message: bool,
}

impl OwnWords {
    /// Those of a line; nothing where it is an access log's, or cut in front.
    pub fn of(line: &str) -> Self {
        let line = line.trim_end();
        if is_access_log(line) {
            return Self::default();
        }
        if let Some(fields) = json::read(line) {
            let mut own = Self::new(&fields.names.join(" "), "");
            for text in &fields.texts {
                own.add(text);
            }
            return own;
        }
        let (names, rest) = header::split(line);
        Self::new(&names, rest)
    }

    /// Whether an application tells of a failure in its own words, and may quote the client.
    pub fn tells_of_failure(line: &str) -> bool {
        let (_, rest) = header::split(line.trim_end());
        !is_access_log(line) && message::is_of_failure(rest)
    }

    fn new(names: &str, text: &str) -> Self {
        let mut own = Self {
            text: names.to_owned(),
            has_message: false,
        };
        own.add(text);
        own
    }

    fn add(&mut self, text: &str) {
        let is_logged_by_client =
            signature::names_client(&self.text) || header::is_of_class_loader(&self.text);
        let own = match is_logged_by_client {
            true => text,
            false => message::own_part(text),
        };
        if !own.is_empty() {
            self.text.push('\n');
            self.text.push_str(own);
            self.has_message = true;
        }
    }
}

/// Whether it tells of a request over HTTP: all of that is the other side's text.
fn is_access_log(line: &str) -> bool {
    const METHODS: [&str; 7] = ["GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH"];
    let has_method = || {
        let mut words = line
            .split([' ', '"', '\'', '=', '['])
            .skip_while(|word| !METHODS.contains(word));
        let target = words.nth(1).unwrap_or_default();
        target.starts_with('/') || target.starts_with("http")
    };
    ["HTTP/1.", "HTTP/2", "HTTP/3"]
        .iter()
        .any(|version| line.contains(version))
        || has_method()
}

#[cfg(test)]
mod tests {
    use super::{OwnWords, signature};

    fn is_of_client(line: &str) -> bool {
        signature::names_client(&OwnWords::of(line).text)
    }

    const CLASS: &str = "java.lang.NoClassDefFoundError: org/apache/zookeeper/proto/SetWatches";

    #[test]
    fn what_stands_inside_another_text_is_not_the_clients() {
        let others = [
            "10.1.2.3 - - [28/Nov/2026:13:00:00 +0000] \"GET /search?q={} HTTP/1.1\" 404 12",
            "10.1.2.3 - kazoo.client [28/Nov/2026:13:00:00 +0000] \"GET /{} HTTP/1.1\" 401 12",
            "2026-11-28 13:00:00,000 INFO [http-1] shop.Search - query \"{}\"",
            "2026-11-28 13:00:00,000 INFO [http-1] shop.Search - searched for: {}",
            "2026-11-28 13:00:00,000 INFO [http-1] shop.Search - q={}",
            "2026-11-28 13:00:00,000 WARN shop.Search - GET /search?q={} took 12 ms",
            "2026-11-28 13:00:00 INFO [q={}] shop.Search - nothing found",
            "INFO  SearchController: no hit for '{}'",
            "INFO query: {}",
            "searching {}",
            "com.shop.NotFoundException: no product is called {}",
            "java.lang.IllegalArgumentException: bad query \"{}\"",
            "Caused by: com.shop.NotFoundException: no {}",
            "{\"level\":\"INFO\",\"message\":\"searched\",\"query\":\"{}\"}",
            "{\"level\":\"INFO\",\"message\":\"searched for {}\"}",
            "{\"message\":\"search\",\"request\":{\"user_agent\":\"{}\"}}",
            "{\"message\":\"said \\\"message\\\":\\\"{}\\\"\"}",
            "level=info msg=\"searched for {}\" logger=shop",
            "level=info msg=search query=\"{}\"",
            "Nov 28 13:00:00 web1 nginx[12]: client sent \"{}\"",
            "…ng/?x=1&q={}&y=2",
        ];
        for other in others {
            for text in [CLASS, "ClientCnxn SendThread(127.0.0.1:2181) session 0x1"] {
                let line = other.replace("{}", text);
                assert!(signature::names_client(&line), "{line}");
                assert!(!is_of_client(&line), "{line}");
            }
        }
    }

    #[test]
    fn what_a_client_or_its_logger_writes_is_its_own() {
        let own = [
            "{}",
            "Caused by: {}",
            "Exception in thread \"main-SendThread(zk1:2181)\" {}",
            "java.lang.RuntimeException: {}",
            "2026-11-28 13:00:00,000 ERROR [main-SendThread(zk1:2181)] ClientCnxn - failed: {}",
            "2026-11-28T13:00:00.000Z ERROR 12 --- [pool-1] o.a.z.ClientCnxn : {}",
            "2026-11-28 13:00:00 ERROR shop.Main - {}",
            "13:00:00.000 [main] ERROR shop.Main -- {}",
            "Nov 28 13:00:00 web1 shop[12]: {}",
            "2026-11-28T13:00:00.000000000Z stdout F {}",
            "ERROR {}",
            "[2026-11-28 13:00:00,000] ERROR {} (kafka.server.KafkaServer)",
            "{\"level\":\"ERROR\",\"logger\":\"shop\",\"message\":\"{}\"}",
            "{\"logger_name\":\"org.apache.zookeeper.ClientCnxn\",\"message\":\"lost {}\"}",
            "{\"message\":\"failed\",\"stack_trace\":\"{}\\n\\tat a.b\"}",
            "{\"log\":\"ERROR shop.Main - {}\\n\",\"stream\":\"stdout\"}",
            "…\\tat a.B.c(D.java:1)\\nCaused by: {}\\n\\tat a.b(C.java)",
            "level=error msg=\"{}\"",
        ];
        for one in own {
            let line = one.replace("{}", CLASS);
            assert!(is_of_client(&line), "{line}: {:?}", OwnWords::of(&line));
        }
        let lines = [
            "WARNING:kazoo.client:Connection dropped: socket connection error",
            "2026-11-28 13:51:05,123:12(0x7f):ZOO_ERROR@handle_socket_error_msg@1723: Socket \
             [127.0.0.1:2181] zk retcode=-4",
            "2026/11/28 13:51:05 zk: dial tcp: connect: connection refused",
            "WARN  [org.apache.zookeeper.ClientCnxn] (main-SendThread(zk1:2181)) lost",
            "WARN  ClientCnxn: Unable to reconnect to ZooKeeper service, session 0x1 has expired",
            "Unable to reconnect to ZooKeeper service, session 0x1 has expired",
            "\tat org.apache.zookeeper.ClientCnxn$SendThread.run(ClientCnxn.java:1290)",
            "INFO kazoo.client: Connecting to 127.0.0.1:2181",
            "E1128 13:00:00.123456   812 kazoo.client: Connection dropped: socket connection broken",
        ];
        for line in lines {
            assert!(is_of_client(line), "{line}: {:?}", OwnWords::of(line));
        }
    }

    /// What is within brackets is cut at characters, whatever they are and wherever they end.
    #[test]
    fn brackets_around_any_characters() {
        for open in ["[", "[[", "<{", "<{[", "({<["] {
            for inside in ["", "x", "®", "Ⱥ", "动", "🚀", "x®", "®x®", "🚀🚀🚀"] {
                for close in ["", ">", "]]", "®", "🚀>"] {
                    let group = format!("{open}{inside}{close}");
                    OwnWords::of(&group);
                    OwnWords::of(&format!("2026-11-28 13:00:00 INFO {group} - it said so"));
                }
            }
        }
        let named = OwnWords::of("2026-11-28 13:00:00 INFO [[ClientCnxn®]] lost");
        assert!(named.text.contains("ClientCnxn®"), "{named:?}");
        assert!(!named.text.contains("]]"), "{named:?}");
    }
}
