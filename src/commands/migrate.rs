//! `migrate`: brings the database up to date, and says what was done.
use anyhow::{Context, Result};

use super::say;
use crate::config::Config;
use crate::startup::keys;
use crate::store::{Db, migrate};

pub fn run() -> Result<()> {
    let config = Config::from_env().context("the configuration is not right")?;
    if config.database_url.is_none() {
        keys::prepare_dir(&config.data_dir)?;
    }
    let (_, applied) = Db::open_with(&config.database(), 1, migrate::run)
        .context("the database cannot be brought up to date")?;
    for name in &applied {
        say(&format!("applied  {name}"));
    }
    say(if applied.is_empty() {
        "The database is up to date."
    } else {
        "The database is up to date now."
    });
    Ok(())
}
