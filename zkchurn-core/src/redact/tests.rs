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
        (
            "servers [10.1.1.1:2181, 10.1.1.2:2181] and [zka:2181, zkb:2181]",
            "servers [198.18.0.1:2181, 198.18.0.2:2181] and [host-1:2181, host-2:2181]",
        ),
        (
            "server.1=10.77.0.5:2888:3888:participant server.2=zkq.corp.local:2888:3888",
            "server.1=198.18.0.1:2888:3888:participant server.2=host-1:2888:3888",
        ),
        (
            "http-nio-10.77.0.9-8080-exec-1 addr:10.77.0.6:2181 10.0.0.7->10.0.0.8 “10.0.0.9”",
            "http-nio-198.18.0.1-8080-exec-1 addr:198.18.0.2:2181 198.18.0.3->198.18.0.4 “198.18.0.5”",
        ),
        (
            "zk6/2001:db8:aaaa:0:0:0:0:5:2181 ip-10-1-1-9 zk1.prod.company.de",
            "host-1/2001:db8::1:2181 host-2 host-3",
        ),
        (
            "zookeeper/zk.corp.com@CORP.COM bob@zk9.corp.local ~/x/y.log user.name=alicex",
            "zookeeper/host-1@host-2 user-2@host-3 /path-1.log user.name=user-1",
        ),
        (
            "Client environment:host.name=shop7",
            "Client environment:host.name=host-1",
        ),
        (
            "connection string (zk1:2181,zk2-acme:2181/acme/chroot)",
            "connection string (host-1:2181,host-2:2181/path-1)",
        ),
        (
            "java.net.UnknownHostException: zk9-acme: Name or service not known",
            "java.net.UnknownHostException: host-1: Name or service not known",
        ),
        (
            "server zk-golf/<unresolved>:2181 and ('zk-papa', 2181), not ('zk-papb', 9)",
            "server host-1/<unresolved>:2181 and ('host-2', 2181), not ('zk-papb', 9)",
        ),
        (
            "getaddrinfo ENOTFOUND zk-romeo.",
            "getaddrinfo ENOTFOUND host-1.",
        ),
        // Seen once with its port, a host is known.
        (
            "zkprod3:2181 failed: UnknownHostException: zkprod3",
            "host-1:2181 failed: UnknownHostException: host-1",
        ),
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
        "java.version=11.0.20.1 java.io gevent.local clientPort:2181",
    ] {
        assert_eq!(words(text), text);
    }
}

/// Fields that hold names of this house, with texts that no word of prose can be told to be.
#[test]
fn what_a_field_names_is_replaced_whole_and_found_in_prose() {
    let path = "/srv/Acme Corp (new)/it's, app=log;.log";
    for key in ["cwd", "catalina_base", "path", "of_tomorrow"] {
        let mut redactor = Redactor::default();
        let mut value = serde_json::json!({
            "a_sentence_before": "none",
            key: path,
            "notes": [format!("{path}: cannot be read"), "in /srv/Acme Corp (new)/lib/x.jar"],
        });
        redactor.learn(None, &value);
        redactor.value(None, &mut value);
        let text = value.to_string();
        for word in ["srv", "Acme", "Corp", "new", "it's", "app=", "lib"] {
            assert!(!text.contains(word), "{key}: {word} in {text}");
        }
        assert!(text.contains(": cannot be read"), "{key}: {text}");
    }
}

#[test]
fn arguments_may_hold_one_path_with_blanks() {
    let mut redactor = Redactor::default();
    let mut value = serde_json::json!({
        "command": ["/opt/Acme Corp/bin/java -jar /opt/Acme Corp/shop.jar"],
        "flags": ["-Dcatalina.base=/opt/Acme Corp/tomcat", "-Xlog:gc:file=/var/Acme Corp/gc.log:time"],
        "last": "cannot write /var/Acme Corp/gc.log:time",
    });
    redactor.learn(None, &value);
    redactor.value(None, &mut value);
    let text = value.to_string();
    assert!(!text.contains("Acme") && !text.contains("Corp"), "{text}");
    assert!(text.contains("-Dcatalina.base=/path-"), "{text}");
}

