//! Credentials: sent exactly, found where the configuration refers to, and seen nowhere else.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use esferry_lab::{Gate, Proxy, Rule};

use super::{fails, ferry, loaded, urls};
use crate::daemon::Daemon;
use crate::scene::PATIENCE;
use crate::sides::Sides;

/// What must not be found anywhere.
const SECRET: &str = "S3cr:t-tulip +/=";
/// Where it is when it is in the environment.
const VARIABLE: &str = "ESFERRY_LAB_SECRET";

/// Refuses whatever does not carry exactly this header.
fn guard(proxy: &Proxy, header: &str) {
    let header = header.as_bytes().to_vec();
    let missing =
        r#"{"error":{"type":"security_exception","reason":"missing authentication token"},"status":401}"#;
    proxy.rule(
        Rule::any()
            .when(move |seen| {
                seen.headers.get("authorization").is_none_or(|sent| sent.as_bytes() != header.as_slice())
            })
            .answer(401, missing),
    );
}

/// The text, as it is and in the form that basic authentication gives it.
fn forms(user: &str, secret: &str) -> [String; 3] {
    let pair = STANDARD.encode(format!("{user}:{secret}"));
    [secret.to_owned(), pair, STANDARD.encode(secret)]
}

/// Fails when one of `forms` is in what `place` holds.
fn clean(place: &str, content: &[u8], forms: &[String]) -> Result<()> {
    for form in forms {
        let found = content.windows(form.len()).any(|window| window == form.as_bytes());
        ensure!(!found, "the secret is in {place}: {}", String::from_utf8_lossy(content));
    }
    Ok(())
}

/// Looks into every file below a folder; returns how many there were.
fn search(folder: &Path, forms: &[String]) -> Result<u64> {
    let mut files = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            files += search(&entry.path(), forms)?;
        } else if kind.is_file() {
            clean(&entry.path().display().to_string(), &std::fs::read(entry.path())?, forms)?;
            files += 1;
        }
    }
    Ok(files)
}

/// Runs a command with the secret at hand; returns exit code and everything that it said.
fn said(mut command: Command, folder: &Path) -> Result<(Option<i32>, Vec<u8>)> {
    let output = command.env(VARIABLE, SECRET).env("CREDENTIALS_DIRECTORY", folder).output()?;
    Ok((output.status.code(), [output.stdout, output.stderr].concat()))
}

/// Runs the whole migration behind a front that demands `header` of the new cluster.
async fn carried(prefix: &'static str, auth: &str, header: &str, folder: &Path) -> Result<()> {
    let sides = loaded(prefix, 1000).await?;
    let target = Proxy::start(sides.new.url())?;
    guard(&target, header);
    let new = format!("{}\nauth = {auth}", urls(&[&target.url()]));
    let daemon = ferry(&sides, &urls(&[sides.old.url()]), &new)?;
    let (code, log) = said(daemon.command(&["run", "--once"]), folder)?;
    ensure!(code == Some(0), "{auth}: {}", String::from_utf8_lossy(&log));
    ensure!(target.applied() == [0], "{auth}: something was sent without the header");
    super::same(&sides, 1000).await
}

/// A folder with the secret in the file `name`, as editors and systemd leave it.
fn kept(name: &str) -> Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join(name), format!("{SECRET}\n"))?;
    Ok(folder)
}

#[tokio::test]
async fn a_password_is_read_from_the_environment_a_file_or_systemd_and_sent_as_basic() {
    if !esferry_lab::wanted("basic authentication") {
        return;
    }
    let folder = kept("es-password").unwrap();
    let file = folder.path().join("es-password").display().to_string();
    let header = format!("Basic {}", STANDARD.encode(format!("ferry-user:{SECRET}")));
    for from in
        [format!("env = {VARIABLE:?}"), format!("file = {file:?}"), "credential = \"es-password\"".to_owned()]
    {
        let auth = format!("{{ username = \"ferry-user\", password = {{ {from} }} }}");
        carried("clientbasic", &auth, &header, folder.path()).await.unwrap();
    }
}

#[tokio::test]
async fn an_api_key_and_a_bearer_token_are_sent_as_such() {
    if !esferry_lab::wanted("API key and bearer token") {
        return;
    }
    let folder = kept("es-token").unwrap();
    let file = folder.path().join("es-token").display().to_string();
    for (key, scheme) in [("api_key", "ApiKey"), ("bearer", "Bearer")] {
        for from in [
            format!("env = {VARIABLE:?}"),
            format!("file = {file:?}"),
            "credential = \"es-token\"".to_owned(),
        ] {
            let auth = format!("{{ {key} = {{ {from} }} }}");
            carried("clienttoken", &auth, &format!("{scheme} {SECRET}"), folder.path()).await.unwrap();
        }
    }
}

/// A daemon behind fronts that demand the header of both clusters, held in the middle of its copy.
fn guarded(sides: &Sides, auth: &str, header: &str) -> Result<(Daemon, Proxy, Proxy, Gate)> {
    let (source, target) = (Proxy::start(sides.old.url())?, Proxy::start(sides.new.url())?);
    guard(&source, header);
    guard(&target, header);
    let gate = Gate::new();
    source.rule(Rule::on_pages().skip(4).hold(&gate));
    let daemon = ferry(
        sides,
        &format!("{}\nauth = {auth}", urls(&[&source.url()])),
        &format!("{}\nauth = {auth}", urls(&[&target.url()])),
    )?;
    Ok((daemon, source, target, gate))
}

