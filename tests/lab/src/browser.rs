//! A real Chromium without a window, to look at pages as a person's browser would.
//!
//! It is the build that the npm package `@sparticuz/chromium` ships: pinned, fetched once, and started from the cache.
//! It is spoken to over a pipe, by the DevTools protocol.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};
use std::{fs, thread};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::servers::{Artifact, Cache, Origin, output};

/// The package: Chromium and the libraries that a bare machine lacks, each compressed by brotli.
const CHROMIUM: Artifact = Artifact {
    origin: Origin::Npm("@sparticuz/chromium@147.0.0"),
    file: "sparticuz-chromium-147.0.0.tgz",
    sha256: "18fe5404ce845594cd7d592fc07f37a19514079ba4d9c27192ad8b908743f16b",
};

/// Where the browser is told its fonts.
const FONTS: &str = "esferry-lab-fonts.conf";

/// How long an answer of the browser may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running browser; it goes when it is dropped.
#[derive(Debug)]
pub struct Browser {
    child: Child,
    requests: ChildStdin,
    answers: Receiver<Value>,
    last: u64,
    _profile: tempfile::TempDir,
}

/// One page in it.
#[derive(Debug)]
pub struct Page<'a> {
    browser: &'a mut Browser,
    session: String,
}

impl Browser {
    /// Fetches it, when it is not there yet, and starts it.
    pub fn start() -> Result<Browser> {
        let home = unpacked(&Cache::open()?)?;
        let profile = tempfile::tempdir().context("no folder for the browser's profile")?;
        // The browser reads requests from the file descriptor 3 and writes answers to 4.
        let mut child = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1"])
            .arg(home.join("chromium"))
            .args([
                "--headless",
                "--no-sandbox",
                "--no-zygote",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
            ])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--disable-dev-shm-usage", "--remote-debugging-pipe"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .env("LD_LIBRARY_PATH", home.join("lib"))
            .env("FONTCONFIG_FILE", home.join(FONTS))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("the browser cannot be started")?;
        let requests = child.stdin.take().context("no way to the browser")?;
        let answers = read(child.stdout.take().context("no way from the browser")?);
        Ok(Browser { child, requests, answers, last: 0, _profile: profile })
    }

    /// Opens a page and waits until it is loaded.
    pub fn open(&mut self, url: &str) -> Result<Page<'_>> {
        let target = self.call(None, "Target.createTarget", json!({ "url": url }))?;
        let attached = json!({"targetId": target["targetId"], "flatten": true});
        let answer = self.call(None, "Target.attachToTarget", attached)?;
        let session = answer["sessionId"].as_str().context("no session")?.to_owned();
        let mut page = Page { browser: self, session };
        let deadline = Instant::now() + PATIENCE;
        let loaded = "location.href !== 'about:blank' && document.readyState === 'complete'";
        while page.evaluate(loaded)? != json!(true) {
            ensure!(Instant::now() < deadline, "{url} is not loaded");
            thread::sleep(Duration::from_millis(20));
        }
        Ok(page)
    }

    fn call(&mut self, session: Option<&str>, method: &str, parameters: Value) -> Result<Value> {
        self.last += 1;
        let mut request = json!({"id": self.last, "method": method, "params": parameters});
        if let Some(session) = session {
            request["sessionId"] = json!(session);
        }
        write!(self.requests, "{request}\0")
            .and_then(|()| self.requests.flush())
            .context("the browser is gone")?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let answer = match self.answers.recv_timeout(left) {
                Ok(answer) => answer,
                Err(RecvTimeoutError::Timeout) => bail!("{method}: the browser does not answer"),
                Err(RecvTimeoutError::Disconnected) => bail!("{method}: the browser is gone"),
            };
            if answer["id"] == json!(self.last) {
                ensure!(answer.get("error").is_none(), "{method}: {}", answer["error"]);
                return Ok(answer["result"].clone());
            }
        }
    }
}

