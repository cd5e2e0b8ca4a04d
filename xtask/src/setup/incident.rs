// SPDX-License-Identifier: MIT
//! What the real incident needs: ZooKeeper's jars and a JDK. The `zookeeper`
//! package adds only scripts to `libzookeeper-java`, and a full desktop JRE.

use std::path::Path;

use super::remedy::Missing;
use crate::command;

/// Where Debian keeps jars.
pub const JARS: &str = "/usr/share/java";
/// What the incident takes from there. `zookeeper.jar` names the rest.
pub const NEEDED: [&str; 4] = [ZOOKEEPER, JUTE, "slf4j-log4j12.jar", "log4j-1.2.jar"];
/// ZooKeeper itself.
pub const ZOOKEEPER: &str = "zookeeper.jar";
/// Debian keeps `org.apache.zookeeper.proto` in a jar of its own.
pub const JUTE: &str = "zookeeper-jute.jar";

pub fn missing() -> Vec<Missing> {
    let mut missing = Vec::new();
    let lacks = |program: &&str| command::on_path(program).is_none();
    if let Some(program) = ["java", "javac", "jar", "jstack"].into_iter().find(lacks) {
        missing.push(Missing::package(
            format!("a JDK ({program})"),
            &["default-jdk-headless"],
        ));
    }
    let absent = |jar: &&str| !Path::new(JARS).join(jar).exists();
    if let Some(jar) = NEEDED.into_iter().find(absent) {
        missing.push(Missing::package(
            format!("ZooKeeper ({jar})"),
            &["libzookeeper-java", "libslf4j-java", "liblog4j1.2-java"],
        ));
    }
    missing
}
