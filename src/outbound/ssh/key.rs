//! Reads private keys. How long a key takes to open, and how much memory, is said by its file: one that asks for too
//! much is refused before it is tried.
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::der::Decode;
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::Kdf;
use russh::keys::{PrivateKey, ssh_key};

use super::Words;
use crate::model::report::Fault;

/// Rounds of bcrypt. `ssh-keygen` takes 24 unless it is told otherwise.
const MAX_BCRYPT_ROUNDS: u32 = 500;
/// Rounds of PBKDF2. OWASP asks for 600,000.
const MAX_PBKDF2_ROUNDS: u32 = 5_000_000;
/// The memory of scrypt in bytes, for each of its passes.
const MAX_SCRYPT_BYTES: u64 = 64 << 20;
const MAX_SCRYPT_PASSES: u16 = 16;

/// Opens a private key, which may take a second.
pub(super) fn read(pem: &str, passphrase: Option<&str>, words: Words) -> Result<PrivateKey, Fault> {
    let rejected = Fault::new(words.rejected);
    if passphrase.is_some() && is_costly(pem) {
        let said = "The private key takes too long to open. Save it again with fewer rounds.";
        return Err(rejected.marks(&[words.key]).detail(said));
    }
    russh::keys::decode_secret_key(pem, passphrase).map_err(|error| match (error, passphrase) {
        (russh::keys::Error::KeyIsEncrypted, None) => {
            rejected.marks(&[words.passphrase]).detail("The private key is encrypted.")
        }
        (_, Some(_)) => rejected
            .marks(&[words.key, words.passphrase])
            .detail("The private key does not open with this passphrase."),
        (error, None) => {
            rejected.marks(&[words.key]).detail(format!("The private key cannot be read: {error}"))
        }
    })
}

/// Whether opening it would take minutes or gigabytes. What is none of the known forms counts as such.
fn is_costly(pem: &str) -> bool {
    // PuTTY's form has costs of its own, and is not taken anywhere.
    if pem.trim_start().starts_with("PuTTY") {
        return true;
    }
    let Some(body) = body(pem) else { return true };
    if let Ok(key) = PrivateKey::from_bytes(&body) {
        return match key.kdf() {
            ssh_key::Kdf::None => false,
            ssh_key::Kdf::Bcrypt { rounds, .. } => *rounds > MAX_BCRYPT_ROUNDS,
            _ => true,
        };
    }
    match EncryptedPrivateKeyInfoRef::from_der(&body).map(|info| info.encryption_algorithm) {
        Ok(EncryptionScheme::Pbes2(parameters)) => match parameters.kdf {
            Kdf::Pbkdf2(pbkdf2) => pbkdf2.iteration_count > MAX_PBKDF2_ROUNDS,
            Kdf::Scrypt(scrypt) => {
                let block = 128 * u64::from(scrypt.block_size);
                let bytes = scrypt.cost_parameter.saturating_mul(block);
                bytes > MAX_SCRYPT_BYTES || scrypt.parallelization > MAX_SCRYPT_PASSES
            }
            _ => true,
        },
        // Neither has rounds that take long: PBES1 is not opened, the others are not encrypted or by MD5, once.
        Ok(_) | Err(_) => false,
    }
}

/// The bytes between the lines BEGIN and END, read as the reader of keys does.
fn body(pem: &str) -> Option<Vec<u8>> {
    let is_base64 = |line: &&str| {
        line.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '='))
    };
    let lines = pem.lines().skip_while(|line| !line.starts_with("-----BEGIN "));
    let lines = lines.take_while(|line| !line.starts_with("-----END "));
    STANDARD.decode(lines.filter(is_base64).collect::<String>()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn armoured(label: &str, bytes: &[u8]) -> String {
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(bytes))
    }

    /// An encrypted key of OpenSSH with so many rounds; what it holds is never opened.
    fn openssh(rounds: u32) -> String {
        let text =
            |bytes: &[u8]| [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
        let kdf = [text(&[7; 16]), rounds.to_be_bytes().to_vec()].concat();
        let public = [text(b"ssh-ed25519"), text(&[1; 32])].concat();
        let parts = [text(b"aes256-ctr"), text(b"bcrypt"), text(&kdf)].concat();
        let one = 1_u32.to_be_bytes();
        let all = [b"openssh-key-v1\0", parts.as_slice(), &one, &text(&public), &text(&[0; 64])];
        armoured("OPENSSH PRIVATE KEY", &all.concat())
    }

    /// A value of DER.
    fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let body = parts.concat();
        let length = u8::try_from(body.len()).unwrap();
        let long: &[u8] = if length < 128 { &[] } else { &[0x81] };
        [&[tag], long, &[length], &body].concat()
    }

    /// An encrypted key of PKCS #8 with this derivation.
    fn pkcs8(kdf: &[u8]) -> String {
        let oid = |bytes: &[u8]| der(6, &[bytes]);
        let cipher = der(
            0x30,
            &[&oid(&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a]), &der(4, &[&[0; 16]])],
        );
        let pbes2 = oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d]);
        let scheme = der(0x30, &[&pbes2, &der(0x30, &[kdf, &cipher])]);
        armoured("ENCRYPTED PRIVATE KEY", &der(0x30, &[&scheme, &der(4, &[&[0; 16]])]))
    }

    fn pbkdf2(rounds: [u8; 4]) -> String {
        let sha256 = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x09];
        let prf = der(0x30, &[&der(6, &[&sha256]), &[5, 0]]);
        let parameters = der(0x30, &[&der(4, &[&[7; 8]]), &der(2, &[&rounds]), &prf]);
        let oid = der(6, &[&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0c]]);
        pkcs8(&der(0x30, &[&oid, &parameters]))
    }

    fn scrypt(cost: &[u8]) -> String {
        let parameters =
            der(0x30, &[&der(4, &[&[7; 8]]), &der(2, &[cost]), &der(2, &[&[8]]), &der(2, &[&[1]])]);
        let oid = der(6, &[&[0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x04, 0x0b]]);
        pkcs8(&der(0x30, &[&oid, &parameters]))
    }

    #[test]
    fn keys_that_would_take_minutes_or_gigabytes_are_refused_unopened() {
        for (fine, costly) in [
            (openssh(24), openssh(u32::MAX)),
            (openssh(MAX_BCRYPT_ROUNDS), openssh(MAX_BCRYPT_ROUNDS + 1)),
            (pbkdf2([0, 0x0a, 0, 0]), pbkdf2([0x7f, 0xff, 0xff, 0xff])),
            (scrypt(&[0x40, 0]), scrypt(&[0x40, 0, 0, 0])),
        ] {
            assert!(!is_costly(&fine), "{fine}");
            assert!(is_costly(&costly), "{costly}");
            let began = std::time::Instant::now();
            let fault = read(&costly, Some("x"), super::super::SFTP).unwrap_err();
            assert!(fault.detail.unwrap().contains("takes too long"));
            assert!(began.elapsed().as_millis() < 500);
        }
        assert!(is_costly(" PuTTY-User-Key-File-3: ssh-ed25519\n-----BEGIN X-----\n"));
    }
}
