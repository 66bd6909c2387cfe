//! `keys status` and `keys abandon`: which keys the database needs, and giving a lost one up.
use anyhow::{Context, Result, bail, ensure};

use super::say;
use crate::clock::Clock;
use crate::config::Config;
use crate::crypto::{Cipher, KeyRing};
use crate::startup::key_check::{KnownKeys, list_counts};
use crate::startup::keys;
use crate::store::sealed_rows::{self, SealedRows};
use crate::store::{AnyConnection, Db, StoreError, key_facts};

/// Which keys are in the ring and what each of them seals.
pub fn status() -> Result<()> {
    let config = Config::from_env().context("the configuration is not right")?;
    let ring = keys::load(&config.keys)?;
    let (settings, held) = (config.keys.clone(), ring.clone());
    let look = move |c: &mut AnyConnection| {
        let known = KnownKeys::read(c)?;
        let counts = sealed_rows::count(c, &known.ids())?;
        let problem = match &held {
            Some(ring) => known.verify(&Cipher::new(ring.clone())).err(),
            None => Some(known.all_missing()).filter(|_| !known.is_empty()),
        };
        let refused =
            problem.map(|problem| problem.explain(c, &settings, held.as_ref())).transpose()?;
        Ok((known, counts, refused))
    };
    let looked = Db::inspect(&config.database(), look).context("the database cannot be read")?;
    let Some((known, counts, refused)) = looked else {
        bail!("there is no database yet");
    };
    list(ring.as_ref(), &known, &counts);
    // A script that looks must notice: what these keys seal cannot be opened.
    match refused {
        Some(refused) => bail!("{refused}"),
        None => Ok(()),
    }
}

fn list(ring: Option<&KeyRing>, known: &KnownKeys, counts: &SealedRows) {
    let sealed = |id: &str| match counts.get(id).filter(|counts| !counts.is_empty()) {
        Some(counts) => format!("seals {}", list_counts(counts)),
        None => "seals nothing".to_owned(),
    };
    let cipher = ring.map(|ring| Cipher::new(ring.clone()));
    for (index, key) in ring.into_iter().flat_map(KeyRing::all).enumerate() {
        let role = if index == 0 { "writes and reads" } else { "reads" };
        let is_proved = cipher.as_ref().is_some_and(|cipher| known.is_proved(cipher, &key.id));
        let note = match known.has_proof(&key.id) {
            true if is_proved => "",
            true => "   IS ANOTHER KEY than the database knows by this id",
            false => "   not used yet",
        };
        say(&format!("{}   {role}   {}{note}", key.id, sealed(&key.id)));
    }
    let missing =
        known.ids().into_iter().filter(|id| ring.is_none_or(|ring| ring.find(id).is_none()));
    for id in missing {
        let state = match counts.get(&id).is_some_and(|counts| !counts.is_empty()) {
            _ if known.is_abandoned(&id) => "abandoned",
            true => "MISSING from the ring",
            false => "no longer in the ring",
        };
        say(&format!("{id}   {state}   {}", sealed(&id)));
    }
}

/// Records that a key is lost for good, so that the app starts without it.
pub fn abandon(id: &str) -> Result<()> {
    let config = Config::from_env().context("the configuration is not right")?;
    // The key file may be what was lost.
    let ring = keys::load(&config.keys)?;
    let url = config.database();
    let known = Db::inspect(&url, KnownKeys::read).context("the database cannot be read")?;
    let Some(known) = known else {
        bail!("there is no database yet");
    };
    ensure!(
        known.ids().iter().any(|known| known == id),
        "the database knows no key `{id}`; it knows {}",
        known.ids().join(", ")
    );
    let is_held = ring.is_some_and(|ring| known.is_proved(&Cipher::new(ring), id));
    ensure!(
        !is_held,
        "the key `{id}` is in {:?} and opens what it sealed: nothing is lost",
        config.keys
    );
    let (wanted, now) = (id.to_owned(), Clock::System.now());
    let give_up = move |c: &mut AnyConnection| -> Result<SealedRows, StoreError> {
        key_facts::abandon(c, &wanted, now)?;
        sealed_rows::count(c, &[wanted])
    };
    let (_, counts) = Db::open_with(&url, 1, give_up).context("the database cannot be written")?;
    say(&format!("The key {id} is given up."));
    match counts.get(id).filter(|counts| !counts.is_empty()) {
        Some(counts) => {
            say(&format!("It seals {}: they are locked.", list_counts(counts)));
            say("Enter their passwords, keys and secrets again, or reauthorize them.");
        }
        None => say("It seals nothing."),
    }
    say("If you find the key, add it to the key file and restart: what it seals opens again.");
    Ok(())
}
