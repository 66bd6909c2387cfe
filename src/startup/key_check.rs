//! Whether a key ring belongs to a database. One rule for the start, `check` and `keys status`.
//!
//! A database that holds sealed values or proofs of keys is opened with the keys it knows alone:
//! with others, everything in it would look broken, and what they seal could not be read by those
//! who have the right ones.
use std::fmt::Write;

use crate::config::Keys;
use crate::crypto::cipher::Place;
use crate::crypto::{Cipher, KeyRing, SealError, Sealed};
use crate::store::key_facts::{self, KeyProof};
use crate::store::sealed_rows::{self, SealedCount, SealedRows};
use crate::store::{AnyConnection, StoreError};

const PROOF: &[u8] = b"this key is the right one";

/// What the database knows of its keys.
#[derive(Clone, Debug, Default)]
pub struct KnownKeys {
    proofs: Vec<KeyProof>,
    /// Keys that seal something.
    sealing: Vec<String>,
    /// Keys that an operator has given up as lost.
    pub abandoned: Vec<String>,
}

/// Why a ring is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyProblem {
    /// The database knows another key by this id.
    OtherBytes { id: String },
    /// These seal something or are all that the database knows, and none of them is in the ring.
    Missing { ids: Vec<String> },
    /// These are in the ring and seal something, but nothing proves that they are the same keys.
    Unproved { ids: Vec<String> },
}

impl KnownKeys {
    pub fn read(c: &mut AnyConnection) -> Result<Self, StoreError> {
        Ok(Self {
            proofs: key_facts::list_proofs(c)?,
            sealing: sealed_rows::list_key_ids(c)?,
            abandoned: key_facts::list_abandoned(c)?,
        })
    }

    /// All ids, in order.
    pub fn ids(&self) -> Vec<String> {
        let proved = self.proofs.iter().map(|proof| &proof.sealed.key_id);
        let mut ids: Vec<String> =
            proved.chain(&self.sealing).chain(&self.abandoned).cloned().collect();
        ids.sort();
        ids.dedup();
        ids
    }

    /// Ids of the keys that count: all but those given up.
    fn living(&self) -> Vec<String> {
        self.ids().into_iter().filter(|id| !self.is_abandoned(id)).collect()
    }

    /// No key was used here yet, or all of them were given up: any ring will do.
    pub fn is_empty(&self) -> bool {
        self.living().is_empty()
    }

    pub fn is_abandoned(&self, id: &str) -> bool {
        self.abandoned.iter().any(|abandoned| abandoned == id)
    }

    pub fn has_proof(&self, id: &str) -> bool {
        self.proofs.iter().any(|proof| proof.sealed.key_id == id)
    }

    /// The ring's key of this id opens the proof of it.
    pub fn is_proved(&self, cipher: &Cipher, id: &str) -> bool {
        let proof = self.proofs.iter().find(|proof| proof.sealed.key_id == id);
        proof.is_some_and(|proof| opens(cipher, proof))
    }

    /// The rule. Several keys may be wrong; the gravest reason is told.
    pub fn verify(&self, cipher: &Cipher) -> Result<(), KeyProblem> {
        let ring = cipher.ring();
        let in_ring = |id: &String| ring.find(id).is_some();
        let other = self
            .proofs
            .iter()
            .find(|proof| ring.find(&proof.sealed.key_id).is_some() && !opens(cipher, proof));
        if let Some(other) = other {
            return Err(KeyProblem::OtherBytes { id: other.sealed.key_id.clone() });
        }
        let living = self.living();
        let is_needed = |id: &&String| living.contains(id);
        let needed: Vec<&String> = self.sealing.iter().filter(is_needed).collect();
        let missing: Vec<String> =
            needed.iter().filter(|id| !in_ring(id)).map(|id| (*id).clone()).collect();
        if !missing.is_empty() {
            return Err(KeyProblem::Missing { ids: missing });
        }
        let mut unproved: Vec<String> =
            needed.iter().filter(|id| !self.has_proof(id)).map(|id| (*id).clone()).collect();
        // A key given up whose proof is gone: what it would seal now may not open what it sealed.
        let writing = &ring.writing().id;
        if self.is_abandoned(writing) && !self.has_proof(writing) {
            unproved.push(writing.clone());
        }
        if !unproved.is_empty() {
            return Err(KeyProblem::Unproved { ids: unproved });
        }
        if !living.is_empty() && !living.iter().any(in_ring) {
            return Err(KeyProblem::Missing { ids: living });
        }
        Ok(())
    }

