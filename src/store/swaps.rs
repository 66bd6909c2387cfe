//! Swaps of accounts, and what each of them checked and replaced.
use diesel::prelude::*;

use crate::model::flow::FlowKind;
use crate::model::ids::{AuthorizerId, ServiceId, SwapId, UserId};
use crate::model::report::Step;
use crate::model::swap::{FlowState, Side, Swap, SwapFlow, SwapState};
use crate::model::time::Moment;

use super::StoreError;
use super::conn::AnyConnection;
use super::schema::{swap_flows, swaps};
use super::types::{from_json, micros, moment, to_json, unknown};

#[derive(Queryable, Selectable)]
#[diesel(table_name = swaps)]
struct Row {
    id: String,
    service: String,
    from_authorizer_id: Option<String>,
    from_name: String,
    to_authorizer_id: Option<String>,
    to_name: String,
    to_version: i64,
    state: String,
    started_by_id: Option<String>,
    started_by_name: String,
    started_at: i64,
    replaced_at: Option<i64>,
}

impl TryFrom<Row> for Swap {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            service_id: ServiceId(row.service),
            from: Side { id: row.from_authorizer_id.map(AuthorizerId::from), name: row.from_name },
            to: Side { id: row.to_authorizer_id.map(AuthorizerId::from), name: row.to_name },
            to_version: row.to_version,
            state: SwapState::from_code(&row.state)
                .ok_or_else(|| unknown("state of a swap", &row.state))?,
            started_by: row.started_by_id.map(UserId::from),
            started_by_name: row.started_by_name,
            started_at: Moment::from_micros(row.started_at),
            replaced_at: moment(row.replaced_at),
        })
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = swap_flows)]
struct FlowRow {
    kind: String,
    flow: String,
    name: String,
    version: i64,
    state: String,
    steps: String,
    replaced_version: Option<i64>,
}

impl TryFrom<FlowRow> for SwapFlow {
    type Error = StoreError;

    fn try_from(row: FlowRow) -> Result<Self, StoreError> {
        Ok(Self {
            kind: FlowKind::from_code(&row.kind)
                .ok_or_else(|| unknown("kind of a flow", &row.kind))?,
            id: row.flow,
            name: row.name,
            version: row.version,
            state: FlowState::from_code(&row.state)
                .ok_or_else(|| unknown("state of a check", &row.state))?,
            steps: from_json(&row.steps)?,
            replaced_version: row.replaced_version,
        })
    }
}

pub fn insert(c: &mut AnyConnection, swap: &Swap, flows: &[SwapFlow]) -> Result<(), StoreError> {
    diesel::insert_into(swaps::table)
        .values((
            swaps::id.eq(swap.id.as_str()),
            swaps::service.eq(swap.service_id.as_str()),
            swaps::from_authorizer_id.eq(swap.from.id.as_ref().map(AuthorizerId::as_str)),
            swaps::from_name.eq(&swap.from.name),
            swaps::to_authorizer_id.eq(swap.to.id.as_ref().map(AuthorizerId::as_str)),
            swaps::to_name.eq(&swap.to.name),
            swaps::to_version.eq(swap.to_version),
            swaps::state.eq(swap.state.code()),
            swaps::started_by_id.eq(swap.started_by.as_ref().map(UserId::as_str)),
            swaps::started_by_name.eq(&swap.started_by_name),
            swaps::started_at.eq(swap.started_at.micros()),
            swaps::replaced_at.eq(micros(swap.replaced_at)),
        ))
        .execute(c)?;
    for flow in flows {
        diesel::insert_into(swap_flows::table)
            .values((
                // Unique, because a flow's id is, over both kinds.
                swap_flows::id.eq(format!("{}/{}", swap.id, flow.id)),
                swap_flows::swap_id.eq(swap.id.as_str()),
                swap_flows::kind.eq(flow.kind.code()),
                swap_flows::flow.eq(&flow.id),
                swap_flows::name.eq(&flow.name),
                swap_flows::version.eq(flow.version),
                swap_flows::state.eq(flow.state.code()),
                swap_flows::steps.eq(to_json(&flow.steps)?),
                swap_flows::replaced_version.eq(flow.replaced_version),
            ))
            .execute(c)?;
    }
    Ok(())
}

