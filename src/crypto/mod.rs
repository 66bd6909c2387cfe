//! Sealing, the key ring, passwords, random tokens.
pub mod cipher;

pub use cipher::{Cipher, Sealed};
