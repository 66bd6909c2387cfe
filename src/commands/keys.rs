//! `keys status`: which keys are in the ring, and how many rows each seals.
use anyhow::{Context, Result};

use super::say;
use crate::config::Config;
use crate::startup::keys;
use crate::store::{self, Db};

pub fn status() -> Result<()> {
    let config = Config::from_env().context("the configuration is not right")?;
    let ring = keys::load_existing(&config.keys)?;
    let (_, mut sealed) = Db::open_with(&config.database(), 1, store::sealed_rows::count)
        .context("the database cannot be read")?;
    for (index, key) in ring.all().enumerate() {
        let role = if index == 0 { "writes and reads" } else { "reads" };
        let rows =
            sealed.remove(&key.id).map_or_else(|| "seals nothing".to_owned(), |rows| told(&rows));
        say(&format!("{}   {role}   {rows}", key.id));
    }
    for (id, rows) in &sealed {
        say(&format!("{id}   MISSING from the ring   {}", told(rows)));
    }
    // A script that looks must notice: what these keys seal cannot be opened.
    anyhow::ensure!(
        sealed.is_empty(),
        "add the missing keys to the ring, or authorize anew what they seal"
    );
    Ok(())
}

fn told(rows: &[(&'static str, i64)]) -> String {
    let parts: Vec<String> = rows.iter().map(|(what, count)| format!("{count} {what}")).collect();
    format!("seals {}", parts.join(", "))
}