/// What a field, a home, a mark or an address tells of a user holds for every line, an earlier
/// one too; a word that lines are full of is none, nor is a program of the same name.
#[test]
fn a_user_that_is_known_is_replaced_wherever_he_stands() {
    let known = [
        ("user", "alice"),
        ("cwd", "/home/alice/shop"),
        ("executable", "/home/alice/bin/shop"),
        ("last", "mail alice@acme.example"),
        ("last", "user=alice, uid=7"),
        ("last", r#"{"user": "alice"}"#),
        ("last", "at C:\\Users\\alice\\shop"),
        ("last", "Client environment:user.name=alice"),
        ("last", "https://alice:pw@ci.acme.example/"),
        (
            "last",
            "Successfully authenticated client: authenticationID=alice;  authorizationID=alice.",
        ),
    ];
    for (key, text) in known {
        let mut redactor = Redactor::default();
        let mut value = serde_json::json!({
            "findings": [{"last": "ERROR for alice: alice's job [alice] malice alice-7"}],
            "then": {key: text},
        });
        redactor.learn(None, &value);
        redactor.value(None, &mut value);
        let line = value["findings"][0]["last"].as_str().unwrap();
        let expected = "ERROR for user-1: user-1's job [user-1] malice alice-7";
        assert_eq!(line, expected, "{key}: {text}");
        assert!(!value["then"].to_string().contains("alice"), "{value}");
    }
    let line = "server client shop 1000 null";
    for user in ["server", "shop", "1000", "root"] {
        let mut redactor = Redactor::default();
        let mut value = serde_json::json!({"name": "shop", "user": user, "last": line});
        redactor.learn(None, &value);
        redactor.value(None, &mut value);
        assert_eq!(value["last"], line);
        assert_eq!(value["name"], "shop");
    }
    assert_eq!(
        words("user=null null superuser=true true"),
        "user=null null superuser=true true"
    );
}

/// The kernel's name of a task, and all fields that have the same name.
#[test]
fn a_program_is_called_the_same_in_each_field_whatever_it_looks_like() {
    for (name, expected) in [
        ("alice-app@h1", "alice-app@h1"),
        ("bob@acme.com", "bob@acme.com"),
        ("a@zk9.acme.de", "a@host-1"),
        ("10.77.0.1:2181", "198.18.0.1:2181"),
        ("on 10.77.100.77", "on 198.18.0.1"),
        ("in 1.2.3.4 5678", "in 198.18.0.1 5"),
        ("zk://acme/shop", "zk://host-1/pat"),
        ("user=alice", "user=user-1"),
        ("alice", "alice"),
    ] {
        let mut redactor = Redactor::default();
        let mut bytes = vec![0; size_of::<ConnectionRecord>()];
        bytes[..2].copy_from_slice(&tag::CONNECTION.to_le_bytes());
        let at = offset_of!(ConnectionRecord, opener_comm);
        bytes[at..at + name.len()].copy_from_slice(name.as_bytes());
        let mut record = Vec::new();
        redactor.copy(&bytes, &mut record);
        let of_record = str::from_utf8(&record[at..at + expected.len() + 1]).unwrap();
        assert_eq!(of_record, format!("{expected}\0"));
        let mut value = serde_json::json!({
            "user": "alice",
            "name": name, "label": name, "comm": name, "command": [name],
            "last": format!("{name} is busy"),
        });
        redactor.learn(None, &value);
        redactor.value(None, &mut value);
        for key in ["name", "label", "comm"] {
            assert_eq!(value[key], expected, "{key}");
        }
        if name.contains('@') {
            assert_eq!(value["command"][0], expected);
            assert_eq!(value["last"], format!("{expected} is busy"));
        }
    }
}

#[test]
fn a_path_with_a_sign_in_it_is_one_word() {
    assert_eq!(words("at /srv/a=b/c.log"), "at /path-1.log");
    assert_eq!(words("file=/srv/a=b/c.log x=1"), "file=/path-1.log x=1");
}

/// Of a form that a parser may go down into for each character.
#[test]
fn no_text_is_too_deep() {
    for text in ["a=", "a:/", "[", "a]:", "a@", "a/", "://"] {
        words(&text.repeat(100_000));
    }
    words(&("[".repeat(100_000) + &"]".repeat(100_000)));
}

proptest! {
    /// Whatever stands right beside it.
    #[test]
    fn an_address_within_a_word_is_replaced(
        before in "[g-z@#/=\\[\\]*_(-]{0,6}",
        behind in "[g-z@#/=\\]*_:)-]{0,6}",
    ) {
        let text = format!("{before}10.98.76.54{behind}");
        prop_assert!(!words(&text).contains("10.98.76.54"), "{text}");
    }

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
