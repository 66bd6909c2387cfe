//! Reads a `postgres://` URL: who, where, and how much TLS.
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

/// How much the server has to prove.
enum Proof {
    Nothing,
    PlatformRoots,
    Roots(String),
}

/// The connection's settings and its TLS. `sslmode` is `disable`, `prefer` (the default), `require` or `verify-full`;
/// `sslrootcert` is a PEM file. The error is a sentence for the operator and never holds the password.
pub fn parse(url: &str) -> Result<(Config, MakeRustlsConnect), String> {
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let mut mode = "prefer".to_owned();
    let mut root = None;
    let mut rest = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("sslmode", value)) => mode = value.to_owned(),
            Some(("sslrootcert", _)) => {
                root =
                    url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, v)| v.into_owned())
            }
            _ => rest.push(pair),
        }
    }
    let plain =
        if rest.is_empty() { base.to_owned() } else { format!("{base}?{}", rest.join("&")) };
    let mut config: Config =
        plain.parse().map_err(|error| format!("the database URL cannot be read: {error}"))?;
    let (ssl_mode, proof) = match (mode.as_str(), root) {
        ("disable", _) => (SslMode::Disable, Proof::Nothing),
        ("prefer", _) => (SslMode::Prefer, Proof::Nothing),
        ("require", None) => (SslMode::Require, Proof::Nothing),
        ("require" | "verify-full", Some(path)) => (SslMode::Require, Proof::Roots(path)),
        ("verify-full", None) => (SslMode::Require, Proof::PlatformRoots),
        (other, _) => {
            return Err(format!(
                "sslmode={other} is not one of disable, prefer, require, verify-full"
            ));
        }
    };
    config
        .ssl_mode(ssl_mode)
        .keepalives_idle(Duration::from_secs(30))
        .tcp_user_timeout(Duration::from_secs(30));
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(Duration::from_secs(5));
    }
    if config.get_application_name().is_none() {
        config.application_name("authorizers");
    }
    Ok((config, MakeRustlsConnect::new(tls(proof)?)))
}

fn tls(proof: Proof) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be set up: {error}"))?;
    let config = match proof {
        Proof::Nothing => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyServer(provider)))
            .with_no_client_auth(),
        Proof::PlatformRoots => builder
            .with_platform_verifier()
            .map_err(|error| format!("the system's certificates cannot be read: {error}"))?
            .with_no_client_auth(),
        Proof::Roots(path) => builder.with_root_certificates(roots(&path)?).with_no_client_auth(),
    };
    Ok(config)
}

fn roots(path: &str) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(path)
        .map_err(|error| format!("sslrootcert={path}: {error}"))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| format!("sslrootcert={path}: {error}"))?;
        store.add(certificate).map_err(|error| format!("sslrootcert={path}: {error}"))?;
    }
    if store.is_empty() {
        Err(format!("sslrootcert={path} holds no certificate"))
    } else {
        Ok(store)
    }
}

/// Encrypts without asking who the server is: what `prefer` and `require` mean to every PostgreSQL client.
#[derive(Debug)]
struct AnyServer(Arc<rustls::crypto::CryptoProvider>);

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