    /// The keys of which all are missing where there is no ring.
    pub fn all_missing(&self) -> KeyProblem {
        let living = self.living();
        let sealing: Vec<String> =
            self.sealing.iter().filter(|id| living.contains(id)).cloned().collect();
        KeyProblem::Missing { ids: if sealing.is_empty() { living } else { sealing } }
    }
}

fn place(fact: &str) -> Place<'_> {
    Place { table: "facts", column: "value", id: fact }
}

fn opens(cipher: &Cipher, proof: &KeyProof) -> bool {
    cipher.open(place(&proof.fact), &proof.sealed).is_ok_and(|plain| plain.as_slice() == PROOF)
}

/// Makes the proof of the key that writes.
pub fn make_proof(cipher: &Cipher) -> Result<Sealed, SealError> {
    let fact = key_facts::proof_fact(&cipher.ring().writing().id);
    cipher.seal(place(&fact), PROOF)
}

impl KeyProblem {
    fn ids(&self) -> &[String] {
        match self {
            Self::OtherBytes { id } => std::slice::from_ref(id),
            Self::Missing { ids } | Self::Unproved { ids } => ids,
        }
    }

    /// What an operator reads: which key, where it was looked for, what to do. `ring` is what was
    /// found there, if anything.
    pub fn explain(
        &self,
        c: &mut AnyConnection,
        keys: &Keys,
        ring: Option<&KeyRing>,
    ) -> Result<String, StoreError> {
        Ok(self.in_words(&sealed_rows::count(c, self.ids())?, keys, ring))
    }

    fn in_words(&self, sealed: &SealedRows, keys: &Keys, ring: Option<&KeyRing>) -> String {
        let named: Vec<String> = self.ids().iter().map(|id| describe(id, sealed)).collect();
        let (named, looked) = (named.join(", "), looked_at(keys, ring));
        let first = self.ids().first().map_or("", String::as_str);
        match self {
            Self::OtherBytes { id } => format!(
                "the key `{id}` from {keys:?} is not the one that this database was sealed with. \
                 Restore the keys that belong to this database from your backup, \
                 or give the new key another id."
            ),
            Self::Missing { .. } => format!(
                "the keys that this database was sealed with are missing: {named}. {looked} \
                 Restore the keys that belong to this database from your backup. \
                 If a key is lost for good, run `authorizers keys abandon {first}`: \
                 the app then starts without it, and what it seals has to be entered again."
            ),
            Self::Unproved { .. } => format!(
                "nothing proves that these are the keys that this database was sealed with: \
                 {named}. {looked} Restore the rows `key_proof:…` of the table `facts` from a \
                 backup of the database, or give the key up with \
                 `authorizers keys abandon {first}` and start with a key of another id."
            ),
        }
    }
}

fn looked_at(keys: &Keys, ring: Option<&KeyRing>) -> String {
    match ring {
        None => format!("Looked at: {keys:?}, which does not exist."),
        Some(ring) => {
            let ids: Vec<String> = ring.all().map(|key| format!("`{}`", key.id)).collect();
            format!("Looked at: {keys:?}, which holds {}.", ids.join(", "))
        }
    }
}

fn describe(id: &str, sealed: &SealedRows) -> String {
    match sealed.get(id).filter(|counts| !counts.is_empty()) {
        Some(counts) => format!("`{id}` (seals {})", list_counts(counts)),
        None => format!("`{id}`"),
    }
}

