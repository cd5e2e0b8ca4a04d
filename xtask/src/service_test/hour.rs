// SPDX-License-Identifier: MIT
//! An hour of the service, with churn from minute 40 on: what it has kept by itself.

use anyhow::{Context, Result};

use super::facts::Facts;
use super::life;
use super::usage::Usage;
use super::verdict::Verdict;

/// The client's thread, as Java calls it: the kernel keeps 15 characters of that.
const THREAD: &str = "main-SendThread(127.0.0.1:2181)";
/// What the client's log says.
const LINE: &str = "java.lang.NoClassDefFoundError: org/apache/zookeeper/proto/SetWatches";
const FINDING: &str = "client_fails_before_it_speaks";
/// What the settings that it brings promise of segments, and of incidents.
const PROMISED: u64 = 256 << 20;
/// Wake-ups a second of all its processes, where next to nothing ends.
const MOST_WAKEUPS: f64 = 2.0;
/// Processor time of all its processes, of one processor, where nothing ends.
const MOST_CPU_PERCENT: f64 = 0.05;
/// Bytes of the process that traces.
const MOST_RESIDENT: u64 = 20_000_000;

/// What holds of it.
pub(super) fn verdict(facts: &Facts) -> Result<Verdict> {
    let mut verdict = Verdict::default();
    began(facts, &mut verdict);
    kept(facts, &mut verdict);
    reported(facts, &mut verdict)?;
    told(facts, &mut verdict);
    for name in ["checked to", "busy to", "at the end"] {
        let usage = Usage::of(facts, name)?;
        verdict.check(
            usage.segments <= PROMISED && usage.incidents <= PROMISED,
            format!(
                "{name}: {} bytes of segments and {} of incidents",
                usage.segments, usage.incidents
            ),
        );
    }
    quiet(facts, &mut verdict)?;
    small(facts, &mut verdict)?;
    verdict.is("restarts", facts.property("stopped", "NRestarts"), "0");
    life::ended(facts, "stopped", &mut verdict);
    life::understood(facts, &mut verdict);
    Ok(verdict)
}

/// Where nothing churns it sleeps. Nothing can wake it for the guest's being slow, whose clock
/// runs with its instructions.
fn quiet(facts: &Facts, verdict: &mut Verdict) -> Result<()> {
    for part in ["quiet", "checked"] {
        let [from, to] = ["from", "to"].map(|edge| Usage::of(facts, &format!("{part} {edge}")));
        let span = to?.since(&from?);
        verdict.check(
            span.wakeups_per_second < MOST_WAKEUPS,
            format!("{part}: {:.2} wake-ups a second", span.wakeups_per_second),
        );
        // A real processor takes less; where connections end, this slow one takes more.
        verdict.check(
            span.cpu_percent < MOST_CPU_PERCENT || part != "quiet",
            format!("{part}: {:.3} % of a processor", span.cpu_percent),
        );
    }
    Ok(())
}

/// It never takes more memory than was promised, and churn adds little.
fn small(facts: &Facts, verdict: &mut Verdict) -> Result<()> {
    let [quiet, busy] = ["quiet to", "busy to"].map(|name| Usage::of(facts, name));
    let (quiet, busy) = (quiet?.main, busy?.main);
    verdict.check(
        busy.peak_kib * 1024 <= MOST_RESIDENT,
        format!("{} KiB resident at most", busy.peak_kib),
    );
    verdict.check(
        busy.resident_kib < quiet.resident_kib + quiet.resident_kib / 10,
        format!(
            "{} KiB resident when busy, {} when quiet",
            busy.resident_kib, quiet.resident_kib
        ),
    );
    Ok(())
}

fn began(facts: &Facts, verdict: &mut Verdict) {
    verdict.is("systemd", facts.get("system").trim(), "running");
    verdict.says("the client", facts.get("client"), "watch set");
    let quiet = facts.get("journal until minute 40");
    verdict.check(
        quiet.contains("tracing connections") && !quiet.contains("churn began"),
        "nothing churns until minute 40",
    );
    verdict.says("the client's log", facts.get("log of the client"), LINE);
}

