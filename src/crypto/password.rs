//! Passwords of people: Argon2id. Hashing takes tens of milliseconds and megabytes: call it off the async threads.
use argon2::password_hash::SaltString;
use argon2::{Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::token;

/// One of OWASP's settings for Argon2id, which it holds to be equally strong: 9 MiB, 4 passes, 1 lane.
const KIB: u32 = 9 * 1024;
const PASSES: u32 = 4;

fn argon2() -> Option<Argon2<'static>> {
    let params = Params::new(KIB, PASSES, 1, None).ok()?;
    Some(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// `None` only if the parameters were refused, which they are not.
pub fn hash(password: &str) -> Option<String> {
    let salt = SaltString::from_b64(&STANDARD_NO_PAD.encode(token::bytes::<16>())).ok()?;
    argon2()?.hash_password(password.as_bytes(), &salt).ok().map(|hash| hash.to_string())
}

/// False also for a hash that cannot be read. A hash brings its own parameters.
pub fn is_right(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

/// As long as `is_right`, for an account that is not there: the time must not tell.
pub fn pretend(password: &str) {
    hash(password);
}

#[cfg(test)]
mod tests {
    use super::*;

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
