// SPDX-License-Identifier: MIT
//! The pages of `zkchurn report` and `zkchurn diff` as a browser shows them: nothing is
//! fetched or complained of, axe-core finds nothing that keeps people from reading them, in
//! light and dark and on narrow and wide screens, and they can be printed.

mod browser;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use self::browser::Browser;
use crate::{command, setup, workspace};

/// Bytes of the incident's page at most, and of any other.
const INCIDENT: u64 = 300 << 10;
const LARGEST: u64 = 2 << 20;
/// CSS pixels: a phone, and a laptop.
const WIDTHS: [u32; 2] = [360, 1280];
const SCHEMES: [&str; 2] = ["light", "dark"];
/// Inches.
const PAPERS: [(&str, f64, f64); 2] = [("A4", 8.27, 11.69), ("Letter", 8.5, 11.0)];

/// All that is wrong, in a few words each. Nothing is to be loaded for it, as that would show
/// as a request.
const AXE: &str = "axe.run(document, {preload: false, resultTypes: ['violations']}).then(
    found => found.violations.map(one => `${one.id} (${one.impact}): ` +
        one.nodes.slice(0, 3).map(node => node.target.join(' ')).join(', ')))";
const OVERFLOWS: &str =
    "document.documentElement.scrollWidth > document.documentElement.clientWidth";

/// A page on which everything is wrong that is looked for: the check has to see it.
const BAD: &str = "<!DOCTYPE html><html lang=en><title>bad</title><h1>A</h1><h3>B</h3>
<img src=none.png><p style='width: 2000px; color: #999'>wide</p>
<script>console.log('said')</script></html>";

/// Runs the step.
pub(crate) fn run() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let pages = make(directory.path())?;
    let axe = setup::browser::axe()?;
    let axe = fs::read_to_string(&axe).with_context(|| format!("cannot read {}", axe.display()))?;
    let profile = tempfile::tempdir()?;
    let mut browser = Browser::start(profile.path())?;
    prove_that_it_can_fail(&mut browser, directory.path(), &axe)?;
    let mut wrong = Vec::new();
    for page in &pages {
        let size = fs::metadata(page)?.len();
        let name = page.file_name().unwrap_or_default().display();
        let most = if name.to_string() == "incident.html" {
            INCIDENT
        } else {
            LARGEST
        };
        if size > most {
            wrong.push(format!("{name}: {size} bytes, above {most}"));
        }
        let found = looked_at(&mut browser, page, &axe)?;
        let printed = printed(&mut browser)?;
        println!("{name}: {size} bytes, {}", printed.join(", "));
        wrong.extend(found.into_iter().map(|one| format!("{name}: {one}")));
    }
    for one in &wrong {
        println!("wrong: {one}");
    }
    ensure!(wrong.is_empty(), "{} wrong with the pages", wrong.len());
    Ok(())
}

/// The pages: the incident, a server's side, several hosts, and a comparison.
fn make(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut build = command::cargo();
    build.args(["build", "--package", "zkchurn"]);
    let zkchurn = command::built(&mut build, "zkchurn")?;
    let recordings = workspace::root().join("zkchurn/tests/recordings");
    let recording = |name: &str| recordings.join(format!("{name}.zkchurn"));
    let (incident, quiet) = (recording("incident"), recording("quiet"));
    let page = |name: &str| directory.join(format!("{name}.html"));
    let report = |to: &Path, from: &[&Path]| {
        let mut report = Command::new(&zkchurn);
        command::run(report.arg("report").args(from).arg("-o").arg(to))
    };
    let [one, server, several, diff] = ["incident", "server", "hosts", "diff"].map(page);
    report(&one, &[&incident])?;
    report(&server, &[&recording("server_side")])?;
    let hosts = [
        ("app-1", &incident),
        ("app-2", &incident),
        ("app-3", &quiet),
    ];
    let hosts = hosts.map(|(host, from)| as_of_another_host(host, from, directory));
    let hosts = hosts.into_iter().collect::<Result<Vec<_>>>()?;
    let paths: Vec<_> = hosts.iter().map(PathBuf::as_path).collect();
    report(&several, &paths)?;
    let mut compare = Command::new(&zkchurn);
    compare.arg("diff").args([&incident, &quiet]);
    compare.args(["--format", "html"]);
    compare.stdout(fs::File::create(&diff)?);
    command::run(&mut compare)?;
    Ok(vec![one, server, several, diff])
}

