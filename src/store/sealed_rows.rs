//! Which keys seal what. Every sealed column is named here once; `tests/schema.rs` finds new ones.
use std::collections::BTreeMap;

use diesel::dsl::min;
use diesel::prelude::*;

use super::StoreError;
use super::conn::AnyConnection;
use super::schema;
use super::tables::has_table;

/// A column of sealed bytes, and the one beside it with the id of their key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedColumn {
    pub table: &'static str,
    pub column: &'static str,
    pub key_column: &'static str,
    /// What a row is called, in the plural.
    pub noun: &'static str,
}

/// How many rows of one kind a key seals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedCount {
    pub noun: &'static str,
    pub rows: i64,
}

impl SealedCount {
    /// The noun for so many: all of ours end in an s.
    pub fn noun(&self) -> &'static str {
        if self.rows == 1 { self.noun.strip_suffix('s').unwrap_or(self.noun) } else { self.noun }
    }
}

/// By key id.
pub type SealedRows = BTreeMap<String, Vec<SealedCount>>;

macro_rules! sealed_columns {
    ($($noun:literal: $name:literal, $table:ident { $column:ident, $key:ident };)+) => {
        pub const SEALED_COLUMNS: &[SealedColumn] = &[$(SealedColumn {
            table: $name,
            column: stringify!($column),
            key_column: stringify!($key),
            noun: $noun,
        }),+];

        /// Returns the ids of all keys that seal something, in order. Each one is a look into an
        /// index; also for a database that isn't migrated yet.
        pub fn list_key_ids(c: &mut AnyConnection) -> Result<Vec<String>, StoreError> {
            let mut ids = Vec::new();
            $(if has_table(c, $name)? {
                let mut last = String::new();
                loop {
                    let next: Option<String> = schema::$table::table
                        .filter(schema::$table::$key.gt(&last))
                        .select(min(schema::$table::$key))
                        .first(c)?;
                    let Some(next) = next else { break };
                    ids.push(next.clone());
                    last = next;
                }
            })+
            ids.sort();
            ids.dedup();
            Ok(ids)
        }

        /// Counts the rows of each of the keys, kind by kind.
        pub fn count(c: &mut AnyConnection, ids: &[String]) -> Result<SealedRows, StoreError> {
            let mut found = SealedRows::new();
            for id in ids {
                let counts = found.entry(id.clone()).or_default();
                $(if has_table(c, $name)? {
                    let rows: i64 = schema::$table::table
                        .filter(schema::$table::$key.eq(id))
                        .count()
                        .get_result(c)?;
                    if rows > 0 {
                        counts.push(SealedCount { noun: $noun, rows });
                    }
                })+
            }
            Ok(found)
        }
    };
}

sealed_columns! {
    "authorizers": "authorizers", vault { sealed, sealed_key };
    "OAuth apps": "oauth_apps", oauth_apps { secret, secret_key };
    "attempts": "attempts", attempts { sealed, sealed_key };
    "drafts": "drafts", drafts { sealed, sealed_key };
    "webhooks": "webhooks", webhooks { secret, secret_key };
    "withdrawals": "withdrawals", withdrawals { sealed, sealed_key };
}
