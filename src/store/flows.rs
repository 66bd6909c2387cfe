//! Sources and destinations: two tables with the same columns, one set of functions.
use diesel::prelude::*;

use crate::model::authorizer::{Health, Lifecycle, badge};
use crate::model::flow::{Flow, FlowFilter, FlowKind, FlowRow};
use crate::model::ids::{AuthorizerId, ServiceId, UserId};
use crate::model::name::fold;
use crate::model::page::{Cursor, Page};
use crate::model::time::Moment;

use super::StoreError;
use super::attention::COUNT_CAP;
use super::authorizers::{attention, read_cause, read_end, read_health, read_lifecycle};
use super::conn::AnyConnection;
use super::keyset::{LIMIT, decode, encode};
use super::schema::authorizers;
use super::types::{contains_pattern, from_json, to_json};
use super::withdrawals::read_outcome;

/// Runs the same expression on the table of a kind; `$t` names it.
macro_rules! of_kind {
    ($kind:expr, $t:ident => $body:expr) => {
        match $kind {
            FlowKind::Source => {
                use super::schema::sources as $t;
                $body
            }
            FlowKind::Destination => {
                use super::schema::destinations as $t;
                $body
            }
        }
    };
}

type Row = (String, String, String, String, String, i64, Option<String>, i64, i64);

fn read(kind: FlowKind, row: Row) -> Result<Flow, StoreError> {
    let (id, name, service, authorizer, settings, version, created_by, created_at, updated_at) =
        row;
    Ok(Flow {
        kind,
        id,
        name,
        service_id: ServiceId(service),
        authorizer_id: AuthorizerId::from(authorizer),
        settings: from_json(&settings)?,
        version,
        created_by: created_by.map(UserId::from),
        created_at: Moment::from_micros(created_at),
        updated_at: Moment::from_micros(updated_at),
    })
}

pub fn find(c: &mut AnyConnection, kind: FlowKind, id: &str) -> Result<Option<Flow>, StoreError> {
    let row: Option<Row> = of_kind!(kind, t => t::table
        .find(id)
        .select((
            t::id, t::name, t::service, t::authorizer_id, t::settings, t::version, t::created_by_id, t::created_at, t::updated_at,
        ))
        .first(c)
        .optional()?);
    row.map(|row| read(kind, row)).transpose()
}

/// All of a kind that use an authorizer, by name.
fn list_of(
    c: &mut AnyConnection,
    kind: FlowKind,
    authorizer: &AuthorizerId,
) -> Result<Vec<Flow>, StoreError> {
    let rows: Vec<Row> = of_kind!(kind, t => t::table
        .filter(t::authorizer_id.eq(authorizer.as_str()))
        .order((t::name_folded, t::id))
        .select((
            t::id, t::name, t::service, t::authorizer_id, t::settings, t::version, t::created_by_id, t::created_at, t::updated_at,
        ))
        .load(c)?);
    rows.into_iter().map(|row| read(kind, row)).collect()
}

/// Sources, then destinations.
pub fn dependents(
    c: &mut AnyConnection,
    authorizer: &AuthorizerId,
) -> Result<Vec<Flow>, StoreError> {
    let mut flows = list_of(c, FlowKind::Source, authorizer)?;
    flows.extend(list_of(c, FlowKind::Destination, authorizer)?);
    Ok(flows)
}

/// Another account in the place of the one it has. False if it has been edited since `flow.version` was read.
pub fn move_to(
    c: &mut AnyConnection,
    flow: &Flow,
    to: &AuthorizerId,
    now: Moment,
) -> Result<bool, StoreError> {
    let moved = Flow { authorizer_id: to.clone(), ..flow.clone() };
    update(c, &moved, now)
}

/// `Taken { column: "name" }` if the name is.
pub fn insert(c: &mut AnyConnection, flow: &Flow) -> Result<(), StoreError> {
    let settings = to_json(&flow.settings)?;
    of_kind!(flow.kind, t => diesel::insert_into(t::table)
        .values((
            t::id.eq(&flow.id),
            t::name.eq(&flow.name),
            t::name_folded.eq(fold(&flow.name)),
            t::service.eq(flow.service_id.as_str()),
            t::authorizer_id.eq(flow.authorizer_id.as_str()),
            t::settings.eq(&settings),
            t::version.eq(flow.version),
            t::created_by_id.eq(flow.created_by.as_ref().map(UserId::as_str)),
            t::created_at.eq(flow.created_at.micros()),
            t::updated_at.eq(flow.updated_at.micros()),
        ))
        .execute(c)?);
    Ok(())
}

