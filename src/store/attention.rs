//! How many authorizers need somebody: shown on every page, so it is one statement that reads indexes alone and stops
//! counting before it takes long.
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::BigInt;

use crate::model::authorizer::{DUE_SOON, Health, Lifecycle};
use crate::model::time::Moment;

use super::StoreError;
use super::authorizers::attention;
use super::conn::{AnyConnection, MultiBackend};

/// Counting stops here: the banner says "999+".
pub const COUNT_CAP: i64 = 1000;

/// Broken or locked ones, working ones whose end has come, working ones whose end is near.
#[derive(QueryId)]
struct Counts {
    now: i64,
    soon: i64,
}

impl Query for Counts {
    type SqlType = (BigInt, BigInt, BigInt);
}

impl RunQueryDsl<AnyConnection> for Counts {}

impl QueryFragment<MultiBackend> for Counts {
    /// The orders are those of the indexes: PostgreSQL expects a limit to be reached soon, and would read the whole table.
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, MultiBackend>) -> QueryResult<()> {
        let count = format!(
            "(SELECT count(*) FROM (SELECT 1 FROM authorizers WHERE attention = {} ORDER BY name_folded LIMIT {COUNT_CAP}) AS broken)",
            attention(Lifecycle::Active, Health::Misconfigured)
        );
        let working = format!(
            "(SELECT count(*) FROM (SELECT 1 FROM authorizers WHERE attention = {} AND ends_at",
            attention(Lifecycle::Active, Health::Ok)
        );
        let end = format!(" ORDER BY ends_at LIMIT {COUNT_CAP}) AS working)");
        out.push_sql("SELECT ");
        out.push_sql(&count);
        out.push_sql(", ");
        out.push_sql(&working);
        out.push_sql(" <= ");
        out.push_bind_param::<BigInt, _>(&self.now)?;
        out.push_sql(&end);
        out.push_sql(", ");
        out.push_sql(&working);
        out.push_sql(" > ");
        out.push_bind_param::<BigInt, _>(&self.now)?;
        out.push_sql(" AND ends_at <= ");
        out.push_bind_param::<BigInt, _>(&self.soon)?;
        out.push_sql(&end);
        Ok(())
    }
}

/// How many are broken or locked, and how many end soon; each at most [`COUNT_CAP`].
pub fn count_attention(c: &mut AnyConnection, now: Moment) -> Result<(i64, i64), StoreError> {
    let counts = Counts { now: now.micros(), soon: now.plus(DUE_SOON).micros() };
    let (broken, ended, soon): (i64, i64, i64) = counts.get_result(c)?;
    Ok(((broken + ended).min(COUNT_CAP), soon))
}
