//! Passwords of people: Argon2id. Hashing takes tens of milliseconds and megabytes: call it off the async threads.
use argon2::password_hash::SaltString;
use argon2::{Argon2, PasswordHash, PasswordHasher, PasswordVerifier};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::token;

/// OWASP's parameters for Argon2id: 19 MiB, 2 passes, 1 lane; they are the crate's defaults.
fn argon2() -> Argon2<'static> {
    Argon2::default()
}

/// `None` only if the parameters were refused, which they are not.
pub fn hash(password: &str) -> Option<String> {
    let salt = SaltString::from_b64(&STANDARD_NO_PAD.encode(token::bytes::<16>())).ok()?;
    argon2().hash_password(password.as_bytes(), &salt).ok().map(|hash| hash.to_string())
}

/// False also for a hash that cannot be read.
pub fn is_right(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| argon2().verify_password(password.as_bytes(), &hash).is_ok())
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
        assert!(hash.starts_with("$argon2id$"));
        assert!(is_right("correct horse", &hash) && !is_right("wrong horse", &hash) && !is_right("x", "no hash"));
    }
}
