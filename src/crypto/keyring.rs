//! The key ring: several keys that can be read, one that writes; and the cookie key, which is another one.
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::token;

const KEY: usize = 32;
const COOKIE_KEY: usize = 64;

/// One key of the ring. Never `Debug`.
#[derive(Clone)]
pub struct Key {
    pub id: String,
    bytes: Zeroizing<[u8; KEY]>,
}

impl Key {
    pub(super) fn bytes(&self) -> &[u8; KEY] {
        &self.bytes
    }
}

/// The first key writes. Never `Debug`.
#[derive(Clone)]
pub struct KeyRing {
    first: Key,
    others: Vec<Key>,
    cookie: Zeroizing<Vec<u8>>,
}

/// What is wrong with a ring's text. Never quotes the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RingError {
    #[error("entry {0} is not of the form id:key, with the key as base64 of 32 bytes")]
    Entry(usize),
    #[error("the key id `{0}` stands twice")]
    Twice(String),
    #[error("there is no sealing key")]
    Empty,
    #[error("there is no `cookie` entry: cookie:<base64 of 64 bytes>")]
    NoCookieKey,
}

impl KeyRing {
    /// A new ring with one key, for a first start.
    pub fn generate() -> Self {
        let id = format!(
            "k-{}",
            token::sha256_hex(token::random(16).expose()).chars().take(8).collect::<String>()
        );
        let first = Key { id, bytes: Zeroizing::new(token::bytes()) };
        Self {
            first,
            others: Vec::new(),
            cookie: Zeroizing::new(token::bytes::<COOKIE_KEY>().to_vec()),
        }
    }

    /// Entries `id:base64`, separated by commas or line ends; `cookie:base64` is the cookie key. `#` starts a comment.
    pub fn parse(text: &str) -> Result<Self, RingError> {
        let entries = text.lines().map(|line| line.split('#').next().unwrap_or_default());
        let entries = entries
            .flat_map(|line| line.split(','))
            .map(str::trim)
            .filter(|entry| !entry.is_empty());
        let (mut keys, mut cookie): (Vec<Key>, _) = (Vec::new(), None);
        for (index, entry) in entries.enumerate() {
            let wrong = RingError::Entry(index + 1);
            let (id, encoded) = entry.split_once(':').ok_or_else(|| wrong.clone())?;
            let bytes = Zeroizing::new(STANDARD.decode(encoded.trim()).map_err(|_| wrong.clone())?);
            if id == "cookie" {
                cookie = Some(bytes).filter(|bytes| bytes.len() == COOKIE_KEY);
                if cookie.is_none() {
                    return Err(RingError::NoCookieKey);
                }
                continue;
            }
            let is_id = !id.is_empty()
                && id.len() <= 40
                && id.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
            let bytes: [u8; KEY] = bytes.as_slice().try_into().map_err(|_| wrong.clone())?;
            if !is_id {
                return Err(wrong);
            }
            if keys.iter().any(|key| key.id == id) {
                return Err(RingError::Twice(id.to_owned()));
            }
            keys.push(Key { id: id.to_owned(), bytes: Zeroizing::new(bytes) });
        }
        let mut keys = keys.into_iter();
        let first = keys.next().ok_or(RingError::Empty)?;
        Ok(Self { first, others: keys.collect(), cookie: cookie.ok_or(RingError::NoCookieKey)? })
    }

    /// What `parse` reads, for the key file.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::from(
            "# Keys of Authorizers. Whoever has this file and the database can read every stored secret.\n\
             # Keep a copy of it, apart from the copies of the database. The first sealing key writes; all of them read.\n",
        ));
        for key in std::iter::once(&self.first).chain(&self.others) {
            text.push_str(&format!("{}:{}\n", key.id, STANDARD.encode(key.bytes.as_slice())));
        }
        text.push_str(&format!("cookie:{}\n", STANDARD.encode(&*self.cookie)));
        text
    }

    pub fn writing(&self) -> &Key {
        &self.first
    }

    pub fn find(&self, id: &str) -> Option<&Key> {
        self.all().find(|key| key.id == id)
    }

    pub fn all(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// 64 bytes for the session cookie.
    pub fn cookie(&self) -> &[u8] {
        &self.cookie
    }

    /// Tells whether two processes have the same cookie key, and nothing about it: 64 random bytes
    /// are not found by their hash.
    pub fn cookie_fingerprint(&self) -> String {
        token::sha256_hex(&STANDARD.encode(&*self.cookie))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_reads_what_it_wrote() {
        let ring = KeyRing::generate();
        let again = KeyRing::parse(&ring.to_text()).unwrap();
        assert_eq!(again.writing().id, ring.writing().id);
        assert!(
            again.writing().bytes() == ring.writing().bytes() && again.cookie() == ring.cookie()
        );
    }

    #[test]
    fn a_wrong_ring_says_which_entry_and_never_quotes_it() {
        let error = KeyRing::parse("k1:c2VjcmV0c2VjcmV0").err().unwrap();
        assert_eq!(error, RingError::Entry(1));
        assert!(!error.to_string().contains("c2Vj"));
        assert_eq!(KeyRing::parse("").err(), Some(RingError::Empty));
    }
}
