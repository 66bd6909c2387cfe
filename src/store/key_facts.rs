//! What the database knows of its keys: a proof of each, and which ones were given up.
//!
//! A proof is a known text, sealed by the key when it was first seen. Who opens it has the same key.
use diesel::prelude::*;

use crate::crypto::Sealed;
use crate::model::time::Moment;

use super::conn::AnyConnection;
use super::schema::facts;
use super::tables::has_table;
use super::{StoreError, facts as rows};

const PROOF: &str = "key_proof:";
const ABANDONED: &str = "key_abandoned:";
/// There once: of two processes that bring the first key, each another one, the second is refused.
const FIRST_KEY: &str = "first_key";
const COOKIE_KEY: &str = "cookie_key";

/// A proof, and the name of the row it lies in, which is part of what it is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyProof {
    pub fact: String,
    pub sealed: Sealed,
}

/// Under which name the proof of a key is kept.
pub fn proof_fact(key_id: &str) -> String {
    format!("{PROOF}{key_id}")
}

/// Returns all proofs, by key id; none for a database that isn't migrated yet.
pub fn list_proofs(c: &mut AnyConnection) -> Result<Vec<KeyProof>, StoreError> {
    let found = list_by_prefix(c, PROOF)?;
    let proof = |row: Fact| KeyProof {
        sealed: Sealed {
            bytes: row.value,
            key_id: row.name.strip_prefix(PROOF).unwrap_or_default().to_owned(),
        },
        fact: row.name,
    };
    Ok(found.into_iter().map(proof).collect())
}

pub fn put_proof(c: &mut AnyConnection, proof: &Sealed, now: Moment) -> Result<(), StoreError> {
    rows::put(c, &proof_fact(&proof.key_id), &proof.bytes, now)
}

/// `Taken` if another process was first.
pub fn claim_first_key(c: &mut AnyConnection, key_id: &str, now: Moment) -> Result<(), StoreError> {
    rows::claim(c, FIRST_KEY, key_id.as_bytes(), now)
}

/// Returns the ids of the keys that an operator has given up.
pub fn list_abandoned(c: &mut AnyConnection) -> Result<Vec<String>, StoreError> {
    let found = list_by_prefix(c, ABANDONED)?;
    let id = |row: Fact| row.name.strip_prefix(ABANDONED).unwrap_or_default().to_owned();
    Ok(found.into_iter().map(id).collect())
}

/// Gives a key up. Its proof stays, so that it is known if it is found again.
pub fn abandon(c: &mut AnyConnection, key_id: &str, now: Moment) -> Result<(), StoreError> {
    rows::put(c, &format!("{ABANDONED}{key_id}"), b"", now)?;
    // Another key may be the first one now.
    rows::delete(c, FIRST_KEY)
}

/// The key is back.
pub fn take_back(c: &mut AnyConnection, key_id: &str) -> Result<(), StoreError> {
    rows::delete(c, &format!("{ABANDONED}{key_id}"))
}

/// Returns the fingerprint of the cookie key that a process last brought.
pub fn cookie_fingerprint(c: &mut AnyConnection) -> Result<Option<Vec<u8>>, StoreError> {
    rows::get(c, COOKIE_KEY)
}

pub fn put_cookie_fingerprint(
    c: &mut AnyConnection,
    fingerprint: &str,
    now: Moment,
) -> Result<(), StoreError> {
    rows::put(c, COOKIE_KEY, fingerprint.as_bytes(), now)
}

#[derive(Queryable)]
struct Fact {
    name: String,
    value: Vec<u8>,
}

fn list_by_prefix(c: &mut AnyConnection, prefix: &str) -> Result<Vec<Fact>, StoreError> {
    if !has_table(c, "facts")? {
        return Ok(Vec::new());
    }
    // The sign after the colon: all names with the prefix lie between the two.
    let end = prefix.replace(':', ";");
    Ok(facts::table
        .filter(facts::name.gt(prefix).and(facts::name.lt(end)))
        .order(facts::name)
        .select((facts::name, facts::value))
        .load(c)?)
}
