//! TLS: whom the client trusts, and how it says that it does not.

use std::path::Path;

use anyhow::{Result, ensure};
use esferry_lab::tls::{Authority, Identity};
use esferry_lab::{Proxy, TlsFront};

use super::{fails, ferry, loaded, same, urls};

/// `urls` and `ca` of a cluster.
fn trusting(url: &str, ca: &Path) -> String {
    format!("{}\nca = {:?}", urls(&[url]), ca.display().to_string())
}

/// An old cluster behind a front with this identity, asked for with these lines: refused, and nothing was asked.
async fn refused(
    prefix: &'static str,
    identity: Identity,
    more: &str,
    code: i32,
    words: &[&str],
) -> Result<()> {
    let sides = loaded(prefix, 10).await?;
    let source = Proxy::start(sides.old.url())?;
    let front = TlsFront::start(&source.url(), identity)?;
    let old = format!("{}\n{more}", urls(&[&front.url()]));
    let daemon = ferry(&sides, &old, &urls(&[sides.new.url()]))?;
    fails(&daemon, &["run", "--once"], code, words)?;
    fails(&daemon, &["plan"], code, words)?;
    ensure!(source.requests().is_empty(), "something was asked: {:?}", source.requests());
    Ok(())
}

#[tokio::test]
async fn an_authority_given_by_ca_is_trusted_and_connections_are_kept() {
    if !esferry_lab::wanted("TLS with a private authority, and keep-alive") {
        return;
    }
    let sides = loaded("clientca", 4000).await.unwrap();
    let (source, target) = (Proxy::start(sides.old.url()).unwrap(), Proxy::start(sides.new.url()).unwrap());
    let (ours, theirs) = (Authority::new("ours").unwrap(), Authority::new("theirs").unwrap());
    let old = TlsFront::start(&source.url(), ours.identity("127.0.0.1").unwrap()).unwrap();
    let new = TlsFront::start(&target.url(), theirs.identity("127.0.0.1").unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (one, both) = (folder.path().join("ours.pem"), folder.path().join("both.pem"));
    std::fs::write(&one, ours.pem()).unwrap();
    std::fs::write(&both, format!("{}{}", ours.pem(), theirs.pem())).unwrap();
    let daemon = ferry(&sides, &trusting(&old.url(), &one), &trusting(&new.url(), &both)).unwrap();
    sides.carry(&daemon, "from", "to").await.unwrap();

    for (proxy, front) in [(&source, &old), (&target, &new)] {
        let (requests, connections) = (proxy.requests().len(), front.connections());
        // Two slices and four bulks at a time, and what is asked beside them.
        assert!(requests > 30 && connections <= 10, "{requests} requests on {connections} connections");
    }
}

#[tokio::test]
async fn a_private_authority_that_is_not_given_is_not_trusted() {
    if !esferry_lab::wanted("TLS with a private authority, without `ca`") {
        return;
    }
    let identity = Authority::new("ours").unwrap().identity("127.0.0.1").unwrap();
    let words = ["error[certificate]", "cluster `old`", "UnknownIssuer", "hint:", "`ca`"];
    refused("clientnoca", identity, "", 2, &words).await.unwrap();
}

#[tokio::test]
async fn a_certificate_that_signed_itself_is_not_trusted() {
    if !esferry_lab::wanted("TLS with a self-signed certificate") {
        return;
    }
    let identity = Identity::self_signed("127.0.0.1").unwrap();
    let words = ["error[certificate]", "cluster `old`", "hint:", "`ca`"];
    refused("clientself", identity, "", 2, &words).await.unwrap();
}

#[tokio::test]
async fn another_authority_than_the_given_one_is_not_trusted() {
    if !esferry_lab::wanted("TLS with the wrong `ca`") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    // Of the same name: it is the key that counts.
    std::fs::write(&ca, Authority::new("ours").unwrap().pem()).unwrap();
    let identity = Authority::new("ours").unwrap().identity("127.0.0.1").unwrap();
    let more = format!("ca = {:?}", ca.display().to_string());
    refused("clientotherca", identity, &more, 2, &["error[certificate]", "hint:", "`ca`"]).await.unwrap();
}

#[tokio::test]
async fn a_certificate_for_another_host_is_not_trusted() {
    if !esferry_lab::wanted("TLS with a certificate for another host") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    let ours = Authority::new("ours").unwrap();
    std::fs::write(&ca, ours.pem()).unwrap();
    let more = format!("ca = {:?}", ca.display().to_string());
    let words = ["error[certificate]", "hint:", "name"];
    refused("clienthost", ours.identity("es.example").unwrap(), &more, 2, &words).await.unwrap();
}

#[tokio::test]
async fn a_ca_that_is_no_certificate_is_refused_by_name() {
    if !esferry_lab::wanted("unusable `ca` files") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    let path = ca.display().to_string();
    let more = format!("ca = {path:?}");
    let words = ["error[ca]", "clusters.old.ca", path.as_str(), "hint:", "PEM"];
    let damaged = "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n";
    let wrong = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let identity = || Identity::self_signed("127.0.0.1").unwrap();
    let missing = ["error[file_unreadable]", "clusters.old.ca", path.as_str(), "hint:"];
    refused("clientbadca", identity(), &more, 2, &missing).await.unwrap();
    for content in ["", "this is no certificate\n", damaged, wrong] {
        std::fs::write(&ca, content).unwrap();
        refused("clientbadca", identity(), &more, 2, &words).await.unwrap();
    }
}

#[tokio::test]
async fn a_machine_without_authorities_of_its_own_can_use_plain_http_and_ca() {
    if !esferry_lab::wanted("no authorities in the system") {
        return;
    }
    let sides = loaded("clientbare", 500).await.unwrap();
    let ours = Authority::new("ours").unwrap();
    let front = TlsFront::start(sides.new.url(), ours.identity("127.0.0.1").unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (ca, nothing) = (folder.path().join("ca.pem"), folder.path().join("nothing"));
    std::fs::write(&ca, ours.pem()).unwrap();
    let bare = |new: &str| {
        let daemon = ferry(&sides, &urls(&[sides.old.url()]), new).unwrap();
        let mut command = daemon.command(&["run", "--once"]);
        let output = command.env("SSL_CERT_FILE", &nothing).env("SSL_CERT_DIR", &nothing).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, log) = bare(&urls(&[&front.url()]));
    assert_eq!(code, Some(2), "{log}");
    assert!(log.contains("error[http_client]") && log.contains("hint:") && log.contains("`ca`"), "{log}");
    for new in [trusting(&front.url(), &ca), urls(&[sides.new.url()])] {
        let (code, log) = bare(&new);
        assert_eq!(code, Some(0), "{log}");
        same(&sides, 500).await.unwrap();
    }
}

#[tokio::test]
async fn http_and_https_mixed_up_are_told() {
    if !esferry_lab::wanted("http instead of https, and the other way round") {
        return;
    }
    let sides = loaded("clientmixed", 10).await.unwrap();
    let plain = sides.old.url().replace("http://", "https://");
    let daemon = ferry(&sides, &urls(&[&plain]), &urls(&[sides.new.url()])).unwrap();
    fails(&daemon, &["run", "--once"], 5, &["cluster `old`", "hint:", "http and https"]).unwrap();
    let front = TlsFront::start(sides.old.url(), Identity::self_signed("127.0.0.1").unwrap()).unwrap();
    let secure = front.url().replace("https://", "http://");
    let daemon = ferry(&sides, &urls(&[&secure]), &urls(&[sides.new.url()])).unwrap();
    fails(&daemon, &["run", "--once"], 5, &["cluster `old`", "hint:", "http and https"]).unwrap();
}
