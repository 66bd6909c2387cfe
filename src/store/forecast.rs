//! What ends when, and what stops then. Every statement walks the index by end and reads no more than it shows.
use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Integer, Text};

use crate::model::authorizer::{Health, Lifecycle};
use crate::model::ending::{EndingRow, Stops};
use crate::model::flow::FlowKind;
use crate::model::ids::{AuthorizerId, ServiceId};
use crate::model::page::{Cursor, Page};
use crate::model::time::Moment;

use super::StoreError;
use super::attention::COUNT_CAP;
use super::authorizers::attention;
use super::conn::{AnyConnection, MultiBackend};
use super::endings::{read_kind, read_reason};
use super::keyset::{FirstRows, LIMIT, after, decode, encode};
use super::schema::endings;
use super::types::NO_END;

/// So many sources and destinations of an authorizer are named of each kind; the others are counted.
const NAMED: i64 = 3;

type Row = (String, String, String, String, i64, String, Option<String>, i64);

/// A page of what ends, the soonest first, what has ended before it. Revoked ones have nothing left to end.
pub fn page(c: &mut AnyConnection, cursor: &Cursor) -> Result<Page<EndingRow>, StoreError> {
    let rows = load(c, decode::<(i64, String)>(cursor), LIMIT)?;
    let page = Page::cut(rows, |row| encode(&(row.at.micros(), row.id.as_str())));
    Ok(Page { rows: with_stops(c, page.rows)?, next: page.next })
}

/// What ends after `since`, the soonest first; at most `rows`.
pub fn after_moment(
    c: &mut AnyConnection,
    since: Moment,
    rows: i64,
) -> Result<Vec<EndingRow>, StoreError> {
    let found = load(c, Some((since.micros(), String::new())), rows)?;
    with_stops(c, found)
}

fn load(
    c: &mut AnyConnection,
    from: Option<(i64, String)>,
    rows: i64,
) -> Result<Vec<EndingRow>, StoreError> {
    let mut query = endings::table
        .into_boxed()
        .filter(endings::ends_at.lt(NO_END))
        .filter(endings::attention.lt(attention(Lifecycle::Revoked, Health::Ok)));
    if let Some((at, id)) = from {
        query = query.filter(after(
            (endings::ends_at, endings::id),
            (at.into_sql::<BigInt>(), id.into_sql::<Text>()),
        ));
    }
    let query = query.order((endings::ends_at, endings::id)).select((
        endings::id,
        endings::service,
        endings::name,
        endings::identity_label,
        endings::ends_at,
        endings::end_kind,
        endings::end_reason,
        endings::updated_at,
    ));
    FirstRows { query, rows }.load::<Row>(c)?.into_iter().map(read).collect()
}

fn read(
    (id, service, name, identity_label, at, kind, reason, updated_at): Row,
) -> Result<EndingRow, StoreError> {
    Ok(EndingRow {
        id: id.into(),
        service_id: ServiceId(service),
        name,
        identity_label,
        at: Moment::from_micros(at),
        kind: read_kind(&kind)?,
        reason: read_reason(reason.as_deref())?,
        updated_at: Moment::from_micros(updated_at),
        stops: Stops::default(),
    })
}

/// How many end after the first and until the second moment; at most [`COUNT_CAP`].
pub fn count(c: &mut AnyConnection, after: Moment, until: Moment) -> Result<i64, StoreError> {
    count_between(c, after.micros(), until.micros().min(NO_END - 1))
}

/// How many have no known end; at most [`COUNT_CAP`].
pub fn count_without_end(c: &mut AnyConnection) -> Result<i64, StoreError> {
    count_between(c, NO_END - 1, NO_END)
}

fn count_between(c: &mut AnyConnection, after: i64, until: i64) -> Result<i64, StoreError> {
    let query = endings::table
        .filter(endings::ends_at.gt(after).and(endings::ends_at.le(until)))
        .filter(endings::attention.lt(attention(Lifecycle::Revoked, Health::Ok)))
        .order(endings::ends_at)
        .select(1.into_sql::<Integer>());
    let found: Vec<i32> = FirstRows { query, rows: COUNT_CAP }.load(c)?;
    Ok(i64::try_from(found.len()).unwrap_or(COUNT_CAP))
}

fn with_stops(
    c: &mut AnyConnection,
    mut rows: Vec<EndingRow>,
) -> Result<Vec<EndingRow>, StoreError> {
    let mut stops: BTreeMap<String, Stops> = BTreeMap::new();
    for kind in [FlowKind::Source, FlowKind::Destination] {
        let ids: Vec<&AuthorizerId> = rows.iter().map(|row| &row.id).collect();
        if ids.is_empty() {
            break;
        }
        let named: Vec<(String, String, String, i64)> = Dependents { kind, ids }.load(c)?;
        // Each line carries the number of all: counted once for each authorizer.
        let mut counted: Option<String> = None;
        for (authorizer, id, name, total) in named {
            let of = stops.entry(authorizer.clone()).or_default();
            if counted.as_ref() != Some(&authorizer) {
                of.total += total;
                counted = Some(authorizer);
            }
            of.named.push((kind, id, name));
        }
    }
    for row in &mut rows {
        row.stops = stops.remove(row.id.as_str()).unwrap_or_default();
    }
    Ok(rows)
}

/// The first sources or destinations of each authorizer by name, each with the number of all of them.
struct Dependents<'a> {
    kind: FlowKind,
    ids: Vec<&'a AuthorizerId>,
}

impl Query for Dependents<'_> {
    type SqlType = (Text, Text, Text, BigInt);
}

impl QueryId for Dependents<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl RunQueryDsl<AnyConnection> for Dependents<'_> {}

impl QueryFragment<MultiBackend> for Dependents<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, MultiBackend>) -> QueryResult<()> {
        let table = match self.kind {
            FlowKind::Source => "sources",
            FlowKind::Destination => "destinations",
        };
        out.unsafe_to_cache_prepared();
        out.push_sql(
            "SELECT authorizer_id, id, name, total FROM (SELECT authorizer_id, id, name, \
             row_number() OVER (PARTITION BY authorizer_id ORDER BY name_folded) AS place, \
             count(*) OVER (PARTITION BY authorizer_id) AS total FROM ",
        );
        out.push_sql(table);
        out.push_sql(" WHERE authorizer_id IN (");
        for (number, id) in self.ids.iter().enumerate() {
            if number > 0 {
                out.push_sql(", ");
            }
            out.push_bind_param::<Text, _>(id.as_str())?;
        }
        out.push_sql(&format!(
            ")) AS numbered WHERE place <= {NAMED} ORDER BY authorizer_id, place"
        ));
        Ok(())
    }
}
