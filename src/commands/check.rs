//! `check`: looks at everything a start needs and says all that is wrong. Changes nothing.
use anyhow::{Result, bail};

use super::say;
use crate::catalog::Catalog;
use crate::config::{Config, Keys};
use crate::crypto::Cipher;
use crate::domain::standing::{Doubt, Standing};
use crate::outbound::mail::Mailer;
use crate::startup::keys;
use crate::store::standing::Marker;
use crate::store::{Db, migrate};

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

/// Keys and database belong together: a key that opens nothing is as bad as none.
fn check_database(config: &Config) -> usize {
    let is_first_start =
        config.database_url.is_none() && !config.data_dir.join("authorizers.db").exists();
    let ring = match &config.keys {
        Keys::File { path, is_default: true } if !path.exists() => {
            if is_first_start {
                say("right    keys and database: both are made on the first start");
                return 0;
            }
            say(&format!("wrong    keys: the database is there, but {} is not", path.display()));
            return 1;
        }
        keys => match keys::load(keys) {
            Ok(ring) => ring,
            Err(error) => {
                say(&format!("wrong    keys: {error:#}"));
                return 1;
            }
        },
    };
    say(&format!(
        "right    keys: {} can be read, {} writes",
        ring.all().count(),
        ring.writing().id
    ));
    if is_first_start {
        say("right    database: made on the first start");
        return 0;
    }
    let cipher = Cipher::new(ring);
    let standing = Standing::new(Marker::new(&config.data_dir), config.public_url.clone());
    let looked = Db::open_with(&config.database(), 1, |c| {
        let pending = migrate::pending(c)?;
        if !pending.is_empty() {
            return Ok((pending, None, None));
        }
        Ok((pending, keys::mismatch(c, &cipher)?, standing.examine(c)?))
    });
    match looked {
        Err(error) => {
            say(&format!("wrong    database: {error}"));
            1
        }
        Ok((_, (_, Some(id), _))) => {
            say(&format!(
                "wrong    keys: `{id}` is not the key that this database was sealed with"
            ));
            1
        }
        Ok((_, (_, None, Some(doubt)))) => {
            let why = match doubt {
                Doubt::Moved => {
                    "lies in another place than when it was last in use, or goes by another public address"
                }
                Doubt::Older => "is older than what this installation has written: it was restored",
            };
            say(&format!(
                "wrong    database: it {why}; nothing is renewed until an admin confirms on the page Installation that it is the live one"
            ));
            1
        }
        Ok((_, (pending, None, None))) if !pending.is_empty() => {
            say(&format!(
                "right    database: answers; {} to be applied at the next start",
                pending.join(", ")
            ));
            0
        }
        Ok(_) => {
            say("right    database: answers, is up to date, and these are its keys");
            0
        }
    }
}