fn as_of_another_host(host: &str, recording: &Path, directory: &Path) -> Result<PathBuf> {
    let to = directory.join(format!("{host}.zkchurn"));
    let mut cargo = command::cargo();
    cargo.args(["run", "--quiet", "--package", "zkchurn-core"]);
    cargo.args(["--example", "another_host", "--", host]);
    cargo.stdin(Stdio::from(fs::File::open(recording)?));
    cargo.stdout(fs::File::create(&to)?);
    command::run(&mut cargo)?;
    Ok(to)
}

/// What is wrong with a page as it is shown.
fn looked_at(browser: &mut Browser, page: &Path, axe: &str) -> Result<Vec<String>> {
    let url = format!("file://{}", page.display());
    let mut wrong = Vec::new();
    let mut backgrounds = Vec::new();
    for (width, scheme) in WIDTHS
        .iter()
        .flat_map(|width| SCHEMES.map(|scheme| (*width, scheme)))
    {
        let size = json!({"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false});
        browser.ask("Emulation.setDeviceMetricsOverride", &size)?;
        let feature = json!({"name": "prefers-color-scheme", "value": scheme});
        browser.ask(
            "Emulation.setEmulatedMedia",
            &json!({"features": [feature]}),
        )?;
        let events = browser.load(&url)?;
        let mut found: Vec<_> = events
            .iter()
            .filter_map(|event| complaint(event, &url))
            .collect();
        if browser.evaluate(OVERFLOWS)? == true {
            found.push("it is wider than the screen".to_owned());
        }
        let background = "getComputedStyle(document.body).backgroundColor";
        backgrounds.push(browser.evaluate(background)?);
        browser.evaluate(axe)?;
        let violations = browser.evaluate(AXE)?;
        let violations = violations.as_array().context("axe-core says nothing")?;
        found.extend(violations.iter().map(|one| format!("axe: {one}")));
        wrong.extend(
            found
                .into_iter()
                .map(|one| format!("{width} px, {scheme}: {one}")),
        );
    }
    if backgrounds[0] == backgrounds[1] {
        wrong.push(format!("it is as light as dark: {}", backgrounds[0]));
    }
    Ok(wrong)
}

/// What an event says that a page must not bring about.
fn complaint(event: &Value, url: &str) -> Option<String> {
    let parameters = &event["params"];
    match event["method"].as_str()? {
        "Runtime.consoleAPICalled" => Some(format!("console: {}", parameters["args"])),
        "Runtime.exceptionThrown" => Some(format!("script: {}", parameters["exceptionDetails"])),
        "Log.entryAdded" => Some(format!("log: {}", parameters["entry"]["text"])),
        "Network.requestWillBeSent" if parameters["request"]["url"] != url => {
            Some(format!("request: {}", parameters["request"]["url"]))
        }
        _ => None,
    }
}

/// How many sheets of paper the page that is open takes; each at least one.
fn printed(browser: &mut Browser) -> Result<Vec<String>> {
    let sheets = PAPERS.map(|(paper, width, height)| {
        let size = json!({"paperWidth": width, "paperHeight": height, "printBackground": true});
        let printed = browser.ask("Page.printToPDF", &size)?;
        let count = format!(
            "(atob({}).match(/\\/Type\\s*\\/Page\\b/g) || []).length",
            printed["data"]
        );
        let count = browser.evaluate(&count)?.as_u64().unwrap_or(0);
        ensure!(count > 0, "nothing is printed on {paper}");
        Ok(format!("{count} of {paper}"))
    });
    sheets.into_iter().collect()
}

fn prove_that_it_can_fail(browser: &mut Browser, directory: &Path, axe: &str) -> Result<()> {
    let bad = directory.join("bad.html");
    fs::write(&bad, BAD)?;
    let found = looked_at(browser, &bad, axe)?;
    for expected in [
        "360 px, light: console: ",
        "360 px, dark: request: \"file://",
        "360 px, light: it is wider than the screen",
        "1280 px, light: axe: \"image-alt (critical): img\"",
        "1280 px, dark: axe: \"heading-order (moderate): h3\"",
        "1280 px, light: axe: \"color-contrast (serious): p\"",
        "it is as light as dark",
    ] {
        let is_found = found.iter().any(|one| one.starts_with(expected));
        ensure!(is_found, "not found on a bad page: {expected}; {found:#?}");
    }
    Ok(())
}
