// SPDX-License-Identifier: MIT
//! Chromium without a window, by its DevTools protocol over a pipe: JSON between zero bytes,
//! which needs no library and no port
//! (<https://chromedevtools.github.io/devtools-protocol/>).

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::{command, setup};

/// How long an answer may take on a busy machine.
const WITHIN: Duration = Duration::from_secs(120);
/// Commands are taken from descriptor 3, and answers written to 4. The rest of what it says is
/// about displays and buses that it does not need.
const START: &str = "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1";

/// A browser with one page.
pub(super) struct Browser {
    child: Child,
    commands: ChildStdin,
    said: Receiver<Value>,
    session: String,
    sent: u64,
    /// What happened since it was asked last.
    events: Vec<Value>,
}

impl Browser {
    /// Starts it; it keeps its files in this directory.
    ///
    /// # Errors
    ///
    /// It does not start.
    pub(super) fn start(profile: &Path) -> Result<Self> {
        let mut start = command::dies_with_parent("sh");
        start.args(["-c", START]).arg(setup::browser::chromium()?);
        start.args([
            "--headless",
            "--remote-debugging-pipe",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--no-first-run",
            // It is not to be had as root and in containers, and what is opened is our own.
            "--no-sandbox",
        ]);
        let mut profile_option = std::ffi::OsString::from("--user-data-dir=");
        profile_option.push(profile);
        start.arg(profile_option);
        start.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = start.spawn().context("chromium does not start")?;
        let commands = child.stdin.take().context("chromium takes no commands")?;
        let answers = child.stdout.take().context("chromium answers nothing")?;
        let mut browser = Self {
            child,
            commands,
            said: read(answers),
            session: String::new(),
            sent: 0,
            events: Vec::new(),
        };
        browser.open()?;
        Ok(browser)
    }

    fn open(&mut self) -> Result<()> {
        let target = self.ask("Target.createTarget", &json!({"url": "about:blank"}))?;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = self.ask("Target.attachToTarget", &attach)?;
        let session = attached["sessionId"].as_str();
        self.session = session.context("chromium opens no page")?.to_owned();
        for domain in ["Page", "Runtime", "Log", "Network"] {
            self.ask(&format!("{domain}.enable"), &json!({}))?;
        }
        Ok(())
    }

    /// Gives a command, and waits for what comes of it.
    ///
    /// # Errors
    ///
    /// The command is refused, or the browser does not answer.
    pub(super) fn ask(&mut self, method: &str, parameters: &Value) -> Result<Value> {
        self.sent += 1;
        let mut message = json!({"id": self.sent, "method": method, "params": parameters});
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        let mut bytes = serde_json::to_vec(&message)?;
        bytes.push(0);
        self.commands
            .write_all(&bytes)
            .context("chromium has ended")?;
        let until = Instant::now() + WITHIN;
        loop {
            let mut said = self.next(until, method)?;
            if said["id"] == self.sent {
                ensure!(said["error"].is_null(), "{method}: {}", said["error"]);
                return Ok(said["result"].take());
            }
            self.events.push(said);
        }
    }

    fn next(&self, until: Instant, waits_for: &str) -> Result<Value> {
        let left = until.saturating_duration_since(Instant::now());
        let said = self.said.recv_timeout(left);
        said.with_context(|| format!("chromium does not answer: {waits_for}"))
    }

    /// Opens a file, and returns what happened until it was loaded.
    ///
    /// # Errors
    ///
    /// It cannot be opened.
    pub(super) fn load(&mut self, url: &str) -> Result<Vec<Value>> {
        self.events.clear();
        let opened = self.ask("Page.navigate", &json!({"url": url}))?;
        ensure!(
            opened["errorText"].is_null(),
            "{url}: {}",
            opened["errorText"]
        );
        let until = Instant::now() + WITHIN;
        while !self.has_happened("Page.loadEventFired") {
            let said = self.next(until, "a page that loads")?;
            self.events.push(said);
        }
        // What scripts do when it is loaded has happened once they are asked something.
        self.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")?;
        Ok(std::mem::take(&mut self.events))
    }

    fn has_happened(&self, method: &str) -> bool {
        self.events.iter().any(|event| event["method"] == method)
    }

    /// The value of an expression, or of what it promises.
    ///
    /// # Errors
    ///
    /// It throws.
    pub(super) fn evaluate(&mut self, expression: &str) -> Result<Value> {
        let ask = json!({
            "expression": expression,
            "awaitPromise": true,
            "returnByValue": true,
        });
        let mut answer = self.ask("Runtime.evaluate", &ask)?;
        if !answer["exceptionDetails"].is_null() {
            bail!("{}", answer["exceptionDetails"]["exception"]["description"]);
        }
        Ok(answer["result"]["value"].take())
    }
}

/// What it says, as it comes: nobody waits for a browser that hangs.
fn read(answers: ChildStdout) -> Receiver<Value> {
    let (say, said) = mpsc::channel();
    thread::spawn(move || {
        for message in BufReader::new(answers).split(0) {
            let Ok(message) = message else { return };
            let Ok(value) = serde_json::from_slice(&message) else {
                return;
            };
            if say.send(value).is_err() {
                return;
            }
        }
    });
    said
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Its own processes end with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
