//! TLS to databases: the three modes of the `tls` field, and what a failed handshake means.
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio_rustls::TlsConnector;

use super::dial::Wire;
use crate::model::cause::Cause;
use crate::model::report::Fault;

pub const TLS_LIMIT: std::time::Duration = std::time::Duration::from_secs(3);

/// The values of the `tls` field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Disable,
    /// Encrypts; whoever answers is believed.
    Require,
    /// Encrypts; the certificate must be signed by a known authority and be for this host.
    VerifyFull,
}

impl Mode {
    /// Anything unknown is the safest one.
    pub fn from_value(value: Option<&str>) -> Self {
        match value {
            Some("disable") => Self::Disable,
            Some("require") => Self::Require,
            _ => Self::VerifyFull,
        }
    }
}

/// How to encrypt a connection to one host.
#[derive(Clone)]
pub struct Tls {
    mode: Mode,
    host: String,
    config: Arc<ClientConfig>,
}

impl Tls {
    /// `None` when encryption is switched off. `ca`: PEM certificates to believe instead of the system's.
    pub fn new(mode: Mode, host: &str, ca: Option<&str>) -> Result<Option<Self>, Fault> {
        let builder = || {
            let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
            builder
                .with_safe_default_protocol_versions()
                .map_err(|error| unusable(&error.to_string()))
        };
        let config = match (mode, ca) {
            (Mode::Disable, _) => return Ok(None),
            (Mode::Require, _) => {
                let believer = Believer(Arc::new(ring::default_provider()));
                builder()?
                    .dangerous()
                    .with_custom_certificate_verifier(Arc::new(believer))
                    .with_no_client_auth()
            }
            (Mode::VerifyFull, Some(pem)) => {
                builder()?.with_root_certificates(roots(pem)?).with_no_client_auth()
            }
            (Mode::VerifyFull, None) => public()?,
        };
        let host = host.trim().trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Some(Self { mode, host, config: Arc::new(config) }))
    }

    /// Whoever answers has proved to be the host.
    pub fn is_verified(&self) -> bool {
        self.mode == Mode::VerifyFull
    }

    /// The handshake; also what to say of it: the version, and whether the certificate was checked.
    pub async fn wrap(&self, wire: Wire) -> Result<(Wire, String), Fault> {
        let name = ServerName::try_from(self.host.clone()).map_err(|_| {
            Fault::new(Cause::TlsUntrusted)
                .marks(&["host"])
                .detail(format!("{} is no name for a certificate", self.host))
        })?;
        let stream = TlsConnector::from(Arc::clone(&self.config))
            .connect(name, wire)
            .await
            .map_err(|error| refused(&error))?;
        let version = match stream.get_ref().1.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3",
            Some(rustls::ProtocolVersion::TLSv1_2) => "TLS 1.2",
            _ => "TLS",
        };
        let checked = match self.mode {
            Mode::VerifyFull => format!("certificate checked for {}", self.host),
            _ => "certificate not checked".to_owned(),
        };
        Ok((Box::new(stream), format!("{version}, {checked}")))
    }
}

/// What a browser does: the system's authorities, the host's name.
pub fn public() -> Result<ClientConfig, Fault> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&error.to_string()))?;
    let verified =
        builder.with_platform_verifier().map_err(|error| unusable(&error.to_string()))?;
    Ok(verified.with_no_client_auth())
}

fn roots(pem: &str) -> Result<RootCertStore, Fault> {
    let bad = |said: String| Fault::new(Cause::TlsUntrusted).marks(&["ca"]).detail(said);
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate
            .map_err(|error| bad(format!("The company certificate cannot be read: {error}")))?;
        roots
            .add(certificate)
            .map_err(|error| bad(format!("The company certificate cannot be used: {error}")))?;
    }
    if roots.is_empty() {
        return Err(bad("The company certificate has no certificate in it.".to_owned()));
    }
    Ok(roots)
}

fn unusable(said: &str) -> Fault {
    Fault::new(Cause::TlsUnsupported).marks(&["tls"]).detail(said)
}

/// What a failed handshake means. The fields are the database's: what a tunnel said never comes here.
fn refused(error: &std::io::Error) -> Fault {
    let said = error.to_string();
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let (cause, fields): (Cause, &[&str]) = match inner {
        Some(rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => (Cause::TlsUntrusted, &["host", "tls"]),
        Some(rustls::Error::InvalidCertificate(_)) => (Cause::TlsUntrusted, &["ca", "tls"]),
        Some(_) => (Cause::TlsUnsupported, &["tls"]),
        None if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            (Cause::TlsUnsupported, &["tls"])
        }
        None => (Cause::Unreachable, &["host", "port"]),
    };
    Fault::new(cause).marks(fields).detail(said)
}

/// Believes every certificate, but checks that the server holds its key.
#[derive(Debug)]
struct Believer(Arc<CryptoProvider>);

impl ServerCertVerifier for Believer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
