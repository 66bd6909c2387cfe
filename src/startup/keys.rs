//! The data folder and the key ring: made on the first start, closed to others, proved right before
//! anything is served.
use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};

use super::key_check::{KnownKeys, make_proof};
use crate::config::Keys;
use crate::crypto::{Cipher, KeyRing};
use crate::model::time::Moment;
use crate::store::{AnyConnection, Db, StoreError, key_facts, without_limits};

pub fn prepare_dir(dir: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    if dir.is_dir() {
        return Ok(());
    }
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .with_context(|| format!("cannot make the data folder {}", dir.display()))
}

/// Reads the ring. `None` if there is no file; nothing is made.
pub fn load(keys: &Keys) -> Result<Option<KeyRing>> {
    match keys {
        Keys::Text(text) => {
            KeyRing::parse(text).map(Some).context("AUTHORIZERS_KEYS cannot be read")
        }
        Keys::File { path, .. } if !path.exists() => Ok(None),
        Keys::File { path, .. } => read(path).map(Some),
    }
}

/// Returns the ring to open this database with: the one that is there, if it belongs to it, or a new
/// one for a database that has never had a key. Called before anything is written, also before the
/// migrations. The inner error is for the operator.
pub fn admit(c: &mut AnyConnection, keys: &Keys) -> Result<Result<KeyRing>, StoreError> {
    // Without the index that a migration brings, a large table is read as a whole.
    let known = without_limits(c, KnownKeys::read)?;
    let ring = match load(keys) {
        Ok(ring) => ring,
        Err(error) => return Ok(Err(error)),
    };
    let refused = match ring {
        None if known.is_empty() => return Ok(create(keys)),
        None => known.all_missing().explain(c, keys, None)?,
        Some(ring) => match known.verify(&Cipher::new(ring.clone())) {
            Ok(()) => return Ok(Ok(ring)),
            Err(problem) => problem.explain(c, keys, Some(&ring))?,
        },
    };
    Ok(Err(anyhow!(refused)))
}

/// Makes the default file. A file that an operator has named is never made.
fn create(keys: &Keys) -> Result<KeyRing> {
    match keys {
        Keys::File { path, is_default: true } => make(path),
        Keys::File { path, is_default: false } => read(path),
        Keys::Text(_) => bail!("AUTHORIZERS_KEYS is empty"),
    }
}

/// Never overwrites: of two first starts at once, one makes it and the other reads it. It is there
/// whole or not at all, also on a disk that is full.
fn make(path: &Path) -> Result<KeyRing> {
    let ring = KeyRing::generate();
    let draft = path.with_extension(format!("{}.new", std::process::id()));
    let made = write_private(&draft, &ring).and_then(|()| publish(&draft, path));
    fs::remove_file(&draft).ok();
    match made {
        Ok(()) => Ok(ring),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => read(path),
        Err(error) => {
            Err(error).with_context(|| format!("cannot write the key file {}", path.display()))
        }
    }
}

fn write_private(path: &Path, ring: &KeyRing) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(ring.to_text().as_bytes())?;
    file.sync_all()
}

/// `AlreadyExists` if another process was first. Where the file system knows no links, the last one
/// wins; those are not shared by processes that start at once.
fn publish(draft: &Path, path: &Path) -> std::io::Result<()> {
    match fs::hard_link(draft, path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists && !path.exists() => {
            fs::rename(draft, path)
        }
        other => other,
    }
}

fn read(path: &Path) -> Result<KeyRing> {
    use std::os::unix::fs::PermissionsExt;
    let shown = path.display();
    let mode = fs::metadata(path)
        .with_context(|| format!("cannot read the key file {shown}"))?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        bail!(
            "the key file {shown} can be read by others (mode {:o}); run: chmod 600 {shown}",
            mode & 0o777
        );
    }
    let text = zeroize::Zeroizing::new(
        fs::read_to_string(path).with_context(|| format!("cannot read the key file {shown}"))?,
    );
    KeyRing::parse(&text).with_context(|| format!("the key file {shown} cannot be used"))
}

/// Writes down what this ring proves, once it is admitted: the proof of a key that begins to write,
/// and that a key given up is back. Looks again in the same transaction, because another process may
/// have brought the first key meanwhile.
pub async fn prove(db: &Db, cipher: &Cipher, keys: &Keys, now: Moment) -> Result<()> {
    let (cipher, ring_keys) = (cipher.clone(), keys.clone());
    let work = move |c: &mut AnyConnection| {
        let known = KnownKeys::read(c)?;
        if let Err(problem) = known.verify(&cipher) {
            return problem.explain(c, &ring_keys, Some(cipher.ring())).map(Err);
        }
        write_proofs(c, &known, &cipher, now)?;
        Ok(Ok(note_cookie_key(c, &cipher, now)?))
    };
    let written = match db.write(work.clone()).await {
        // Another process has just brought the first key: it is looked at once more.
        Err(StoreError::Taken { .. }) => db.write(work).await,
        other => other,
    };
    let is_same_cookie_key = written?.map_err(anyhow::Error::msg)?;
    if !is_same_cookie_key {
        tracing::warn!(
            "the cookie key is not the one that this database was last served with: everybody \
             signs in again; processes with different cookie keys sign each other's members out"
        );
    }
    Ok(())
}

fn write_proofs(
    c: &mut AnyConnection,
    known: &KnownKeys,
    cipher: &Cipher,
    now: Moment,
) -> Result<(), StoreError> {
    let writing = &cipher.ring().writing().id;
    if known.is_empty() {
        key_facts::claim_first_key(c, writing, now)?;
    }
    if !known.has_proof(writing) {
        let proof = make_proof(cipher).map_err(|error| StoreError::Broken(error.to_string()))?;
        key_facts::put_proof(c, &proof, now)?;
    }
    for id in &known.abandoned {
        if known.is_proved(cipher, id) {
            key_facts::take_back(c, id)?;
        }
    }
    Ok(())
}

/// False if the last process to start here had another one.
fn note_cookie_key(
    c: &mut AnyConnection,
    cipher: &Cipher,
    now: Moment,
) -> Result<bool, StoreError> {
    let own = cipher.ring().cookie_fingerprint();
    let last = key_facts::cookie_fingerprint(c)?;
    let is_same = last.as_deref() == Some(own.as_bytes());
    if !is_same {
        key_facts::put_cookie_fingerprint(c, &own, now)?;
    }
    Ok(is_same || last.is_none())
}