impl Page<'_> {
    /// The value of an expression of JavaScript in the page.
    pub fn evaluate(&mut self, expression: &str) -> Result<Value> {
        let asked = json!({"expression": expression, "returnByValue": true});
        let answer = self.browser.call(Some(&self.session), "Runtime.evaluate", asked)?;
        ensure!(answer.get("exceptionDetails").is_none(), "{expression}: {}", answer["exceptionDetails"]);
        Ok(answer["result"]["value"].clone())
    }

    /// Whether the reader prefers dark pages.
    pub fn prefer_dark(&mut self, dark: bool) -> Result<()> {
        let scheme = if dark { "dark" } else { "light" };
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.browser.call(Some(&self.session), "Emulation.setEmulatedMedia", features).map(drop)
    }

    /// A picture of the whole page as PNG, in base64.
    pub fn picture(&mut self) -> Result<String> {
        let asked = json!({"captureBeyondViewport": true});
        let answer = self.browser.call(Some(&self.session), "Page.captureScreenshot", asked)?;
        Ok(answer["data"].as_str().context("no picture")?.to_owned())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It ends its own processes when it is asked to; killed, it would leave them to notice.
        let _ = self.call(None, "Browser.close", json!({}));
        let deadline = Instant::now() + Duration::from_secs(5);
        while Instant::now() < deadline && matches!(self.child.try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Answers and events, which end with a zero byte each.
fn read(answers: ChildStdout) -> Receiver<Value> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut answers = BufReader::new(answers);
        loop {
            let mut bytes = Vec::new();
            match answers.read_until(0, &mut bytes) {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            bytes.pop();
            let Ok(answer) = serde_json::from_slice(&bytes) else { return };
            if sender.send(answer).is_err() {
                return;
            }
        }
    });
    receiver
}

/// The folder with the program and its libraries.
fn unpacked(cache: &Cache) -> Result<PathBuf> {
    let place = cache.path("chromium-147.0.0");
    if place.exists() {
        return Ok(place);
    }
    let package = CHROMIUM.unpack(cache, "chromium-147.0.0-package")?;
    let _lock = cache.lock("chromium")?;
    if place.exists() {
        return Ok(place);
    }
    let staging = cache.staging()?;
    inflate(&package.join("bin/chromium.br"), &staging.path().join("chromium"))?;
    fs::set_permissions(staging.path().join("chromium"), fs::Permissions::from_mode(0o755))
        .context("the browser cannot be made a program")?;
    for part in ["al2023", "swiftshader", "fonts"] {
        let archive = staging.path().join(format!("{part}.tar"));
        inflate(&package.join(format!("bin/{part}.tar.br")), &archive)?;
        let mut tar = Command::new("tar");
        tar.arg("xf").arg(&archive).arg("--no-same-owner").arg("-C").arg(staging.path());
        output(&mut tar).with_context(|| format!("cannot unpack {part}"))?;
        fs::remove_file(&archive).context("cannot tidy up")?;
    }
    // Without any font the browser dies of the first text.
    let fonts = format!(
        "<?xml version=\"1.0\"?><!DOCTYPE fontconfig SYSTEM \"fonts.dtd\"><fontconfig><dir>{}</dir></fontconfig>\n",
        place.join("fonts").display()
    );
    fs::write(staging.path().join(FONTS), fonts).context("cannot tell the browser its fonts")?;
    fs::rename(staging.keep(), &place).context("cannot put the browser in its place")?;
    Ok(place)
}

/// Undoes brotli with Node.js, which comes with npm.
fn inflate(from: &Path, to: &Path) -> Result<()> {
    const SCRIPT: &str = "const [from, to] = process.argv.slice(1); const fs = require('fs'); \
         fs.writeFileSync(to, require('zlib').brotliDecompressSync(fs.readFileSync(from)));";
    let mut node = Command::new("node");
    node.args(["-e", SCRIPT]).arg(from).arg(to);
    output(&mut node).map(drop).with_context(|| format!("cannot inflate {}", from.display()))
}
