//! TLS in front of a server or a proxy, with certificates that live as long as a test.
//!
//! It forwards bytes and looks at none of them: what is asked is for a [`Proxy`](crate::Proxy) behind it to record.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// An authority of our own, which nobody trusts unless told to.
pub struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// With a key of its own.
    pub fn new(name: &str) -> Result<Authority> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(Vec::<String>::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = called(name);
        let pem = params.self_signed(&key)?.pem();
        Ok(Authority { pem, issuer: Issuer::new(params, key) })
    }

    /// Its certificate, for those who are to trust it.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A server's certificate for `host`, a name or an address, signed by this authority.
    pub fn identity(&self, host: &str) -> Result<Identity> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(vec![host.to_owned()])?;
        params.distinguished_name = called(host);
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Identity::of(&certificate, &key))
    }
}

/// A server's certificate and its key.
pub struct Identity {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    pem: [String; 2],
}

impl Identity {
    /// Signed by nobody but itself.
    pub fn self_signed(host: &str) -> Result<Identity> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(vec![host.to_owned()])?;
        params.distinguished_name = called(host);
        let certificate = params.self_signed(&key)?;
        Ok(Identity::of(&certificate, &key))
    }

    /// The certificate and its key, in PEM.
    pub fn pem(&self) -> &[String; 2] {
        &self.pem
    }

    fn of(certificate: &rcgen::Certificate, key: &KeyPair) -> Identity {
        let pem = [certificate.pem(), key.serialize_pem()];
        Identity { certificate: certificate.der().clone(), key: secret(key), pem }
    }
}

fn called(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}

fn secret(key: &KeyPair) -> PrivateKeyDer<'static> {
    PrivatePkcs8KeyDer::from(key.serialize_der()).into()
}

/// A listener on loopback that speaks TLS and forwards to a plain one; it ends when dropped.
#[derive(Debug)]
pub struct TlsFront {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl TlsFront {
    /// In front of the server at `upstream`, a plain HTTP URL, on a free port.
    pub fn start(upstream: &str, identity: Identity) -> Result<TlsFront> {
        let upstream = upstream.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![identity.certificate], identity.key)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).context("no port for the front")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let connections = Arc::new(AtomicUsize::new(0));
        let (end, ended) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("tls-front")
            .enable_all()
            .build()
            .context("no runtime for the front")?;
        let counted = Arc::clone(&connections);
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serve(listener, &upstream, &acceptor, &counted) => {}
                    _ = ended => {}
                }
            });
            runtime.shutdown_background();
        });
        Ok(TlsFront { address, connections, end: Some(end), thread: Some(thread) })
    }

    /// The address to use in place of the server's.
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// How many connections were made so far, those included whose client did not like the certificate.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        // already ended is just as well
        let _ = self.end.take().map(|end| end.send(()));
        if let Some(thread) = self.thread.take() {
            // a panic in there has been printed already
            let _ = thread.join();
        }
    }
}

async fn serve(
    listener: std::net::TcpListener,
    upstream: &str,
    acceptor: &TlsAcceptor,
    connections: &AtomicUsize,
) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    let mut open = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.fetch_add(1, Ordering::SeqCst);
        let (acceptor, upstream) = (acceptor.clone(), upstream.to_owned());
        open.spawn(async move {
            // a client that leaves, in the handshake or later, is no concern of the others
            let Ok(mut near) = acceptor.accept(stream).await else { return };
            let Ok(mut far) = TcpStream::connect(upstream).await else { return };
            let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
        });
        while open.try_join_next().is_some() {}
    }
}
