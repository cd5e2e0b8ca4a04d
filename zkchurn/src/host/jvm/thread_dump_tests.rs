// SPDX-License-Identifier: MIT
//! Dumps as the JDKs write them, and as programs may forge them.

use proptest::prelude::*;

use super::*;

const JDK_8: &str = r#"2026-11-23 14:00:00
Full thread dump OpenJDK 64-Bit Server VM (25.392-b08 mixed mode):

"Attach Listener" #10 daemon prio=9 os_prio=0 tid=0x00007f3b50001000 nid=0x4b31 waiting on condition [0x0000000000000000]
   java.lang.Thread.State: RUNNABLE

"main-SendThread(zk1:2181)" #9 daemon prio=5 os_prio=0 tid=0x00007f3b880e1800 nid=0x4b17 waiting on condition [0x00007f3b6d5f4000]
   java.lang.Thread.State: TIMED_WAITING (sleeping)
	at java.lang.Thread.sleep(Native Method)
	at org.apache.zookeeper.client.StaticHostProvider.next(StaticHostProvider.java:101)
	- locked <0x00000000d7f3a5c8> (a java.lang.Object)
	at org.apache.zookeeper.ClientCnxn$SendThread.run(ClientCnxn.java:1003)

"VM Thread" os_prio=0 tid=0x00007f3b8806e000 nid=0x4b0d runnable 

JNI global references: 5
"#;

const JDK_17: &str = r#"2026-11-23 14:00:00
Full thread dump OpenJDK 64-Bit Server VM (17.0.21 mixed mode, sharing):

Threads class SMR info:
_java_thread_list=0x00007fc0dc001e90, length=12, elements={
0x00007fc19c017ec0
}

"main-SendThread(zk1:2181)" #12 daemon prio=5 os_prio=0 cpu=0.16ms elapsed=2.21s tid=0x00007fc19c129440 nid=0x4b17 waiting on condition  [0x00007fc11aefe000]
   java.lang.Thread.State: TIMED_WAITING (sleeping)
	at java.lang.Thread.sleep(java.base@17.0.21/Native Method)
	at Main.run(Main.java:3)
"#;

/// From JDK 18 on the nid is decimal; this is what 21 writes.
const JDK_21: &str = r#"Full thread dump OpenJDK 64-Bit Server VM (21.0.5+11-LTS mixed mode):

"main-SendThread(zk1:2181)" #21 [19223] daemon prio=5 os_prio=0 cpu=0.57ms elapsed=1.89s tid=0x00007f57280fc8a0 nid=19223 waiting on condition  [0x00007f56e76fe000]
   java.lang.Thread.State: TIMED_WAITING (sleeping)
	at java.lang.Thread.sleep0(java.base@21.0.5/Native Method)
	at java.lang.Thread.sleep(java.base@21.0.5/Thread.java:509)

"ForkJoinPool-1-worker-1" #23 [19224] daemon prio=5 os_prio=0 cpu=0.10ms elapsed=1.00s tid=0x00007f5728100000 nid=19224 runnable  [0x00007f56e75fe000]
   Carrying virtual thread #22
	at jdk.internal.vm.Continuation.run(java.base@21.0.5/Continuation.java:248)
"#;

/// Written by Temurin 25.
const JDK_25: &str = r#"Full thread dump OpenJDK 64-Bit Server VM (25+36-LTS mixed mode, sharing):

"main" #3 [26736] prio=5 os_prio=0 cpu=51.52ms elapsed=2.07s tid=0x00007f572802a860 nid=26736 in Object.wait()  [0x00007f572e1fe000]
   java.lang.Thread.State: WAITING (on object monitor)
	at java.lang.Object.wait0(java.base@25/Native Method)
	- waiting on <0x00000000ffcc2fb8> (a java.lang.Thread)

"GC Thread#0" os_prio=0 cpu=0.07ms elapsed=2.07s tid=0x00007f5728057760 nid=26737 runnable  
"#;

fn one(dump: &str, nid: u32) -> Thread {
    match ThreadDump::parse(dump.as_bytes()).find(nid) {
        Found::One(thread) => thread,
        other => panic!("{nid}: {other:?}"),
    }
}

#[test]
fn the_same_thread_is_found_in_the_dump_of_every_jdk() {
    for dump in [JDK_8, JDK_17, JDK_21] {
        let thread = one(dump, 19223);
        assert_eq!(thread.name(), "main-SendThread(zk1:2181)");
        assert_eq!(thread.state.as_deref(), Some("TIMED_WAITING (sleeping)"));
        assert!(thread.stack[0].starts_with("java.lang.Thread.sleep"));
        assert!(!thread.broken_name);
    }
    let sleeping = one(JDK_8, 19223);
    assert_eq!(sleeping.stack.len(), 3, "locks are no frames");
    assert_eq!(
        sleeping.stack[2],
        "org.apache.zookeeper.ClientCnxn$SendThread.run(ClientCnxn.java:1003)"
    );
    assert_eq!(ThreadDump::parse(JDK_8.as_bytes()).threads(), 3);
    assert_eq!(one(JDK_25, 26736).stack.len(), 1);
    assert_eq!(one(JDK_25, 26737).name(), "GC Thread#0");
    assert_eq!(one(JDK_25, 26737).state, None);
}

