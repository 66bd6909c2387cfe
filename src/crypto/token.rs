//! Random tokens, their hashes, and comparing them.
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::model::credentials::Secret;

/// `N` bytes of the operating system's generator. Without it nothing here may go on.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut buffer = [0_u8; N];
    #[expect(
        clippy::expect_used,
        reason = "a machine without randomness must not make keys, tokens or ids"
    )]
    getrandom::fill(&mut buffer).expect("the operating system gives random bytes");
    buffer
}

/// The random part of an id.
pub fn ten() -> [u8; 10] {
    bytes()
}

/// `length` random bytes as base64url text without padding.
pub fn random(length: usize) -> Secret {
    let mut buffer = Zeroizing::new(vec![0_u8; length]);
    #[expect(
        clippy::expect_used,
        reason = "a machine without randomness must not make keys, tokens or ids"
    )]
    getrandom::fill(&mut buffer).expect("the operating system gives random bytes");
    Secret::new(URL_SAFE_NO_PAD.encode(&*buffer))
}

/// Returns the 32 bytes of SHA-256.
pub fn sha256(text: &str) -> Vec<u8> {
    ring::digest::digest(&ring::digest::SHA256, text.as_bytes()).as_ref().to_vec()
}

/// SHA-256 as lower-case hexadecimal: how tokens are stored.
pub fn sha256_hex(text: &str) -> String {
    sha256(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// In a time that does not tell where they differ.
pub fn is_same(a: &str, b: &str) -> bool {
    let differing = a.bytes().zip(b.bytes()).fold(0_u8, |acc, (x, y)| acc | (x ^ y));
    a.len() == b.len() && differing == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_the_asked_entropy_and_differs() {
        assert_eq!(random(32).expose().len(), 43);
        assert!(random(32) != random(32));
    }

    #[test]
    fn hashes_and_comparisons_are_right() {
        assert_eq!(
            sha256_hex("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert!(is_same("abc", "abc") && !is_same("abc", "abd") && !is_same("abc", "ab"));
    }
}
