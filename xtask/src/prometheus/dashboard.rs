// SPDX-License-Identifier: MIT
//! The dashboard for Grafana: contrib/grafana/zkchurn.json, made from dashboard.toml beside it.
//! Its fields are those of Grafana's dashboard JSON model (schema 39, Grafana 11).

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::workspace;

const GRID_WIDTH: u64 = 24;
const SCOPE: &str = "$scope";

/// All of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Dashboard {
    title: String,
    /// What `$scope` in an expression is short for.
    scope: String,
    panels: Vec<Panel>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Panel {
    /// The heading that it is under.
    row: String,
    title: String,
    says: String,
    kind: Kind,
    /// Of 24.
    width: u64,
    #[serde(default)]
    unit: Option<String>,
    expressions: Vec<Expression>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Stat,
    Table,
    Lines,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expression {
    expr: String,
    #[serde(default)]
    legend: Option<String>,
}

/// An expression, and the panel that it is of.
pub(super) struct Asked {
    pub panel: String,
    pub expr: String,
}

impl Dashboard {
    /// As the source has it.
    pub(super) fn read() -> Result<Self> {
        let path = directory().join("dashboard.toml");
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("{} is no dashboard", path.display()))
    }

    /// All expressions, as Grafana would send them for all hosts and programs with an interval
    /// of five minutes.
    pub(super) fn asked(&self) -> Vec<Asked> {
        let of_panel = |panel: &Panel| {
            let title = panel.title.clone();
            let exprs: Vec<_> = panel
                .expressions
                .iter()
                .map(|one| self.whole(one))
                .collect();
            exprs.into_iter().map(move |expr| Asked {
                panel: title.clone(),
                // A zero in the place of nothing is an answer to anything.
                expr: expr
                    .trim_end_matches(" or vector(0)")
                    .replace("$instance", ".*")
                    .replace("$process", ".*")
                    .replace("$__rate_interval", "5m"),
            })
        };
        self.panels.iter().flat_map(of_panel).collect()
    }

    fn whole(&self, expression: &Expression) -> String {
        expression.expr.replace(SCOPE, &self.scope)
    }

    /// The file that Grafana reads.
    fn json(&self) -> Result<String> {
        let dashboard = json!({
            "uid": "zkchurn",
            "title": self.title,
            "tags": ["zookeeper", "zkchurn"],
            "schemaVersion": 39,
            "editable": true,
            "graphTooltip": 1,
            "refresh": "1m",
            "time": { "from": "now-3h", "to": "now" },
            "templating": { "list": [
                { "name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus" },
                choice("instance", "Host", "label_values(zkchurn_build_info, instance)"),
                choice("process", "Program", "label_values(zkchurn_connections_total{instance=~\"$instance\"}, process)"),
            ] },
            "panels": self.placed()?,
        });
        Ok(format!("{}\n", serde_json::to_string_pretty(&dashboard)?))
    }

    /// The panels from left to right and from top to bottom, with a heading where a row begins.
    fn placed(&self) -> Result<Vec<Value>> {
        let mut placed = Vec::new();
        let (mut x, mut y, mut line_height) = (0, 0, 0);
        let mut row = "";
        for panel in &self.panels {
            ensure!(
                (1..=GRID_WIDTH).contains(&panel.width),
                "{}: a width is 1 to {GRID_WIDTH}",
                panel.title
            );
            let is_next_row = panel.row != row;
            if is_next_row || x + panel.width > GRID_WIDTH {
                (x, y) = (0, y + line_height);
                line_height = 0;
            }
            if is_next_row {
                row = &panel.row;
                let id = placed.len() + 1;
                let at = json!({ "x": 0, "y": y, "w": GRID_WIDTH, "h": 1 });
                placed.push(json!({
                    "id": id, "type": "row", "title": row, "collapsed": false, "panels": [],
                    "gridPos": at,
                }));
                y += 1;
            }
            let height = panel.kind.height();
            let at = json!({ "x": x, "y": y, "w": panel.width, "h": height });
            placed.push(self.panel(panel, placed.len() + 1, &at));
            x += panel.width;
            line_height = line_height.max(height);
        }
        Ok(placed)
    }

    fn panel(&self, panel: &Panel, id: usize, at: &Value) -> Value {
        let datasource = json!({ "type": "prometheus", "uid": "${datasource}" });
        let targets = panel.expressions.iter().zip('A'..);
        let targets: Vec<_> = targets
            .map(|(expression, name)| {
                json!({
                    "refId": name.to_string(),
                    "datasource": datasource,
                    "expr": self.whole(expression),
                    "legendFormat": expression.legend.as_deref().unwrap_or("__auto"),
                    // One value of now, or a line.
                    "instant": panel.kind.is_of_now(),
                    "range": !panel.kind.is_of_now(),
                    "format": panel.kind.format(),
                })
            })
            .collect();
        let mut whole = json!({
            "id": id,
            "type": panel.kind.plugin(),
            "title": panel.title,
            "description": panel.says,
            "gridPos": at,
            "datasource": datasource,
            "targets": targets,
            "fieldConfig": {
                "defaults": { "unit": panel.unit.as_deref().unwrap_or("short"), "min": 0 },
                "overrides": [],
            },
        });
        if let Kind::Table = panel.kind {
            // When it was asked says nothing.
            whole["transformations"] = json!([
                { "id": "organize", "options": { "excludeByName": { "Time": true } } },
                { "id": "sortBy", "options": { "sort": [{ "field": "Value", "desc": true }] } },
            ]);
        }
        whole
    }
}

