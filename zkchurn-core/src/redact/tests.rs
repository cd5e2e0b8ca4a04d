// SPDX-License-Identifier: MIT
//! Words of all kinds, with other names in them.

use proptest::prelude::*;

use super::*;

fn words(text: &str) -> String {
    let mut redactor = Redactor {
        ports: vec![2181],
        ..Redactor::default()
    };
    redactor.words(text)
}

#[test]
fn what_looks_like_an_address_a_host_or_a_path_has_another_name() {
    for (text, expected) in [
        (
            "Opening socket connection to server zk1.shop.example/10.0.0.5:2181.",
            "Opening socket connection to server host-1/198.18.0.1:2181.",
        ),
        (
            "from /10.0.0.5:40000 (max is 60); [10.0.0.5]:2181 and 10.0.0.6",
            "from /198.18.0.1:40000 (max is 60); [198.18.0.1]:2181 and 198.18.0.2",
        ),
        (
            "connectString=zk1:2181,zk2:2181,10.0.0.5:2181/shop/a sessionTimeout=4000",
            "connectString=host-1:2181,host-2:2181,198.18.0.1:2181/path-1 sessionTimeout=4000",
        ),
        ("[2001:db8:1::5]:2181", "[2001:db8::1]:2181"),
        ("[fe80::1:2%3]:2181", "[fe80::1%3]:2181"),
        ("at /srv/shop/app.log:208", "at /path-1.log:208"),
        (
            "https://bob:pw@ci.shop.example:8443/job/7?x=1",
            "https://host-1:8443/path-1",
        ),
        ("zk-0.zk.prod.svc.cluster.local is down", "host-1 is down"),
        (
            "-Dlog4j.configuration=file:/srv/b/log4j.properties -cp /srv/a.jar:/srv/b.jar",
            "-Dlog4j.configuration=file:/path-1 -cp /path-2.jar:/path-3.jar",
        ),
        ("closed by 127.0.0.1:2181", "closed by 127.0.0.1:2181"),
    ] {
        assert_eq!(words(text), expected, "{text}");
    }
}

#[test]
fn classes_times_and_system_folders_stay() {
    for text in [
        "2026-11-26 08:00:01,123 [main-SendThread(127.0.0.1:2181)] WARN  o.a.z.ClientCnxn - Session 0x10 for server",
        "java.lang.NoClassDefFoundError: org/apache/zookeeper/proto/SetWatches",
        "at org.apache.zookeeper.ClientCnxn$SendThread.run(ClientCnxn.java:1234)",
        "/proc/42/cmdline cannot be read",
        "/usr/bin/journalctl is missing",
        "com.shop.Main: 3 of 5",
    ] {
        assert_eq!(words(text), text);
    }
}

proptest! {
    /// Whatever somebody wrote around it.
    #[test]
    fn an_address_between_any_words_is_replaced(before in ".{0,20}", behind in ".{0,20}") {
        let text = format!("{before} 10.98.76.54:2181 {behind}");
        prop_assert!(!words(&text).contains("10.98.76.54"), "{text}");
    }

    #[test]
    fn no_word_is_too_odd(text in "[\\[\\]/:.=@%a-z0-9]{0,40}|.{0,60}") {
        words(&text);
    }
}
