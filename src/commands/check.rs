//! `check`: looks at everything a start needs and says all that is wrong. Changes nothing.
use anyhow::{Result, bail};

use super::say;
use crate::catalog::Catalog;
use crate::config::{Config, Keys};
use crate::crypto::{Cipher, KeyRing};
use crate::domain::standing::{Doubt, Standing};
use crate::outbound::mail::Mailer;
use crate::startup::key_check::KnownKeys;
use crate::startup::keys;
use crate::store::standing::Marker;
use crate::store::{self, AnyConnection, Db, StoreError, migrate};

pub fn run() -> Result<()> {
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(error) => {
            error.0.iter().for_each(|line| say(&format!("wrong    configuration: {line}")));
            bail!("{} of the configuration", count(error.0.len()));
        }
    };
    say("right    configuration");
    let faults = [check_catalogue(&config), check_database(&config), check_mail(&config)?]
        .into_iter()
        .sum::<usize>();
    if faults > 0 {
        bail!("{}", count(faults));
    }
    Ok(())
}

fn count(faults: usize) -> String {
    if faults == 1 { "1 thing is wrong".to_owned() } else { format!("{faults} things are wrong") }
}

fn check_catalogue(config: &Config) -> usize {
    let catalog = Catalog::load(config.services_dir.as_deref(), false);
    for broken in catalog.broken() {
        say(&format!("wrong    service file: {broken}"));
    }
    if catalog.broken().is_empty() {
        say(&format!("right    catalogue: {} services", catalog.all().len()));
    }
    catalog.broken().len()
}

/// Connects and signs in, and sends nothing.
fn check_mail(config: &Config) -> Result<usize> {
    let Some(settings) = &config.mail else {
        say("right    mail: no server is set up, nobody is mailed");
        return Ok(0);
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let checked = match Mailer::new(settings) {
        Ok(mailer) => runtime.block_on(mailer.check()).map_err(|fault| fault.said),
        Err(said) => Err(said),
    };
    Ok(match checked {
        Ok(()) => {
            say(&format!("right    mail: {} answers", settings.server.host));
            0
        }
        Err(said) => {
            say(&format!(
                "wrong    mail: {} port {}: {said}",
                settings.server.host, settings.server.port
            ));
            1
        }
    })
}

/// What was seen in the database.
struct Looked {
    is_read_only: bool,
    /// Why the keys are refused, in words.
    refused: Option<String>,
    pending: Vec<String>,
    doubt: Option<Doubt>,
}

/// Keys and database belong together: a key that opens nothing is as bad as none.
fn check_database(config: &Config) -> usize {
    let ring = match keys::load(&config.keys) {
        Ok(ring) => ring,
        Err(error) => {
            say(&format!("wrong    keys: {error:#}"));
            return 1;
        }
    };
    let looked = match Db::inspect(&config.database(), |c| look(c, config, ring.as_ref())) {
        Ok(looked) => looked,
        Err(error) => {
            say(&format!("wrong    database: {error}"));
            return 1;
        }
    };
    if let Some(refused) = looked.as_ref().and_then(|looked| looked.refused.as_ref()) {
        say(&format!("wrong    keys: {refused}"));
        return 1;
    }
    match &ring {
        Some(ring) => say(&format!(
            "right    keys: {} can be read, {} writes",
            ring.all().count(),
            ring.writing().id
        )),
        None if matches!(config.keys, Keys::File { is_default: true, .. }) => {
            say("right    keys: made on the first start");
        }
        None => {
            say(&format!("wrong    keys: {:?} does not exist", config.keys));
            return 1;
        }
    }
    match looked {
        None => {
            say("right    database: made on the first start");
            0
        }
        Some(looked) => say_looked(&looked),
    }
}

fn look(
    c: &mut AnyConnection,
    config: &Config,
    ring: Option<&KeyRing>,
) -> Result<Looked, StoreError> {
    let known = KnownKeys::read(c)?;
    let problem = match ring {
        Some(ring) => known.verify(&Cipher::new(ring.clone())).err(),
        None => Some(known.all_missing()).filter(|_| !known.is_empty()),
    };
    let refused = problem.map(|problem| problem.explain(c, &config.keys, ring)).transpose()?;
    let pending = migrate::pending(c)?;
    let standing = Standing::new(Marker::new(&config.data_dir), config.public_url.clone());
    let doubt = if pending.is_empty() { standing.examine(c)? } else { None };
    Ok(Looked { is_read_only: store::is_read_only(c)?, refused, pending, doubt })
}

fn say_looked(looked: &Looked) -> usize {
    if looked.is_read_only {
        say("wrong    database: it is read-only, a standby for example; Authorizers has to write");
        return 1;
    }
    if let Some(doubt) = looked.doubt {
        let why = match doubt {
            Doubt::Moved => {
                "lies in another place than when it was last in use, or goes by another public \
                 address"
            }
            Doubt::Older => "is older than what this installation has written: it was restored",
        };
        say(&format!(
            "wrong    database: it {why}; nothing is renewed until an admin confirms on the page \
             Installation that it is the live one"
        ));
        return 1;
    }
    if looked.pending.is_empty() {
        say("right    database: answers, is up to date, and these are its keys");
    } else {
        let pending = looked.pending.join(", ");
        say(&format!("right    database: answers; {pending} to be applied at the next start"));
    }
    0
}
