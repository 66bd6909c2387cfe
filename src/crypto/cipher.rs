//! Seals bytes under the key ring, bound to the row and column they lie in.
//!
//! Envelope: a fresh data key seals the bytes, a key of the ring seals the data key; both by AES-256-GCM with the version,
//! the key's id and the place as associated data. Layout: version (1) · nonce (12) · sealed data key (48) · nonce (12) · sealed bytes.
use std::sync::Arc;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::keyring::KeyRing;
use super::token;

const VERSION: u8 = 1;
const KEY: usize = 32;
const SEALED_KEY: usize = KEY + 16;

/// Where sealed bytes lie; a blob moved elsewhere does not open.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub table: &'static str,
    pub column: &'static str,
    pub id: &'a str,
}

/// Sealed bytes and the id of the key that seals them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    pub bytes: Vec<u8>,
    pub key_id: String,
}

/// Why bytes do not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    #[error("sealed with a key that is not in the ring")]
    KeyMissing,
    #[error("altered, or moved from another place")]
    Altered,
}

/// The cipher itself refused; it does so for nothing but absurdly long input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("could not be sealed")]
pub struct SealError;

/// Cheap to clone.
#[derive(Clone)]
pub struct Cipher {
    ring: Arc<KeyRing>,
}

impl Cipher {
    pub fn new(ring: KeyRing) -> Self {
        Self { ring: Arc::new(ring) }
    }

    pub fn ring(&self) -> &KeyRing {
        &self.ring
    }

    pub fn seal(&self, place: Place<'_>, plain: &[u8]) -> Result<Sealed, SealError> {
        let key = self.ring.writing();
        let head = head(&key.id, place);
        let data_key = Zeroizing::new(token::bytes::<KEY>());
        let mut bytes = vec![VERSION];
        bytes.extend(seal_with(key.bytes(), &head, data_key.as_slice())?);
        bytes.extend(seal_with(&data_key, &head, plain)?);
        Ok(Sealed { bytes, key_id: key.id.clone() })
    }

    pub fn open(&self, place: Place<'_>, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let key = self.ring.find(&sealed.key_id).ok_or(OpenError::KeyMissing)?;
        let head = head(&sealed.key_id, place);
        let rest = sealed.bytes.strip_prefix(&[VERSION]).ok_or(OpenError::Altered)?;
        let (wrapped, body) =
            rest.split_at_checked(NONCE_LEN + SEALED_KEY).ok_or(OpenError::Altered)?;
        let data_key = open_with(key.bytes(), &head, wrapped)?;
        let data_key: &[u8; KEY] =
            data_key.as_slice().try_into().map_err(|_| OpenError::Altered)?;
        open_with(data_key, &head, body)
    }
}

/// The associated data; lengths are written out so that no two places read alike.
fn head(key_id: &str, place: Place<'_>) -> Vec<u8> {
    let mut head = vec![VERSION];
    for part in [key_id, place.table, place.column, place.id] {
        head.extend((part.len() as u64).to_be_bytes());
        head.extend(part.as_bytes());
    }
    head
}

fn aead(key: &[u8; KEY]) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, key).ok().map(LessSafeKey::new)
}

fn seal_with(key: &[u8; KEY], head: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
    let nonce = token::bytes::<NONCE_LEN>();
    let mut sealed = plain.to_vec();
    aead(key)
        .ok_or(SealError)?
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(head), &mut sealed)
        .map_err(|_| SealError)?;
    Ok([nonce.as_slice(), &sealed].concat())
}

fn open_with(key: &[u8; KEY], head: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let (nonce, body) = sealed.split_at_checked(NONCE_LEN).ok_or(OpenError::Altered)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| OpenError::Altered)?;
    let mut buffer = Zeroizing::new(body.to_vec());
    let length = aead(key)
        .ok_or(OpenError::Altered)?
        .open_in_place(nonce, Aad::from(head), &mut buffer)
        .map_err(|_| OpenError::Altered)?
        .len();
    buffer.truncate(length);
    Ok(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(id: &str) -> Place<'_> {
        Place { table: "authorizers", column: "sealed", id }
    }

    fn cipher() -> Cipher {
        Cipher::new(KeyRing::generate())
    }

    #[test]
    fn what_is_sealed_opens_in_its_place() {
        let cipher = cipher();
        let sealed = cipher.seal(place("a"), b"secret").unwrap();
        assert_eq!(&**cipher.open(place("a"), &sealed).unwrap(), b"secret");
        assert!(!sealed.bytes.windows(6).any(|window| window == b"secret"));
    }

    #[test]
    fn a_blob_moved_to_another_row_does_not_open() {
        let cipher = cipher();
        let sealed = cipher.seal(place("a"), b"secret").unwrap();
        assert_eq!(cipher.open(place("b"), &sealed).unwrap_err(), OpenError::Altered);
        let other_column = Place { column: "secret", ..place("a") };
        assert_eq!(cipher.open(other_column, &sealed).unwrap_err(), OpenError::Altered);
    }

    #[test]
    fn every_flipped_bit_is_seen() {
        let cipher = cipher();
        let sealed = cipher.seal(place("a"), b"secret").unwrap();
        for at in 0..sealed.bytes.len() {
            let mut bent = sealed.clone();
            bent.bytes[at] ^= 1;
            assert!(cipher.open(place("a"), &bent).is_err(), "byte {at}");
        }
    }

    #[test]
    fn another_ring_says_that_the_key_is_missing() {
        let sealed = cipher().seal(place("a"), b"secret").unwrap();
        assert_eq!(cipher().open(place("a"), &sealed).unwrap_err(), OpenError::KeyMissing);
    }
}