/// Runs with the loudest logs there are, looks everywhere while it runs, and again when it is over.
async fn hidden(prefix: &'static str, auth: &str, header: &str, folder: &Path, loud: &[&str]) -> Result<()> {
    let forms = forms("ferry-user", SECRET);
    let sides = loaded(prefix, 1500).await?;
    let (daemon, _source, _target, gate) = guarded(&sides, auth, header)?;
    let (log, loudly) = (folder.join("log"), [&["run", "--once"], loud].concat());
    let mut command = daemon.command(&loudly);
    command.env(VARIABLE, SECRET).env("CREDENTIALS_DIRECTORY", folder);
    command.stdout(Stdio::null()).stderr(std::fs::File::create(&log)?);
    let mut child = command.spawn()?;
    let looked = (|| -> Result<()> {
        ensure!(gate.wait_held(1, PATIENCE), "{}", std::fs::read_to_string(&log)?);
        clean("the arguments", &std::fs::read(format!("/proc/{}/cmdline", child.id()))?, &forms)?;
        for args in [["status", "--json"], ["status", "-vv"]] {
            clean("the status", &said(daemon.command(&args), folder)?.1, &forms)?;
        }
        ensure!(search(&daemon.state_dir(), &forms)? > 2, "the state directory is empty");
        Ok(())
    })();
    gate.release();
    let ended = child.wait()?;
    looked?;
    let logged = std::fs::read(&log)?;
    ensure!(ended.success(), "{}", String::from_utf8_lossy(&logged));
    ensure!(logged.len() > 1000, "nearly nothing is logged: {}", String::from_utf8_lossy(&logged));
    clean("the log", &logged, &forms)?;
    search(&daemon.state_dir(), &forms)?;
    for command in ["status", "check", "plan"] {
        let args = [&[command], loud].concat();
        clean(command, &said(daemon.command(&args), folder)?.1, &forms)?;
    }
    super::same(&sides, 1500).await
}

#[tokio::test]
async fn a_secret_is_in_no_log_status_store_argument_or_answer() {
    if !esferry_lab::wanted("secrets stay hidden") {
        return;
    }
    let folder = kept("es-secret").unwrap();
    let basic = format!("Basic {}", STANDARD.encode(format!("ferry-user:{SECRET}")));
    let auth = format!("{{ username = \"ferry-user\", password = {{ env = {VARIABLE:?} }} }}");
    hidden("clienthidbasic", &auth, &basic, folder.path(), &["-vv", "--log", "json,trace"]).await.unwrap();
    let (auth, bearer) = ("{ bearer = { credential = \"es-secret\" } }", format!("Bearer {SECRET}"));
    hidden("clienthidbearer", auth, &bearer, folder.path(), &["--log", "human,trace"]).await.unwrap();
    let (auth, key) = (format!("{{ api_key = {{ env = {VARIABLE:?} }} }}"), format!("ApiKey {SECRET}"));
    hidden("clienthidkey", &auth, &key, folder.path(), &["-vv", "--log", "debug"]).await.unwrap();
}

#[tokio::test]
async fn a_wrong_or_missing_secret_is_told_and_not_repeated() {
    if !esferry_lab::wanted("wrong and missing secrets") {
        return;
    }
    let forms = forms("ferry-user", SECRET);
    let folder = kept("es-password").unwrap();
    let sides = loaded("clientwrong", 10).await.unwrap();
    let target = Proxy::start(sides.new.url()).unwrap();
    guard(&target, "Basic of somebody else");
    let with = |auth: &str| {
        let new = format!("{}\nauth = {auth}", urls(&[&target.url()]));
        ferry(&sides, &urls(&[sides.old.url()]), &new)
    };
    let auth = format!("{{ username = \"ferry-user\", password = {{ env = {VARIABLE:?} }} }}");
    let daemon = with(&auth).unwrap();
    for args in [["run", "--once", "--log", "trace"], ["plan", "-vv", "--log", "trace"]] {
        let (code, output) = said(daemon.command(&args), folder.path()).unwrap();
        let text = String::from_utf8_lossy(&output).into_owned();
        assert_eq!(code, Some(2), "{text}");
        for word in ["error[credentials]", "cluster `new`", "missing authentication token", "hint:", "`auth`"]
        {
            assert!(text.contains(word), "{word:?} is missing in\n{text}");
        }
        clean("the error", &output, &forms).unwrap();
    }
    search(&daemon.state_dir(), &forms).unwrap();

    fails(&daemon, &["run", "--once"], 2, &["error[secret_missing]", VARIABLE, "hint:"]).unwrap();
    let daemon = with("{ bearer = { file = \"/nowhere/token\" } }").unwrap();
    fails(&daemon, &["run", "--once"], 2, &["error[secret_unreadable]", "/nowhere/token", "hint:"]).unwrap();
    let daemon = with("{ bearer = { credential = \"token\" } }").unwrap();
    fails(&daemon, &["run", "--once"], 2, &["error[secret_missing]", "token", "hint:", "LoadCredential"])
        .unwrap();
    let two = folder.path().join("two");
    std::fs::write(&two, format!("{SECRET}\n{SECRET}\n")).unwrap();
    let daemon = with(&format!("{{ bearer = {{ file = {:?} }} }}", two.display().to_string())).unwrap();
    let text = fails(&daemon, &["run", "--once"], 2, &["error[secret_invalid]", "two", "hint:"]).unwrap();
    clean("the error", text.as_bytes(), &forms).unwrap();
    let first = target.requests().into_iter().next().context("nothing was asked").unwrap();
    assert_eq!(first.status, Some(401));
}