/// Name, account and settings. False if somebody else has edited it since `flow.version` was read.
pub fn update(c: &mut AnyConnection, flow: &Flow, now: Moment) -> Result<bool, StoreError> {
    let settings = to_json(&flow.settings)?;
    let changed = of_kind!(flow.kind, t => diesel::update(t::table.filter(t::id.eq(&flow.id).and(t::version.eq(flow.version))))
        .set((
            t::name.eq(&flow.name),
            t::name_folded.eq(fold(&flow.name)),
            t::authorizer_id.eq(flow.authorizer_id.as_str()),
            t::settings.eq(&settings),
            t::version.eq(flow.version + 1),
            t::updated_at.eq(now.micros()),
        ))
        .execute(c)?);
    Ok(changed == 1)
}

pub fn delete(c: &mut AnyConnection, kind: FlowKind, id: &str) -> Result<bool, StoreError> {
    Ok(of_kind!(kind, t => diesel::delete(t::table.find(id)).execute(c)?) == 1)
}

/// The account of the row does not work: broken, locked or revoked, or its end has come.
macro_rules! stopped {
    ($now:expr) => {
        authorizers::attention
            .eq(attention(Lifecycle::Active, Health::Misconfigured))
            .or(authorizers::attention.eq(attention(Lifecycle::Revoked, Health::Ok)))
            .or(authorizers::attention
                .eq(attention(Lifecycle::Active, Health::Ok))
                .and(authorizers::ends_at.le($now.micros())))
    };
}

/// How many of a kind stand still; at most [`COUNT_CAP`].
pub fn count_stopped(
    c: &mut AnyConnection,
    kind: FlowKind,
    now: Moment,
) -> Result<i64, StoreError> {
    let found: Vec<i32> = of_kind!(kind, t => t::table
        .inner_join(authorizers::table)
        .filter(stopped!(now))
        .select(1.into_sql::<diesel::sql_types::Integer>())
        .limit(COUNT_CAP)
        .load(c)?);
    Ok(i64::try_from(found.len()).unwrap_or(COUNT_CAP))
}

/// Lifecycle, revocation, health, end and cause.
type Account = (String, Option<String>, String, i64, Option<String>);
type Listed = (String, String, String, String, String, String, Account, i64);

/// By name; a page at a time.
pub fn list(
    c: &mut AnyConnection,
    kind: FlowKind,
    (filter, cursor): (&FlowFilter, &Cursor),
    now: Moment,
) -> Result<Page<FlowRow>, StoreError> {
    let from: Option<String> = decode(cursor);
    let rows: Vec<Listed> = of_kind!(kind, t => {
        let mut query = t::table.inner_join(authorizers::table).into_boxed();
        if let Some(service) = &filter.service_id {
            query = query.filter(t::service.eq(service.as_str()));
        }
        if !filter.search.is_empty() {
            query = query.filter(t::name_folded.like(contains_pattern(&fold(&filter.search))).escape('\\'));
        }
        if filter.is_stopped {
            query = query.filter(stopped!(now));
        }
        if let Some(name) = from {
            query = query.filter(t::name_folded.gt(name));
        }
        query
            .order(t::name_folded)
            .limit(LIMIT)
            .select((
                t::id, t::name, t::service, t::authorizer_id, authorizers::name, authorizers::identity_label,
                (
                    authorizers::lifecycle, authorizers::revocation, authorizers::health,
                    authorizers::ends_at, authorizers::cause,
                ),
                t::updated_at,
            ))
            .load(c)?
    });
    let rows: Vec<FlowRow> =
        rows.into_iter().map(|row| read_row(row, now)).collect::<Result<_, _>>()?;
    Ok(Page::cut(rows, |row| encode(&fold(&row.name))))
}

fn read_row(row: Listed, now: Moment) -> Result<FlowRow, StoreError> {
    let (
        id,
        name,
        service,
        authorizer,
        authorizer_name,
        identity_label,
        (lifecycle, revocation, health, ends_at, cause),
        updated_at,
    ) = row;
    Ok(FlowRow {
        id,
        name,
        service_id: ServiceId(service),
        authorizer_id: AuthorizerId::from(authorizer),
        authorizer_name,
        identity_label,
        badge: badge(
            read_lifecycle(&lifecycle)?,
            revocation.as_deref().map(read_outcome).transpose()?,
            read_health(&health)?,
            read_end(ends_at),
            now,
        ),
        cause: read_cause(cause.as_deref())?,
        updated_at: Moment::from_micros(updated_at),
    })
}