pub fn find(c: &mut AnyConnection, id: &SwapId) -> Result<Option<Swap>, StoreError> {
    let row = swaps::table.find(id.as_str()).select(Row::as_select()).first(c).optional()?;
    row.map(Swap::try_from).transpose()
}

/// Sources first, by name.
pub fn flows(c: &mut AnyConnection, id: &SwapId) -> Result<Vec<SwapFlow>, StoreError> {
    let rows: Vec<FlowRow> = swap_flows::table
        .filter(swap_flows::swap_id.eq(id.as_str()))
        .order((swap_flows::kind.desc(), swap_flows::name, swap_flows::flow))
        .select(FlowRow::as_select())
        .load(c)?;
    rows.into_iter().map(SwapFlow::try_from).collect()
}

/// The newest check of this pair that is still running, begun after `since`.
pub fn running(
    c: &mut AnyConnection,
    (from, to): (&AuthorizerId, &AuthorizerId),
    since: Moment,
) -> Result<Option<SwapId>, StoreError> {
    let id: Option<String> = swaps::table
        .filter(
            swaps::from_authorizer_id
                .eq(from.as_str())
                .and(swaps::to_authorizer_id.eq(to.as_str())),
        )
        .filter(
            swaps::state.eq(SwapState::Checking.code()).and(swaps::started_at.gt(since.micros())),
        )
        .order(swaps::started_at.desc())
        .select(swaps::id)
        .first(c)
        .optional()?;
    Ok(id.map(SwapId::from))
}

/// What the test of one of them showed.
pub fn save_check(
    c: &mut AnyConnection,
    id: &SwapId,
    flow: &str,
    (state, steps): (FlowState, &[Step]),
) -> Result<(), StoreError> {
    let one = swap_flows::swap_id.eq(id.as_str()).and(swap_flows::flow.eq(flow));
    diesel::update(swap_flows::table.filter(one))
        .set((swap_flows::state.eq(state.code()), swap_flows::steps.eq(to_json(steps)?)))
        .execute(c)?;
    Ok(())
}

/// From one state to the next. False if it is no longer in the first: of two that try, one does it.
pub fn advance(
    c: &mut AnyConnection,
    id: &SwapId,
    (from, to): (SwapState, SwapState),
) -> Result<bool, StoreError> {
    let there = swaps::id.eq(id.as_str()).and(swaps::state.eq(from.code()));
    Ok(diesel::update(swaps::table.filter(there)).set(swaps::state.eq(to.code())).execute(c)? == 1)
}

pub fn mark_replaced(c: &mut AnyConnection, id: &SwapId, now: Moment) -> Result<(), StoreError> {
    diesel::update(swaps::table.find(id.as_str()))
        .set(swaps::replaced_at.eq(now.micros()))
        .execute(c)?;
    Ok(())
}

/// The version that replacing left, or `None` once that is undone.
pub fn set_replaced(
    c: &mut AnyConnection,
    id: &SwapId,
    flow: &str,
    version: Option<i64>,
) -> Result<(), StoreError> {
    let one = swap_flows::swap_id.eq(id.as_str()).and(swap_flows::flow.eq(flow));
    diesel::update(swap_flows::table.filter(one))
        .set(swap_flows::replaced_version.eq(version))
        .execute(c)?;
    Ok(())
}

/// The newest that was done at `since` or later and stands, on either side.
pub fn latest_of(
    c: &mut AnyConnection,
    authorizer: &AuthorizerId,
    since: Moment,
) -> Result<Option<Swap>, StoreError> {
    let either = swaps::from_authorizer_id
        .eq(authorizer.as_str())
        .or(swaps::to_authorizer_id.eq(authorizer.as_str()));
    let row = swaps::table
        .filter(either)
        .filter(
            swaps::replaced_at.ge(since.micros()).and(swaps::state.eq(SwapState::Replaced.code())),
        )
        .order(swaps::replaced_at.desc())
        .select(Row::as_select())
        .first(c)
        .optional()?;
    row.map(Swap::try_from).transpose()
}

/// Forgets those that began before `before`. The number of those.
pub fn purge(c: &mut AnyConnection, before: Moment) -> Result<usize, StoreError> {
    Ok(diesel::delete(swaps::table.filter(swaps::started_at.lt(before.micros()))).execute(c)?)
}
