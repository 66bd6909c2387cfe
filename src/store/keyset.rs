//! Pages by key: where the last page ended goes into the link, and the next one starts right after it, so that
//! the thousandth page is as quick as the first.
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use diesel::RunQueryDsl;
use diesel::backend::Backend;
use diesel::connection::Connection;
use diesel::expression::{AppearsOnTable, Expression, ValidGrouping, is_aggregate};
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::Bool;

use crate::model::page::{Cursor, PAGE_SIZE};

/// One row more than is shown: it tells that there is a next page.
pub const LIMIT: i64 = PAGE_SIZE as i64 + 1;

/// The sort key of the last row shown, as the text of a link.
pub fn encode<T: serde::Serialize>(key: &T) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(key).unwrap_or_default())
}

/// `None` is the first page; so is a text that is not ours, or of another order.
pub fn decode<T: serde::de::DeserializeOwned>(cursor: &Cursor) -> Option<T> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor.0.as_deref()?).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// `(a, b, c) > (1, 2, 3)`, which both databases answer from one index; `a > 1 OR (a = 1 AND …)` they do not.
pub struct Row<L, R> {
    columns: L,
    operator: &'static str,
    values: R,
}

/// Rows that come later in rising order.
pub fn after<L, R>(columns: L, values: R) -> Row<L, R> {
    Row { columns, operator: ") > (", values }
}

/// Rows that come later in falling order.
pub fn before<L, R>(columns: L, values: R) -> Row<L, R> {
    Row { columns, operator: ") < (", values }
}

impl<L: Expression, R: Expression> Expression for Row<L, R> {
    type SqlType = Bool;
}

impl<L, R, QS> AppearsOnTable<QS> for Row<L, R>
where
    Self: Expression,
    L: AppearsOnTable<QS>,
    R: AppearsOnTable<QS>,
{
}

impl<L, R> ValidGrouping<()> for Row<L, R> {
    type IsAggregate = is_aggregate::No;
}

impl<L, R, DB> QueryFragment<DB> for Row<L, R>
where
    DB: Backend,
    L: QueryFragment<DB>,
    R: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("(");
        self.columns.walk_ast(out.reborrow())?;
        out.push_sql(self.operator);
        self.values.walk_ast(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}

/// A query cut after so many rows. The number stands in the statement itself: PostgreSQL plans a prepared statement
/// anew each time when the limit is a parameter, which takes about as long as running it.
pub struct FirstRows<Q> {
    pub query: Q,
    pub rows: i64,
}

impl<Q: Query> Query for FirstRows<Q> {
    type SqlType = Q::SqlType;
}

impl<Q> QueryId for FirstRows<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q, C: Connection> RunQueryDsl<C> for FirstRows<Q> {}

impl<Q: QueryFragment<DB>, DB: Backend> QueryFragment<DB> for FirstRows<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.query.walk_ast(out.reborrow())?;
        out.push_sql(&format!(" LIMIT {}", self.rows));
        Ok(())
    }
}
