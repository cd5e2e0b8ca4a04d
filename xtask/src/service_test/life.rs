// SPDX-License-Identifier: MIT
//! An agent that is started, reloaded, killed, stopped in its tracks, and ended.

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::Value;

use super::facts::Facts;
use super::privileges;
use super::verdict::Verdict;

/// What holds of it.
pub(super) fn verdict(facts: &Facts) -> Result<Verdict> {
    let mut verdict = Verdict::default();
    started(facts, &mut verdict);
    privileges::check(facts, &mut verdict)?;
    reloaded(facts, &mut verdict);
    killed(facts, &mut verdict);
    recorded(facts, &mut verdict);
    kept(facts, &mut verdict);
    watched(facts, &mut verdict);
    stopped(facts, &mut verdict);
    with_drop_ins(facts, &mut verdict);
    understood(facts, &mut verdict);
    Ok(verdict)
}

fn started(facts: &Facts, verdict: &mut Verdict) {
    let systemd = facts.get("systemd").lines().next().unwrap_or_default();
    let failed = facts.get("failed").trim();
    verdict.check(
        facts.get("system").trim() == "running" && failed.is_empty(),
        format!("{systemd} runs {failed}"),
    );
    verdict.is("systemctl start complains", facts.get("start").trim(), "");
    for (property, wanted) in [
        ("Type", "notify"),
        ("ActiveState", "active"),
        ("SubState", "running"),
        ("NRestarts", "0"),
    ] {
        verdict.is(property, facts.property("started", property), wanted);
    }
    let status = facts.property("started", "StatusText");
    verdict.says("its status", status, "tracing connections opened to");
}

fn reloaded(facts: &Facts, verdict: &mut Verdict) {
    verdict.is("systemctl reload complains", facts.get("reload").trim(), "");
    let pid = |name| facts.property(name, "MainPID");
    verdict.check(
        pid("started") == pid("reloaded") && facts.property("reloaded", "ActiveState") == "active",
        "reloaded, it is the same process",
    );
    let journal = messages(facts);
    verdict.says(
        "what changed",
        &journal,
        "settings read again: at most 64 MiB and 24 h",
    );
    verdict.says(
        "what may not",
        &journal,
        "handshake cannot change while it traces",
    );
}

fn killed(facts: &Facts, verdict: &mut Verdict) {
    let again = |property| facts.property("started again", property);
    verdict.is(
        "killed, systemd has started it again, times",
        again("NRestarts"),
        "1",
    );
    verdict.is("it is", again("ActiveState"), "active");
    verdict.check(
        again("MainPID") != facts.property("reloaded", "MainPID"),
        "it is another process",
    );
    let before = segments(facts.get("files as it was killed"));
    let after = segments(facts.get("files as it was started again"));
    verdict.check(
        !before.is_empty() && before.is_subset(&after),
        format!(
            "{} segments are kept of {}",
            after.intersection(&before).count(),
            before.len()
        ),
    );
}

/// What was recorded around SIGKILL, by the times at which connections were made.
fn recorded(facts: &Facts, verdict: &mut Verdict) {
    let made = times(facts.get("made before it was killed"));
    let later = times(facts.get("made later"));
    let safe = facts.get("safe since").trim();
    let recorded = connections(facts);
    let begin = made.first().copied().unwrap_or_default();
    let began_again = later.first().copied().unwrap_or_default();
    let before = recorded
        .iter()
        .filter(|time| (begin..began_again).contains(&time.as_str()));
    let before = before.count();
    let safe = made.iter().filter(|time| **time < safe).count();
    verdict.check(
        safe > 0 && before >= safe && before <= made.len(),
        format!(
            "{before} of {} connections are recorded, and all {safe} older than 2 s",
            made.len()
        ),
    );
    let after = recorded
        .iter()
        .filter(|time| time.as_str() >= began_again)
        .count();
    verdict.check(
        !later.is_empty() && after == later.len(),
        format!("{after} of {} are recorded that came later", later.len()),
    );
    let replay = facts.get("replay");
    verdict.says("the report on both", replay, "the recorder was not running");
}

fn kept(facts: &Facts, verdict: &mut Verdict) {
    let files = facts.get("files of the incident");
    for file in ["incident.json", "incident.zkchurn", "report.html"] {
        let line = format!("600 root f {file}");
        verdict.check(
            files.lines().any(|one| one == line),
            format!("it kept {line}"),
        );
    }
    let right = |line: &&str| line.starts_with("700 root d ") || line.starts_with("600 root f ");
    let wrong: Vec<_> = files.lines().filter(|line| !line.is_empty()).collect();
    let wrong: Vec<_> = wrong.into_iter().filter(|line| !right(line)).collect();
    verdict.check(
        wrong.is_empty(),
        format!("nobody else may read what is kept {}", wrong.join(" ")),
    );
    let entries = facts.objects("journal");
    let has = |entry: &Value, name: &str, wanted: &str| {
        entry[name]
            .as_str()
            .is_some_and(|value| value.contains(wanted))
    };
    let churn = entries.iter().any(|entry| {
        has(entry, "MESSAGE", "churn began: ")
            && has(entry, "ZKCHURN_FINDING", "refused")
            && has(entry, "ZKCHURN_PROCESS", "bash")
            && has(entry, "ZKCHURN_PEER", "127.0.0.1:2181")
            && has(entry, "PRIORITY", "4")
            && has(entry, "_SYSTEMD_UNIT", "zkchurn-agent.service")
    });
    verdict.check(churn, "the journal has what began to churn, in fields");
    let incident = entries.iter().any(|entry| {
        has(entry, "ZKCHURN_INCIDENT", "/var/lib/zkchurn/incidents/") && has(entry, "PRIORITY", "5")
    });
    verdict.check(incident, "and where the incident is");
}