#[test]
fn hexadecimal_and_decimal_are_not_confused() {
    // 0x4b17 is 19223; as digits of the other notation it must not be found.
    assert_eq!(
        ThreadDump::parse(JDK_21.as_bytes()).find(0x19223),
        Found::Nothing
    );
    assert_eq!(ThreadDump::parse(JDK_17.as_bytes()).find(4), Found::Nothing);
}

#[test]
fn a_carrier_shows_its_frames() {
    let carrier = one(JDK_21, 19224);
    assert_eq!(carrier.state, None);
    assert_eq!(carrier.stack.len(), 1);
}

/// A thread of JDK 17 with this name.
fn named(name: &str, nid: u32) -> String {
    format!(
        "\"{name}\" #12 daemon prio=5 os_prio=0 cpu=0.16ms elapsed=2.21s \
         tid=0x00007fc19c129440 nid={nid:#x} runnable  [0x00007fc11aefe000]\n   \
         java.lang.Thread.State: RUNNABLE\n\tat Main.{nid}(Main.java)\n\n"
    )
}

#[test]
fn quotes_and_fields_in_a_name_belong_to_it() {
    for name in [
        "say \"hello\"",
        "x nid=0x1 tid=0x1",
        "x\" #1 prio=5 os_prio=0 tid=0x1 nid=0x1 runnable",
        "\u{1b}[2J",
        "",
    ] {
        let dump = format!("head\n\n{}", named(name, 77));
        assert_eq!(one(&dump, 77).name(), name);
        assert_eq!(one(&dump, 77).stack, ["Main.77(Main.java)"]);
        assert_eq!(ThreadDump::parse(dump.as_bytes()).find(1), Found::Nothing);
    }
}

#[test]
fn a_name_with_line_breaks_is_followed_back() {
    let dump = format!(
        "head\n\n{}{}",
        named("first\nsecond\"\nthird", 77),
        named("other", 78)
    );
    let thread = one(&dump, 77);
    assert_eq!(thread.raw_name, b"first\nsecond\"\nthird");
    assert!(thread.broken_name);
    assert!(!one(&dump, 78).broken_name);
}

#[test]
fn of_two_headers_with_the_same_nid_none_is_believed() {
    let forged = format!("x\n\n{}", named("victim", 78).trim_end());
    let dump = format!("head\n\n{}{}", named(&forged, 77), named("real", 78));
    assert_eq!(
        ThreadDump::parse(dump.as_bytes()).find(78),
        Found::Ambiguous(2)
    );
    // Also when the forged line does not begin with a quote.
    let forged = forged.replace("\"victim", "victim");
    let dump = format!("head\n\n{}{}", named(&forged, 77), named("real", 78));
    assert_eq!(
        ThreadDump::parse(dump.as_bytes()).find(78),
        Found::Ambiguous(2)
    );
}

#[test]
fn stacks_names_and_lines_are_bounded() {
    let mut dump = named(&"n".repeat(100_000), 77).trim_end().to_owned();
    for _ in 0..100 {
        dump.push_str("\n\tat ");
        dump.push_str(&"f".repeat(10_000));
    }
    let thread = one(&dump, 77);
    assert_eq!(thread.stack.len(), FRAMES);
    assert_eq!(thread.frames_left_out, 101 - FRAMES as u64);
    assert_eq!(thread.name().chars().count(), NAME + 1);
    assert_eq!(thread.stack[1].chars().count(), LINE + 1);
}

#[test]
fn a_header_without_a_usable_nid_is_none() {
    for tail in [
        "nid=",
        "nid=0x",
        "nid=-1",
        "nid=0x1ffffffff",
        "nid=1x",
        "xnid=1",
    ] {
        let line = format!("\"a\" #1 prio=5 tid=0x1 {tail} runnable\n");
        assert_eq!(ThreadDump::parse(line.as_bytes()).threads(), 0, "{tail}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600), nid: u32) {
        let dump = ThreadDump::parse(&bytes);
        let _ = dump.find(nid);
    }

    #[test]
    fn no_mixture_of_parts_makes_it_panic(
        parts in proptest::collection::vec(
            proptest::sample::select(vec![
                "\"", "\n", "\n\n", " ", "tid=0x1", "nid=7", " nid=0x7 ", "\tat x", "#1", "é",
                "\" #1 prio=5 tid=0x1 nid=7 x", "   java.lang.Thread.State: ",
            ]),
            0..60,
        ),
    ) {
        let text = parts.concat();
        let dump = ThreadDump::parse(text.as_bytes());
        prop_assert_eq!(matches!(dump.find(7), Found::Nothing), dump.threads() == 0);
    }

    /// Whatever a thread is called, the thread of another nid is found as it
    /// is, or said to be ambiguous.
    #[test]
    fn no_name_changes_another_thread(name in "[\"a-z=0-9 x#\n\t]{0,80}") {
        let dump = format!("head\n\n{}{}", named(&name, 77), named("real", 78));
        match ThreadDump::parse(dump.as_bytes()).find(78) {
            Found::One(thread) => prop_assert_eq!(thread.raw_name, b"real".to_vec()),
            Found::Ambiguous(claims) => prop_assert!(claims > 1),
            Found::Nothing => prop_assert!(false, "the thread is lost"),
        }
    }
}
