//! Keys and certificates: what they are, and what they are not.
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::catalog::field::Format;
use crate::catalog::template::has_dot_segments;
use crate::model::problems::Complaint;

const PUBLIC_STARTS: [&str; 6] = [
    "ssh-rsa ",
    "ssh-ed25519 ",
    "ssh-dss ",
    "ecdsa-sha2-",
    "---- BEGIN SSH2 PUBLIC KEY",
    "sk-ssh-ed25519@",
];

const DOT_SEGMENTS: &str = "A path can't contain . or .. between slashes.";

/// Says what a text is instead of what it should be.
pub fn check(format: Format, text: &str) -> Result<(), Complaint> {
    match format {
        Format::PrivateKey => check_private_key(text),
        Format::Certificate => check_certificate(text),
        Format::Path if has_dot_segments(text) => Err(Complaint::Say(DOT_SEGMENTS.to_owned())),
        Format::Path => Ok(()),
    }
}

fn check_private_key(text: &str) -> Result<(), Complaint> {
    let is_public = PUBLIC_STARTS.iter().any(|start| text.starts_with(start))
        || text.contains("PUBLIC KEY-----");
    if is_public {
        return Err(Complaint::PublicKey);
    }
    if text.starts_with("PuTTY-User-Key-File") {
        return Err(Complaint::Say(
            "This is a key of PuTTY (.ppk). Open it in PuTTYgen and export it as an OpenSSH key."
                .to_owned(),
        ));
    }
    if text.contains("BEGIN CERTIFICATE-----") {
        return Err(Complaint::Say(
            "This is a certificate. The private key is asked for here.".to_owned(),
        ));
    }
    if is_armoured(text, "PRIVATE KEY") { Ok(()) } else { Err(Complaint::NotPem) }
}

fn check_certificate(text: &str) -> Result<(), Complaint> {
    if text.contains("PRIVATE KEY-----") {
        return Err(Complaint::Say(
            "This holds a private key. Only the certificate is asked for here.".to_owned(),
        ));
    }
    if is_armoured(text, "CERTIFICATE") { Ok(()) } else { Err(Complaint::NotPem) }
}

fn is_armoured(text: &str, what: &str) -> bool {
    let is_line = |line: &str, start: &str| {
        line.starts_with(start) && line.ends_with(&format!("{what}-----"))
    };
    text.lines().any(|line| is_line(line.trim(), "-----BEGIN "))
        && text.lines().any(|line| is_line(line.trim(), "-----END "))
}

/// Whether a private key needs a passphrase: PKCS #8, the old PEM header, or OpenSSH's own format.
pub fn is_encrypted(text: &str) -> bool {
    text.contains("BEGIN ENCRYPTED PRIVATE KEY-----")
        || text.contains("Proc-Type: 4,ENCRYPTED")
        || is_openssh_encrypted(text)
}

/// `openssh-key-v1\0`, then the name of the cipher as a counted text; `none` means that it is open.
fn is_openssh_encrypted(text: &str) -> bool {
    let body: String =
        text.lines().map(str::trim).filter(|line| !line.starts_with("-----")).collect();
    let Ok(bytes) = STANDARD.decode(body) else {
        return false;
    };
    let Some(rest) = bytes.strip_prefix(b"openssh-key-v1\0") else {
        return false;
    };
    rest.strip_prefix(&[0, 0, 0, 4]).is_none_or(|name| !name.starts_with(b"none"))
}
