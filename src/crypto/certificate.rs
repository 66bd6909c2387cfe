//! When certificates in PEM end.
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::BasicConstraints;

use crate::model::time::Moment;

/// The end of what a text of certificates is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateEnd {
    pub at: Moment,
    /// False for several authorities: which of them is the one in use is not known, so the last end is taken.
    pub is_sure: bool,
}

/// A client's certificate ends with the first of its chain; authorities to trust end with the last of them.
/// `None` if there is no certificate in it that can be read.
pub fn end(pem: &str) -> Option<CertificateEnd> {
    let read = CertificateDer::pem_slice_iter(pem.as_bytes())
        .filter_map(|der| Certificate::from_der(&der.ok()?).ok());
    let all: Vec<Certificate> = read.collect();
    let are_authorities = all.first().is_some_and(is_authority);
    let ends = all.iter().filter_map(not_after);
    let at = if are_authorities { ends.max() } else { ends.min() }?;
    Some(CertificateEnd { at, is_sure: all.len() == 1 || !are_authorities })
}

fn is_authority(certificate: &Certificate) -> bool {
    let fields = &certificate.tbs_certificate;
    let told = fields.get::<BasicConstraints>().ok().flatten().is_some_and(|(_, told)| told.ca);
    told || fields.issuer == fields.subject
}

fn not_after(certificate: &Certificate) -> Option<Moment> {
    let since_epoch = certificate.tbs_certificate.validity.not_after.to_unix_duration();
    i64::try_from(since_epoch.as_micros()).ok().map(Moment::from_micros)
}