fn watched(facts: &Facts, verdict: &mut Verdict) {
    let of = |property| facts.property("watched", property);
    verdict.is(
        "standing still, it was started again, times",
        of("NRestarts"),
        "2",
    );
    verdict.is("it is", of("ActiveState"), "active");
    verdict.says("systemd", facts.get("manager"), "Watchdog timeout");
}

fn stopped(facts: &Facts, verdict: &mut Verdict) {
    ended(facts, "stopped", verdict);
    verdict.is("systemctl stop complains", facts.get("stop").trim(), "");
    // One that was killed leaves its last segment unfinished.
    let killed = facts.get("files as it was started again");
    let files = facts.get("files as it was stopped");
    let unfinished = files.lines().filter(|line| line.ends_with(".partial"));
    let unfinished = unfinished.filter(|line| !killed.contains(line));
    verdict.is("unfinished files", &unfinished.count().to_string(), "0");
    let left = facts.get("left running");
    let pids = left.lines().filter(|line| line.parse::<u32>().is_ok());
    verdict.is("processes left", &pids.count().to_string(), "0");
}

/// That it has ended as it should.
pub(super) fn ended(facts: &Facts, name: &str, verdict: &mut Verdict) {
    for (property, wanted) in [
        ("ActiveState", "inactive"),
        ("Result", "success"),
        ("ExecMainStatus", "0"),
    ] {
        let what = format!("{name}: {property}");
        verdict.is(&what, facts.property(name, property), wanted);
    }
}

fn with_drop_ins(facts: &Facts, verdict: &mut Verdict) {
    let state = facts.property("started with drop-ins", "ActiveState");
    verdict.is("with its drop-ins it is", state, "active");
    verdict.says(
        "and serves counts",
        facts.get("metrics"),
        "zkchurn_build_info{",
    );
    ended(facts, "stopped with drop-ins", verdict);
}

/// systemd names the file of a line that it does not understand or like.
pub(super) fn understood(facts: &Facts, verdict: &mut Verdict) {
    let manager = facts.get("manager");
    let of_a_file = |line: &&str| {
        let file = ["/zkchurn-agent.service", "Unknown "];
        file.iter().any(|word| line.contains(word))
    };
    let complaints: Vec<_> = manager.lines().filter(of_a_file).collect();
    verdict.check(
        manager.contains("zkchurn-agent.service") && complaints.is_empty(),
        format!("systemd understands the unit {}", complaints.join("; ")),
    );
}

/// All that the agent said.
fn messages(facts: &Facts) -> String {
    let entries = facts.objects("journal");
    let messages = entries.iter().filter_map(|entry| entry["MESSAGE"].as_str());
    messages.collect::<Vec<_>>().join("\n")
}

/// Names of segments, finished or not.
fn segments(files: &str) -> BTreeSet<&str> {
    let names = files.lines().filter_map(|line| line.rsplit(' ').next());
    names
        .map(|name| name.trim_end_matches(".partial"))
        .filter(|name| name.ends_with(".zkchurn"))
        .collect()
}

fn times(said: &str) -> Vec<&str> {
    said.lines().filter(|line| line.ends_with('Z')).collect()
}

/// When each connection of the replay began that the shell has made.
fn connections(facts: &Facts) -> Vec<String> {
    let objects = facts.objects("replay");
    let made = objects
        .iter()
        .filter(|object| object["type"] == "connection" && object["process"]["name"] == "bash");
    made.filter_map(|object| object["started"].as_str().map(str::to_owned))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::verdict::holds;
    use super::*;

    /// Connections a second apart, killed at :04, the recorded ones by their seconds.
    fn replayed(recorded: &[u32]) -> String {
        let time = |second: &u32| format!("2026-11-28T10:00:{second:02}.5Z");
        let lines = |seconds: &[u32]| seconds.iter().map(time).collect::<Vec<_>>().join("\n");
        let connections = recorded.iter().map(|second| {
            let started = time(second);
            format!(
                "{{\"type\":\"connection\",\"process\":{{\"name\":\"bash\"}},\"started\":\"{started}\"}}\n"
            )
        });
        format!(
            "\n## safe since\n2026-11-28T10:00:02.5Z\n\n## made before it was killed\n{}\n\n\
             ## made later\n{}\n\n## replay\n{}{{\"degraded\":[\"the recorder was not running\"]}}\n",
            lines(&[0, 1, 2, 3]),
            lines(&[40, 41]),
            connections.collect::<String>()
        )
    }

    #[test]
    fn what_is_older_than_two_seconds_has_to_be_recorded() {
        assert!(holds(&replayed(&[0, 1, 2, 40, 41]), recorded));
        assert!(holds(&replayed(&[0, 1, 40, 41]), recorded));
        assert!(!holds(&replayed(&[0, 40, 41]), recorded));
        assert!(!holds(&replayed(&[0, 1, 2, 3, 40]), recorded));
        assert!(!holds(&replayed(&[0, 0, 1, 2, 3, 40, 41]), recorded));
    }

    #[test]
    fn a_line_that_systemd_ignores_is_a_failure() {
        let fine = "\n## manager\nzkchurn-agent.service: Main process exited, code=killed\n";
        assert!(holds(fine, understood));
        let ignored = "/lib/systemd/system/zkchurn-agent.service:12: Unknown key name 'New'";
        assert!(!holds(&format!("{fine}{ignored}\n"), understood));
        assert!(!holds("\n## manager\n", understood));
    }

    #[test]
    fn a_segment_is_the_same_when_it_is_finished() {
        let files = "600 root f a-000000.zkchurn.partial\n700 root d zkchurn\n";
        assert_eq!(segments(files), BTreeSet::from(["a-000000.zkchurn"]));
    }
}
