//! Which key seals how many rows.
use std::collections::BTreeMap;

use diesel::dsl::count_star;
use diesel::prelude::*;

use super::StoreError;
use super::conn::AnyConnection;
use super::schema::{attempts, drafts, oauth_apps, vault, webhooks};

/// By key id: kind of row and how many.
pub type SealedRows = BTreeMap<String, Vec<(&'static str, i64)>>;

pub fn count(c: &mut AnyConnection) -> Result<SealedRows, StoreError> {
    let mut found = SealedRows::new();
    let mut add = |what: &'static str, rows: Vec<(Option<String>, i64)>| {
        for (key, count) in rows.into_iter().filter_map(|(key, count)| Some((key?, count))) {
            found.entry(key).or_default().push((what, count));
        }
    };
    add(
        "authorizers",
        vault::table
            .group_by(vault::sealed_key)
            .select((vault::sealed_key, count_star()))
            .load(c)?,
    );
    add(
        "OAuth apps",
        oauth_apps::table
            .group_by(oauth_apps::secret_key)
            .select((oauth_apps::secret_key, count_star()))
            .load(c)?,
    );
    add(
        "attempts",
        attempts::table
            .group_by(attempts::sealed_key)
            .select((attempts::sealed_key, count_star()))
            .load(c)?,
    );
    let kept: Vec<(String, i64)> = drafts::table
        .group_by(drafts::sealed_key)
        .select((drafts::sealed_key, count_star()))
        .load(c)?;
    add("drafts", kept.into_iter().map(|(key, count)| (Some(key), count)).collect());
    let kept: Vec<(String, i64)> = webhooks::table
        .group_by(webhooks::secret_key)
        .select((webhooks::secret_key, count_star()))
        .load(c)?;
    add("webhooks", kept.into_iter().map(|(key, count)| (Some(key), count)).collect());
    Ok(found)
}
