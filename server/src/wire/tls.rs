//! Certificates and keys from PEM files, and what TLS is spoken with.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use super::error::TlsError;
use super::options::Tls;

/// The labels of keys that need a password.
const ENCRYPTED: [&str; 2] = ["-----BEGIN ENCRYPTED PRIVATE KEY-----", "Proc-Type: 4,ENCRYPTED"];

/// TLS 1.2 and 1.3 with the certificate, the key and the authorities that are named.
///
/// # Errors
/// If one of them is not there, or no good.
pub fn config(options: &Tls) -> Result<Arc<ServerConfig>, TlsError> {
    let file = &options.certificate_key_file;
    let refused =
        |error: rustls::Error| TlsError::Refused { file: file.clone(), problem: error.to_string() };
    let text = read(file)?;
    let chain = certificates(file, &text)?;
    let key = private_key(file, &text)?;
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(refused)?;
    let builder = match &options.ca_file {
        None => builder.with_no_client_auth(),
        Some(ca_file) => {
            let is_needed = !options.allow_connections_without_certificates;
            builder.with_client_cert_verifier(verifier(ca_file, is_needed, provider)?)
        }
    };
    builder.with_single_cert(chain, key).map(Arc::new).map_err(refused)
}

/// The client's side: with a server that one of the authorities in `ca_file` vouches for; of
/// those that the system trusts, if there is no such file.
///
/// # Errors
/// If a file is not there, or no good.
pub fn client_config(
    ca_file: Option<&Path>,
    certificate_key_file: Option<&Path>,
) -> Result<Arc<ClientConfig>, TlsError> {
    let refused = |file: &Path, error: rustls::Error| TlsError::Refused {
        file: file.to_owned(),
        problem: error.to_string(),
    };
    let roots = match ca_file {
        None => system_roots()?,
        Some(ca_file) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(ca_file, &read(ca_file)?)? {
                roots.add(certificate).map_err(|error| refused(ca_file, error))?;
            }
            roots
        }
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Unspoken { problem: error.to_string() })?
        .with_root_certificates(roots);
    let Some(file) = certificate_key_file else {
        return Ok(Arc::new(builder.with_no_client_auth()));
    };
    let text = read(file)?;
    let config =
        builder.with_client_auth_cert(certificates(file, &text)?, private_key(file, &text)?);
    config.map(Arc::new).map_err(|error| refused(file, error))
}

/// The authorities that the system trusts: where OpenSSL has them, or where `SSL_CERT_FILE` and
/// `SSL_CERT_DIR` say.
fn system_roots() -> Result<RootCertStore, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Some of what systems have is too old to be understood.
    roots.add_parsable_certificates(found.certs);
    let problem = found.errors.first().map(ToString::to_string);
    match roots.is_empty() {
        true => Err(TlsError::NoRoots { problem }),
        false => Ok(roots),
    }
}

/// Who checks the certificates of clients, against the authorities in `file`.
fn verifier(
    file: &Path,
    is_needed: bool,
    provider: Arc<rustls::crypto::CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let refused = |problem: String| TlsError::Refused { file: file.to_owned(), problem };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file, &read(file)?)? {
        roots.add(certificate).map_err(|error| refused(error.to_string()))?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let builder = if is_needed { builder } else { builder.allow_unauthenticated() };
    builder.build().map_err(|error| refused(error.to_string()))
}

fn read(file: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(file).map_err(|source| TlsError::File { file: file.to_owned(), source })
}

fn certificates(file: &Path, text: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(text).collect();
    let found = found.map_err(|error| not_pem(file, &error))?;
    match found.is_empty() {
        true => Err(TlsError::NoCertificate { file: file.to_owned() }),
        false => Ok(found),
    }
}

fn private_key(file: &Path, text: &[u8]) -> Result<PrivateKeyDer<'static>, TlsError> {
    let is_encrypted = || {
        let text = String::from_utf8_lossy(text);
        ENCRYPTED.iter().any(|label| text.contains(label))
    };
    let file = file.to_owned();
    match PrivateKeyDer::from_pem_slice(text) {
        _ if is_encrypted() => Err(TlsError::EncryptedKey { file }),
        Ok(key) => Ok(key),
        Err(pem::Error::NoItemsFound) => Err(TlsError::NoKey { file }),
        Err(error) => Err(not_pem(&file, &error)),
    }
}

fn not_pem(file: &Path, error: &pem::Error) -> TlsError {
    TlsError::Pem { file: file.to_owned(), problem: error.to_string() }
}