/// `5 authorizers, 1 webhook`
pub fn list_counts(counts: &[SealedCount]) -> String {
    let mut text = String::new();
    for count in counts {
        let comma = if text.is_empty() { "" } else { ", " };
        // Writing into a text never fails.
        write!(text, "{comma}{} {}", count.rows, count.noun()).ok();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(keys: &[&KeyRing]) -> Cipher {
        let line = |ring: &&KeyRing| {
            let text = ring.to_text();
            text.lines().find(|line| line.starts_with("k-")).unwrap().to_owned()
        };
        let mut text: Vec<String> = keys.iter().map(line).collect();
        let cookie = keys.first().unwrap().to_text();
        text.push(cookie.lines().find(|line| line.starts_with("cookie")).unwrap().to_owned());
        Cipher::new(KeyRing::parse(&text.join("\n")).unwrap())
    }

    fn proof(ring: &KeyRing) -> KeyProof {
        let sealed = make_proof(&Cipher::new(ring.clone())).unwrap();
        KeyProof { fact: key_facts::proof_fact(&sealed.key_id), sealed }
    }

    fn known(proved: &[&KeyRing], sealing: &[&KeyRing]) -> KnownKeys {
        KnownKeys {
            proofs: proved.iter().map(|ring| proof(ring)).collect(),
            sealing: sealing.iter().map(|ring| ring.writing().id.clone()).collect(),
            abandoned: Vec::new(),
        }
    }

    fn missing(ring: &KeyRing) -> Result<(), KeyProblem> {
        Err(KeyProblem::Missing { ids: vec![ring.writing().id.clone()] })
    }

    #[test]
    fn a_ring_must_hold_every_key_that_seals_and_one_that_is_proved() {
        let (old, new, other) = (KeyRing::generate(), KeyRing::generate(), KeyRing::generate());
        assert_eq!(KnownKeys::default().verify(&ring(&[&new])), Ok(()), "the first start");
        let rotated = known(&[&old], &[&old]);
        assert_eq!(rotated.verify(&ring(&[&old])), Ok(()));
        assert_eq!(rotated.verify(&ring(&[&new, &old])), Ok(()), "a new key that writes");
        assert_eq!(rotated.verify(&ring(&[&old, &new])), Ok(()), "a key for later");
        assert_eq!(rotated.verify(&ring(&[&new])), missing(&old));
        let both = known(&[&old, &new], &[&new]);
        assert_eq!(both.verify(&ring(&[&new])), Ok(()), "the old one seals nothing any more");
        assert_eq!(both.verify(&ring(&[&old])), missing(&new));
        let unused = known(&[&old], &[]);
        assert_eq!(unused.verify(&ring(&[&other])), missing(&old), "nothing is sealed yet");
    }

    #[test]
    fn a_key_of_the_same_id_with_other_bytes_is_refused() {
        let (own, foreign) = (KeyRing::generate(), KeyRing::generate());
        let (id, other_id) = (own.writing().id.clone(), foreign.writing().id.clone());
        let forged = KeyRing::parse(&foreign.to_text().replace(&other_id, &id)).unwrap();
        let refused = known(&[&own], &[&own]).verify(&Cipher::new(forged));
        assert_eq!(refused, Err(KeyProblem::OtherBytes { id }));
    }

    #[test]
    fn a_key_that_was_given_up_is_not_asked_for_and_is_taken_back() {
        let (lost, new) = (KeyRing::generate(), KeyRing::generate());
        let mut database = known(&[&lost], &[&lost]);
        database.abandoned.push(lost.writing().id.clone());
        assert!(database.is_empty());
        assert_eq!(database.verify(&ring(&[&new])), Ok(()));
        assert_eq!(database.verify(&ring(&[&lost])), Ok(()), "it was found again");
    }

    #[test]
    fn a_key_without_a_proof_is_believed_only_while_it_seals_nothing() {
        let (proved, bare) = (KeyRing::generate(), KeyRing::generate());
        let id = bare.writing().id.clone();
        let database = known(&[&proved], &[&proved, &bare]);
        let unproved = Err(KeyProblem::Unproved { ids: vec![id.clone()] });
        assert_eq!(database.verify(&ring(&[&proved, &bare])), unproved);
        let mut given_up = known(&[], &[&bare]);
        given_up.abandoned.push(id);
        assert_eq!(given_up.verify(&ring(&[&bare])), unproved);
    }

    #[test]
    fn the_words_name_the_key_what_it_seals_where_it_was_looked_for_and_what_to_do() {
        let path = "data/keys".into();
        let keys = Keys::File { path, is_default: true };
        let problem = KeyProblem::Missing { ids: vec!["k-1".to_owned()] };
        let counts = vec![
            SealedCount { noun: "authorizers", rows: 5 },
            SealedCount { noun: "OAuth apps", rows: 1 },
        ];
        let said = problem.in_words(&[("k-1".to_owned(), counts)].into(), &keys, None);
        for part in [
            "`k-1` (seals 5 authorizers, 1 OAuth app)",
            "file data/keys, which does not exist",
            "from your backup",
            "authorizers keys abandon k-1",
        ] {
            assert!(said.contains(part), "{part} is not in: {said}");
        }
    }
}