impl Kind {
    fn plugin(self) -> &'static str {
        match self {
            Self::Stat => "stat",
            Self::Table => "table",
            Self::Lines => "timeseries",
        }
    }

    fn format(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Stat | Self::Lines => "time_series",
        }
    }

    fn is_of_now(self) -> bool {
        !matches!(self, Self::Lines)
    }

    fn height(self) -> u64 {
        match self {
            Self::Stat => 4,
            Self::Table | Self::Lines => 9,
        }
    }
}

/// A list at the head of the dashboard, of which all are chosen at first.
fn choice(name: &str, label: &str, query: &str) -> Value {
    json!({
        "name": name,
        "label": label,
        "type": "query",
        "datasource": { "type": "prometheus", "uid": "${datasource}" },
        "query": { "query": query, "refId": name },
        "includeAll": true,
        "allValue": ".*",
        "multi": true,
        "current": { "text": "All", "value": "$__all" },
        "refresh": 2,
        "sort": 1,
    })
}

fn directory() -> PathBuf {
    workspace::root().join("contrib/grafana")
}

fn path() -> PathBuf {
    directory().join("zkchurn.json")
}

/// Makes the file anew.
pub(crate) fn write() -> Result<()> {
    let path = path();
    fs::write(&path, Dashboard::read()?.json()?)
        .with_context(|| format!("cannot write {}", path.display()))?;
    println!("{} is made from dashboard.toml", path.display());
    Ok(())
}

/// Whether the file is what its source makes.
pub(super) fn check(dashboard: &Dashboard) -> Result<()> {
    let path = path();
    let is =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    ensure!(
        is == dashboard.json()?,
        "contrib/grafana/zkchurn.json is not what dashboard.toml makes: run `cargo xtask dashboard`"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_what_its_source_makes() {
        check(&Dashboard::read().expect("a dashboard")).expect("the same");
    }

    #[test]
    fn panels_lie_side_by_side_and_over_nothing() {
        let placed = Dashboard::read().expect("a dashboard").placed();
        let placed = placed.expect("all fit");
        let place = |panel: &Value| {
            ["x", "y", "w", "h"].map(|name| panel["gridPos"][name].as_u64().expect("a number"))
        };
        for (index, one) in placed.iter().enumerate() {
            let [x, y, w, h] = place(one);
            assert!(x + w <= GRID_WIDTH, "{one}");
            for other in &placed[index + 1..] {
                let [x2, y2, w2, h2] = place(other);
                let is_apart = x + w <= x2 || x2 + w2 <= x || y + h <= y2 || y2 + h2 <= y;
                assert!(is_apart, "{one} {other}");
            }
        }
    }

    #[test]
    fn what_is_asked_has_nothing_of_grafanas_in_it() {
        let asked = Dashboard::read().expect("a dashboard").asked();
        assert!(asked.len() > 15);
        for one in asked {
            assert!(!one.expr.contains('$'), "{}", one.expr);
        }
    }
}
