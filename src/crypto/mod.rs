//! Sealing, the key ring, passwords, random tokens.
pub mod certificate;
pub mod cipher;
pub mod keyring;
pub mod password;
pub mod token;

pub use cipher::{Cipher, SealError, Sealed};
pub use keyring::KeyRing;
