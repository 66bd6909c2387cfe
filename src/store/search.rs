//! Search by parts of words, quick at a million rows: by PostgreSQL's trigrams, or by SQLite's own index of trigrams.
use diesel::backend::Backend;
use diesel::expression::{AppearsOnTable, Expression, ValidGrouping, is_aggregate};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::sql_types::{BigInt, Bool, Text};

use crate::model::name::fold;

use super::StoreError;
use super::conn::AnyConnection;

/// A search of more words than this looks for the first of them.
const WORDS: usize = 8;

/// With up to this many hits it is quicker to fetch and sort them; with more, to walk the list in its order and
/// look at each row: the page is full before long.
const FEW: i64 = 4000;

/// The words of a search, folded as the columns are. A row has to hold them all, anywhere.
pub fn words(search: &str) -> Vec<String> {
    fold(search).split_whitespace().take(WORDS).map(str::to_owned).collect()
}

/// A word of one or two letters has none, and no index finds it.
pub fn has_trigrams(word: &str) -> bool {
    word.chars().count() >= 3
}

/// How to look for them.
pub enum Plan {
    /// By the index: this is its query.
    Index(String),
    /// By reading rows in the list's order, or as the database's planner sees fit.
    Rows,
}

/// Chooses the way. PostgreSQL's planner does that by itself.
pub fn plan(c: &mut AnyConnection, words: &[String]) -> Result<Plan, StoreError> {
    let long = words.iter().filter(|word| has_trigrams(word));
    let query = long
        .map(|word| format!("\"{}\"", word.replace('"', "\"\"")))
        .collect::<Vec<_>>()
        .join(" AND ");
    let AnyConnection::Sqlite(c) = c else {
        return Ok(Plan::Rows);
    };
    if query.is_empty() {
        return Ok(Plan::Rows);
    }
    let hits: Hits = diesel::sql_query(
        "SELECT count(*) AS count FROM (SELECT 1 FROM authorizers_search WHERE authorizers_search MATCH ? LIMIT ?)",
    )
    .bind::<Text, _>(&query)
    .bind::<BigInt, _>(FEW + 1)
    .get_result(c)?;
    Ok(if hits.count > FEW { Plan::Rows } else { Plan::Index(query) })
}

#[derive(QueryableByName)]
struct Hits {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Authorizers that SQLite's index finds.
pub struct Indexed<E>(pub E);

impl<E> Expression for Indexed<E> {
    type SqlType = Bool;
}

impl<E, QS> AppearsOnTable<QS> for Indexed<E> where E: AppearsOnTable<QS> {}

impl<E> ValidGrouping<()> for Indexed<E> {
    type IsAggregate = is_aggregate::No;
}

impl<E, DB> QueryFragment<DB> for Indexed<E>
where
    DB: Backend,
    E: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql(
            "authorizers.id IN (SELECT named.id FROM authorizers_search JOIN authorizers_search_rows AS named \
             ON named.number = authorizers_search.rowid WHERE authorizers_search MATCH ",
        );
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}
