//! The data folder and the key ring: made on the first start, closed to others, proved right before anything is served.
use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::config::Keys;
use crate::crypto::cipher::{OpenError, Place, Sealed};
use crate::crypto::{Cipher, KeyRing};
use crate::domain::Ctx;
use crate::store::{self, AnyConnection, StoreError};

const PROOF: &[u8] = b"this key is the right one";

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

pub fn load(keys: &Keys) -> Result<KeyRing> {
    match keys {
        Keys::Text(text) => KeyRing::parse(text).context("AUTHORIZERS_KEYS cannot be read"),
        Keys::File { path, is_default: true } if !path.exists() => make(path),
        Keys::File { path, .. } => read(path),
    }
}

/// As [`load`], but nothing is made.
pub fn load_existing(keys: &Keys) -> Result<KeyRing> {
    match keys {
        Keys::File { path, .. } => read(path),
        text @ Keys::Text(_) => load(text),
    }
}

/// The id of a key of the ring that is another one than this database knows by that id.
pub fn mismatch(c: &mut AnyConnection, cipher: &Cipher) -> Result<Option<String>, StoreError> {
    for id in cipher.ring().all().map(|key| key.id.clone()) {
        let name = format!("key_proof:{id}");
        let stored = store::facts::get(c, &name)?;
        let place = Place { table: "facts", column: "value", id: &name };
        let is_right = |bytes| {
            cipher
                .open(place, &Sealed { bytes, key_id: id.clone() })
                .is_ok_and(|proof| proof.as_slice() == PROOF)
        };
        if stored.is_some_and(|bytes| !is_right(bytes)) {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// Never overwrites: of two first starts at once, one makes it and the other reads it.
fn make(path: &Path) -> Result<KeyRing> {
    use std::os::unix::fs::OpenOptionsExt;
    let ring = KeyRing::generate();
    match fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(mut file) => {
            file.write_all(ring.to_text().as_bytes())?;
            file.sync_all()?;
            Ok(ring)
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => read(path),
        Err(error) => {
            Err(error).with_context(|| format!("cannot write the key file {}", path.display()))
        }
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

/// Each key of the ring opens what it sealed the first time it was seen: a ring of another installation is found out
/// here, not when the first secret is needed.
pub async fn prove(ctx: &Ctx, keys: &Keys) -> Result<()> {
    for id in ctx.cipher.ring().all().map(|key| key.id.clone()) {
        let name = format!("key_proof:{id}");
        let (wanted, place) = (name.clone(), Place { table: "facts", column: "value", id: &name });
        match ctx.db.read(move |c| store::facts::get(c, &wanted)).await? {
            Some(bytes) => match ctx.cipher.open(place, &Sealed { bytes, key_id: id.clone() }) {
                Ok(proof) if proof.as_slice() == PROOF => {}
                Ok(_) | Err(OpenError::Altered | OpenError::KeyMissing) => bail!(
                    "the key `{id}` from {keys:?} is not the one that this database was sealed with. \
                     Give it the keys that belong to this database, or this key another id."
                ),
            },
            None if ctx.cipher.ring().writing().id == id => {
                let proof = ctx.cipher.seal(place, PROOF)?;
                let now = ctx.clock.now();
                ctx.db.write(move |c| store::facts::put(c, &name, &proof.bytes, now)).await?;
            }
            None => {}
        }
    }
    Ok(())
}
