// SPDX-License-Identifier: MIT
//! A day of the fleet, hour by hour, straight into the engine: no text of it is ever on the disk.

use std::path::Path;

use anyhow::{Context, Result};

use super::{
    host::{Host, Planted},
    recordings,
    story::MINUTE_MS,
    template::{Filling, Template, Told},
};
use crate::clickhouse::Engine;

/// The moment of all questions.
pub(super) const UNTIL: &str = "2026-11-25 00:00:00";
const JITTER_MS: u64 = 200;
/// How much is inserted at once.
const BATCH: usize = 8 << 20;

/// What was inserted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Inserted {
    pub connections: u64,
    pub intervals: u64,
    pub bytes: u64,
}

struct Templates {
    health_check: Template,
    churn: Template,
    interval: Template,
    churning: Template,
    leaking: Template,
}

impl Templates {
    fn of(zkchurn: &Path) -> Result<Self> {
        let of = |name: &str, kind: &str| -> Result<Template> {
            let lines = recordings::lines(zkchurn, &recordings::named(name))?;
            let begin = format!("{{\"type\":\"{kind}\"");
            let line = lines.lines().find(|line| line.starts_with(&begin));
            Template::of(line.with_context(|| format!("no {kind} in {name}"))?)
        };
        Ok(Self {
            health_check: of("kinds/ruok_in_a_pod", "connection")?,
            churn: of("incident", "connection")?,
            interval: of("kinds/healthy", "interval")?,
            churning: of("incident", "interval")?,
            leaking: of("kinds/handle_leak_java", "interval")?,
        })
    }
}

/// Has the engine take the day in.
pub(super) fn insert(engine: &mut Engine, zkchurn: &Path, hosts: &[Host]) -> Result<Inserted> {
    let templates = Templates::of(zkchurn)?;
    let mut inserted = Inserted::default();
    let mut lines = String::with_capacity(BATCH + (1 << 16));
    let mut random = fastrand::Rng::with_seed(hosts.len() as u64);
    for minute in 0..24 * 60 {
        for host in hosts {
            host_minute(
                &templates,
                host,
                minute * MINUTE_MS,
                &mut random,
                &mut lines,
                &mut inserted,
            );
            if lines.len() >= BATCH {
                hand_over(engine, &mut lines, &mut inserted)?;
            }
        }
    }
    hand_over(engine, &mut lines, &mut inserted)?;
    Ok(inserted)
}

fn hand_over(engine: &mut Engine, lines: &mut String, inserted: &mut Inserted) -> Result<()> {
    engine.insert(lines.as_bytes())?;
    inserted.bytes += lines.len() as u64;
    lines.clear();
    Ok(())
}

fn host_minute(
    templates: &Templates,
    host: &Host,
    minute_ms: u64,
    random: &mut fastrand::Rng,
    lines: &mut String,
    inserted: &mut Inserted,
) {
    if !host.tells(minute_ms) {
        return;
    }
    let mut write = |template: &Template, at_ms: u64, told: Told, pid: u64| {
        let random = random.u64(..);
        // Nothing happens to the millisecond.
        let at_ms = at_ms + (random >> 33) % JITTER_MS;
        let filling = Filling {
            host,
            at_ms: at_ms + host.ahead_ms(),
            // Lines are on their way for some seconds.
            received_ms: at_ms + 2_000 + host.phase_ms % 3_000,
            random,
            pid,
            told,
        };
        template.write(lines, &filling);
    };
    let within = host.phase_ms * 9 / 10;
    // Each is a process of its own.
    let check = 70_000 + minute_ms / MINUTE_MS * 37;
    let nothing = Told::default();
    write(&templates.health_check, minute_ms + within, nothing, check);
    inserted.connections += 1;
    for at_ms in host.churn_of(minute_ms) {
        write(&templates.churn, at_ms, nothing, host.pid);
        inserted.connections += 1;
    }
    let interval = match host.planted {
        Planted::Leaks => &templates.leaking,
        _ if host.churns(minute_ms) => &templates.churning,
        _ => &templates.interval,
    };
    write(
        interval,
        minute_ms + within + 1_000,
        host.told(minute_ms),
        host.pid,
    );
    inserted.intervals += 1;
}
