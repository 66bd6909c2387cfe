//! Passwords of people: Argon2id. Hashing takes tens of milliseconds and megabytes: call it off the
//! async threads.
use std::sync::{Mutex, PoisonError};

use argon2::password_hash::{Ident, Output, ParamsString, SaltString};
use argon2::{Algorithm, Argon2, Block, Params, PasswordHash, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::token;

/// One of OWASP's settings for Argon2id, which it holds to be equally strong: 9 MiB, 4 passes, 1 lane.
const KIB: u32 = 9 * 1024;
const PASSES: u32 = 4;
/// No hash of ours asks for more: one that does is not computed.
const MAX_KIB: u32 = 64 * 1024;

/// The memory that Argon2 works in. It is kept: allocated for each sign-in, the allocator would take
/// the next 9 MiB from another place each time, and never give them back to the system. Whoever
/// holds the lock is the only one who hashes.
static MEMORY: Mutex<Vec<Block>> = Mutex::new(Vec::new());

/// Computes Argon2 in the kept memory. `None` if it refuses the input.
fn compute(argon2: &Argon2<'_>, password: &str, salt: &[u8], length: usize) -> Option<Output> {
    let blocks = argon2.params().block_count();
    let usual = usize::try_from(KIB).ok()?;
    let mut memory = MEMORY.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(more) = blocks.checked_sub(memory.len()) {
        memory.reserve_exact(more);
        memory.resize(blocks, Block::new());
    }
    let computed = Output::init_with(length, |out| {
        let into = memory.as_mut_slice();
        Ok(argon2.hash_password_into_with_memory(password.as_bytes(), salt, out, into)?)
    });
    // Nothing that was derived from a password stays behind.
    memory.fill(Block::new());
    if memory.len() > usual {
        memory.truncate(usual);
        memory.shrink_to_fit();
    }
    computed.ok()
}

/// `None` only if the parameters were refused, which they are not.
pub fn hash(password: &str) -> Option<String> {
    let length = Params::DEFAULT_OUTPUT_LEN;
    let params = Params::new(KIB, PASSES, 1, Some(length)).ok()?;
    let salt = SaltString::from_b64(&STANDARD_NO_PAD.encode(token::bytes::<16>())).ok()?;
    let mut raw = [0; 16];
    let raw = salt.decode_b64(&mut raw).ok()?;
    let shown = ParamsString::try_from(&params).ok()?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: shown,
        hash: Some(compute(&argon2, password, raw, length)?),
        salt: Some(salt.as_salt()),
    };
    Some(hash.to_string())
}

/// False also for a hash that cannot be read. A hash brings its own parameters.
pub fn is_right(password: &str, hash: &str) -> bool {
    verify(password, hash).unwrap_or(false)
}

fn verify(password: &str, hash: &str) -> Option<bool> {
    let hash = PasswordHash::new(hash).ok()?;
    let expected = hash.hash?;
    let algorithm = Algorithm::try_from(Ident::new(hash.algorithm.as_str()).ok()?).ok()?;
    let version = Version::try_from(hash.version?).ok()?;
    let params = Params::try_from(&hash).ok()?;
    if params.m_cost() > MAX_KIB {
        return None;
    }
    let mut raw = [0; argon2::password_hash::Salt::MAX_LENGTH];
    let salt = hash.salt?.decode_b64(&mut raw).ok()?;
    let argon2 = Argon2::new(algorithm, version, params);
    // `Output` compares in a time that does not tell where two differ.
    Some(compute(&argon2, password, salt, expected.len())? == expected)
}

/// As long as `is_right`, for an account that is not there: the time must not tell.
pub fn pretend(password: &str) {
    hash(password);
}

#[cfg(test)]
mod tests {
    use argon2::PasswordHasher;

    use super::*;

    #[test]
    fn a_hash_of_the_crate_itself_is_right_and_ours_is_right_for_the_crate() {
        use argon2::PasswordVerifier;
        let ours = hash("correct horse").unwrap();
        let read = PasswordHash::new(&ours).unwrap();
        assert!(Argon2::default().verify_password(b"correct horse", &read).is_ok());
        let salt = SaltString::from_b64("c29tZXNhbHRzb21lc2FsdA").unwrap();
        let theirs = Argon2::default().hash_password(b"correct horse", &salt).unwrap().to_string();
        assert!(is_right("correct horse", &theirs) && !is_right("correct horsf", &theirs));
    }

    #[test]
    fn the_memory_is_kept_at_its_usual_size_and_wiped() {
        let salt = SaltString::from_b64("c29tZXNhbHRzb21lc2FsdA").unwrap();
        let large = Argon2::default().hash_password(b"correct horse", &salt).unwrap().to_string();
        assert!(is_right("correct horse", &large));
        let memory = MEMORY.lock().unwrap();
        assert!(memory.len() <= KIB as usize && memory.capacity() <= 2 * KIB as usize);
        assert!(memory.iter().all(|block| block.as_ref().iter().all(|word| *word == 0)));
    }

    #[test]
    fn a_hash_that_asks_for_more_memory_than_any_of_ours_is_wrong() {
        let hash = "$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$\
                    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        assert!(!is_right("correct horse", hash));
    }

    #[test]
    fn a_password_is_right_for_its_own_hash_only() {
        let hash = hash("correct horse").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=9216,t=4,p=1$"));
        assert!(
            is_right("correct horse", &hash)
                && !is_right("wrong horse", &hash)
                && !is_right("x", "no hash")
        );
    }

    #[test]
    fn a_hash_of_other_parameters_is_still_read() {
        let salt = SaltString::from_b64("c29tZXNhbHRzb21lc2FsdA").unwrap();
        let hash = Argon2::default().hash_password(b"correct horse", &salt).unwrap().to_string();
        assert!(
            hash.contains("m=19456")
                && is_right("correct horse", &hash)
                && !is_right("wrong horse", &hash)
        );
    }
}
