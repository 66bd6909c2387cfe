//! Tests of authorizers: running and finished.
use diesel::prelude::*;

use crate::model::ids::{AuthorizerId, TestId, UserId};
use crate::model::report::Step;
use crate::model::test_run::{TestRun, TestState};
use crate::model::time::Moment;

use super::StoreError;
use super::conn::AnyConnection;
use super::schema::tests;
use super::types::{from_json, micros, moment, to_json, unknown};

/// How many an authorizer's page shows.
pub const HISTORY: i64 = 20;

#[derive(Queryable, Selectable)]
#[diesel(table_name = tests)]
struct Row {
    id: String,
    authorizer_id: String,
    started_by_id: Option<String>,
    started_by_name: String,
    state: String,
    steps: String,
    started_at: i64,
    finished_at: Option<i64>,
    needs: String,
}

impl TryFrom<Row> for TestRun {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            authorizer_id: row.authorizer_id.into(),
            started_by: row.started_by_id.map(UserId::from),
            started_by_name: row.started_by_name,
            state: TestState::from_code(&row.state)
                .ok_or_else(|| unknown("state of a test", &row.state))?,
            steps: from_json(&row.steps)?,
            needs: from_json(&row.needs)?,
            started_at: Moment::from_micros(row.started_at),
            finished_at: moment(row.finished_at),
        })
    }
}

pub fn insert(c: &mut AnyConnection, run: &TestRun) -> Result<(), StoreError> {
    diesel::insert_into(tests::table)
        .values((
            tests::id.eq(run.id.as_str()),
            tests::authorizer_id.eq(run.authorizer_id.as_str()),
            tests::started_by_id.eq(run.started_by.as_ref().map(UserId::as_str)),
            tests::started_by_name.eq(&run.started_by_name),
            tests::state.eq(run.state.code()),
            tests::steps.eq(to_json(&run.steps)?),
            tests::needs.eq(to_json(&run.needs)?),
            tests::started_at.eq(run.started_at.micros()),
            tests::finished_at.eq(micros(run.finished_at)),
        ))
        .execute(c)?;
    Ok(())
}

/// The steps done so far, while it runs. False once it is finished.
pub fn update_steps(
    c: &mut AnyConnection,
    id: &TestId,
    steps: &[Step],
) -> Result<bool, StoreError> {
    let running = tests::id.eq(id.as_str()).and(tests::state.eq(TestState::Running.code()));
    Ok(diesel::update(tests::table.filter(running))
        .set(tests::steps.eq(to_json(steps)?))
        .execute(c)?
        == 1)
}

/// The end of it, as it stands in `run`. False if it was finished before.
pub fn finish(c: &mut AnyConnection, run: &TestRun, now: Moment) -> Result<bool, StoreError> {
    let running = tests::id.eq(run.id.as_str()).and(tests::state.eq(TestState::Running.code()));
    let changed = diesel::update(tests::table.filter(running))
        .set((
            tests::state.eq(run.state.code()),
            tests::steps.eq(to_json(&run.steps)?),
            tests::needs.eq(to_json(&run.needs)?),
            tests::finished_at.eq(now.micros()),
        ))
        .execute(c)?;
    Ok(changed == 1)
}

pub fn find(c: &mut AnyConnection, id: &TestId) -> Result<Option<TestRun>, StoreError> {
    let row = tests::table.find(id.as_str()).select(Row::as_select()).first(c).optional()?;
    row.map(TestRun::try_from).transpose()
}

/// The newest of an authorizer's tests, newest first.
pub fn list(c: &mut AnyConnection, authorizer: &AuthorizerId) -> Result<Vec<TestRun>, StoreError> {
    let rows: Vec<Row> = tests::table
        .filter(tests::authorizer_id.eq(authorizer.as_str()))
        .order((tests::started_at.desc(), tests::id.desc()))
        .limit(HISTORY)
        .select(Row::as_select())
        .load(c)?;
    rows.into_iter().map(TestRun::try_from).collect()
}

/// Tests that began before `before` and never finished: the process died in between. They count as failed.
pub fn give_up(c: &mut AnyConnection, before: Moment, now: Moment) -> Result<usize, StoreError> {
    let stuck =
        tests::state.eq(TestState::Running.code()).and(tests::started_at.lt(before.micros()));
    Ok(diesel::update(tests::table.filter(stuck))
        .set((tests::state.eq(TestState::Failed.code()), tests::finished_at.eq(now.micros())))
        .execute(c)?)
}

/// Forgets the oldest that began before `before`, at most `rows`. The number of those.
pub fn purge(c: &mut AnyConnection, before: Moment, rows: i64) -> Result<usize, StoreError> {
    let old: Vec<String> = tests::table
        .filter(tests::started_at.lt(before.micros()))
        .order(tests::started_at)
        .select(tests::id)
        .limit(rows)
        .load(c)?;
    Ok(diesel::delete(tests::table.filter(tests::id.eq_any(old))).execute(c)?)
}