/// The recording of the incident reaches back to minute 35.
fn kept(facts: &Facts, verdict: &mut Verdict) {
    let [from, to] = ["minute 35", "minute 36"].map(|name| facts.get(name).trim());
    let objects = facts.objects("incident of minute 35");
    let connections = objects.iter().filter(|object| {
        let ended = object["ended"].as_str().unwrap_or_default();
        object["type"] == "connection" && (from..to).contains(&ended)
    });
    let connections = connections.count();
    verdict.check(
        !from.is_empty() && connections > 0,
        format!("the incident holds minute 35, and {connections} connection of it"),
    );
}

fn reported(facts: &Facts, verdict: &mut Verdict) -> Result<()> {
    let objects = facts.objects("report as JSON");
    let report = objects.iter().find(|object| object["type"] == "report");
    let report = report.context("zkchurn report has made no report")?;
    let findings = report["findings"].as_array().map_or(&[][..], Vec::as_slice);
    let finding = findings.iter().find(|finding| finding["name"] == FINDING);
    let finding = finding.cloned().unwrap_or_default();
    let who = &finding["who"];
    verdict.is(
        "the report's finding",
        finding["name"].as_str().unwrap_or(""),
        FINDING,
    );
    let sure = finding["confidence"].as_str().unwrap_or("");
    verdict.check(
        ["likely", "certain"].contains(&sure),
        format!("it is {sure}"),
    );
    verdict.is(
        "its process",
        &who["pid"].to_string(),
        facts.get("pid of the client").trim(),
    );
    verdict.is("its thread", who["thread"].as_str().unwrap_or(""), THREAD);
    let evidence = finding["for"].to_string();
    verdict.check(
        evidence.contains(LINE) && evidence.contains("/service-test/incident/client.log:"),
        "its line of the log, with the file and the number",
    );
    let text = facts.get("report");
    verdict.check(
        text.contains(THREAD) && text.contains(LINE),
        "a person reads the same in the report",
    );
    Ok(())
}

/// Nobody had to ask.
fn told(facts: &Facts, verdict: &mut Verdict) {
    let entries = facts.objects("journal");
    let began = entries
        .iter()
        .any(|entry| entry["ZKCHURN_FINDING"] == FINDING);
    verdict.check(began, format!("the journal has ZKCHURN_FINDING={FINDING}"));
    let kept = entries
        .iter()
        .any(|entry| entry["ZKCHURN_INCIDENT"].is_string());
    verdict.check(kept, "and where the incident was kept");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::verdict::holds;
    use super::*;

    #[test]
    fn an_incident_that_begins_after_minute_35_is_too_short() {
        let said = |ended: &str| {
            let connection = json!({"type": "connection", "ended": ended});
            format!(
                "\n## minute 35\n2026-11-28T10:35:00Z\n\n## minute 36\n2026-11-28T10:36:00Z\n\n\
                 ## incident of minute 35\n{connection}\n"
            )
        };
        assert!(holds(&said("2026-11-28T10:35:30.5Z"), kept));
        assert!(!holds(&said("2026-11-28T10:36:30.5Z"), kept));
        assert!(!holds("", kept));
    }

    #[test]
    fn a_report_without_the_line_of_the_log_is_not_enough() {
        let said = |evidence: &str, text: &str| {
            let who = json!({"pid": 7, "thread": THREAD});
            let finding = json!({
                "name": FINDING, "confidence": "likely", "who": who, "for": [evidence],
            });
            let report = json!({"type": "report", "findings": [finding]});
            format!(
                "\n## pid of the client\n7\n\n## report\n{THREAD} {text}\n\n\
                 ## report as JSON\n{report}\n"
            )
        };
        let check = |facts: &Facts, verdict: &mut Verdict| {
            reported(facts, verdict).expect("there is a report");
        };
        let file = "/proc/7/root/service-test/incident/client.log:9";
        assert!(holds(&said(&format!("{file}: {LINE}"), LINE), check));
        assert!(!holds(
            &said("its log has lines of ZooKeeper's client", LINE),
            check
        ));
        assert!(!holds(&said(&format!("{file}: {LINE}"), "no line"), check));
    }
}
