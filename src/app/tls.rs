//! HTTPS by the desk itself: the certificate is read from files, and read again when they change, so that a renewal needs no
//! restart. A renewal that cannot be read is told and the old one stays. Called by [`super::serve`].

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// The certificate that is shown now.
pub struct Certificate {
    chain: PathBuf,
    key: PathBuf,
    shown: ArcSwap<CertifiedKey>,
    seen: Mutex<[Option<SystemTime>; 2]>,
}

impl Certificate {
    /// # Errors
    /// What is wrong with the files, in a sentence.
    pub fn read(chain: &Path, key: &Path) -> Result<Arc<Self>, String> {
        let seen = Mutex::new(changed(chain, key));
        let shown = ArcSwap::from_pointee(load(chain, key)?);
        Ok(Arc::new(Self { chain: chain.to_owned(), key: key.to_owned(), shown, seen }))
    }

    /// Shows what the files hold by now. Called every few seconds; returns whether it is another certificate.
    pub fn refresh(&self) -> bool {
        let mut seen = self.seen.lock();
        let now = changed(&self.chain, &self.key);
        if *seen == now {
            return false;
        }
        match load(&self.chain, &self.key) {
            Ok(fresh) => {
                *seen = now;
                self.shown.store(Arc::new(fresh));
                tracing::info!("the certificate was renewed");
                true
            }
            Err(error) => {
                // Half of it may be written just now: it is tried again.
                tracing::warn!(%error, "the renewed certificate cannot be used; the old one stays");
                false
            }
        }
    }

    /// # Errors
    /// When the process has no usable cryptography.
    pub fn server_config(self: &Arc<Self>) -> Result<ServerConfig, String> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let mut config = builder.with_no_client_auth().with_cert_resolver(Arc::new(Shown(Arc::clone(self))));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

struct Shown(Arc<Certificate>);

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the certificate of the configuration")
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.shown.load_full())
    }
}

fn changed(chain: &Path, key: &Path) -> [Option<SystemTime>; 2] {
    [chain, key].map(|path| std::fs::metadata(path).and_then(|about| about.modified()).ok())
}

fn load(chain: &Path, key: &Path) -> Result<CertifiedKey, String> {
    let wrong = |path: &Path, what: &dyn std::fmt::Display| format!("{}: {what}", path.display());
    let certificates: Vec<CertificateDer<'static>> =
        CertificateDer::pem_file_iter(chain).and_then(Iterator::collect).map_err(|error| wrong(chain, &error))?;
    if certificates.is_empty() {
        return Err(wrong(chain, &"there is no certificate in it"));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, &error))?;
    let provider = rustls::crypto::ring::default_provider();
    let signing = provider.key_provider.load_private_key(private).map_err(|error| wrong(key, &error))?;
    let certified = CertifiedKey::new(certificates, signing);
    certified
        .keys_match()
        .map_err(|error| wrong(key, &format_args!("it does not belong to the certificate: {error}")))?;
    Ok(certified)
}
