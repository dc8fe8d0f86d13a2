//! A broker that is reached by TLS, with a user and a password: librdkafka's properties are passed on.

use anyhow::{Context as _, Result, ensure};
use esferry::changes::kafka::Kafka;
use esferry_lab::kafka::Command;
use esferry_lab::tls::Authority;
use esferry_lab::{Broker, Topics};

use super::{config_of, everything};

const TOPIC: &str = "secured";

async fn by_tls() -> Result<()> {
    let authority = Authority::new("those who sign")?;
    let broker = Broker::start_secured(&authority.identity("127.0.0.1")?, "esferry", "let me in").await?;
    let topics = Topics::of(&broker.address());
    topics.create(TOPIC, 1).await?;
    topics.sender(TOPIC)?.send(&Command::new("k", "{}")).await?;
    let address = broker.secure_address().context("no listener by TLS")?;
    let folder = tempfile::tempdir()?;
    let path = |name: &str, content: &str| -> Result<String> {
        let path = folder.path().join(name);
        std::fs::write(&path, content)?;
        Ok(path.display().to_string())
    };
    let (ca, password) = (path("ca.pem", authority.pem())?, path("password", "let me in")?);
    let strangers = path("strangers.pem", Authority::new("strangers")?.pem())?;
    let wrong = path("wrong", "open sesame")?;
    let client = |ca: &str, password: &str| {
        let properties = format!(
            "properties = {{ \"security.protocol\" = \"sasl_ssl\", \"sasl.mechanism\" = \"PLAIN\", \
             \"sasl.username\" = \"esferry\", \"sasl.password\" = {{ file = \"{password}\" }}, \
             \"ssl.ca.location\" = \"{ca}\" }}\n"
        );
        Ok::<_, anyhow::Error>(Kafka::new(&config_of(&address, TOPIC, &properties)?)?)
    };
    let kafka = client(&ca, &password)?;
    ensure!(kafka.topic().await?.partitions[&0].end == 1);
    let seen = everything(&kafka.read(&[(0, 0)].into())?, 1).await?;
    ensure!(seen == [(0, 0, Some("{}".to_owned()))], "{seen:?}");
    for (ca, password, word) in [(&ca, &wrong, "uthentication"), (&strangers, &password, "certificate")] {
        let error = client(ca, password)?.topic().await.err().context("it was let in")?;
        let told = error.to_string();
        ensure!(error.code() == "kafka_unreachable" && told.contains(word), "{told}");
        ensure!(!format!("{error:?}").contains("open sesame"), "a secret is told");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_is_reached_by_tls_with_a_password() {
    if esferry_lab::wanted("a broker with TLS and SASL") {
        by_tls().await.unwrap();
    }
}
