//! What has happened to the sample authorizers: as if a small team had used them for months.
use std::time::Duration;

use crate::crypto::token;
use crate::domain::Actor;
use crate::domain::authorizers::history::event;
use crate::model::activity::NewActivity;
use crate::model::authorizer::{Authorizer, Health, Lifecycle};
use crate::model::cause::Cause;
use crate::model::flow::{Flow, FlowKind};
use crate::model::ids::{ActivityId, TestId};
use crate::model::need::{Need, Needs, Standing};
use crate::model::report::{Step, StepKind};
use crate::model::revocation::WithdrawalReason;
use crate::model::test_run::{TestRun, TestState};
use crate::model::time::{DAY, Moment};
use crate::store::activity::Fold;
use crate::store::{self, AnyConnection, StoreError};

const HOUR: Duration = Duration::from_secs(3600);

/// A line about to be written: by somebody or by the app itself, and how often on its day.
struct Line {
    at: Moment,
    is_by_hand: bool,
    new: NewActivity,
    times: u32,
}

pub fn write(
    c: &mut AnyConnection,
    owner: &Actor,
    (row, flows): (&Authorizer, &[Flow]),
    now: Moment,
) -> Result<(), StoreError> {
    for line in lines(row, flows, now) {
        if line.new.verb == "tested" {
            store::tests::insert(c, &passed(owner, row, (line.at, flows)))?;
        }
        let id = ActivityId::new(line.at, token::ten());
        let actor = line.is_by_hand.then_some((&owner.user_id, owner.name.as_str()));
        store::activity::insert(c, line.at, &id, actor, &line.new, None)?;
        for _ in 1..line.times {
            store::activity::count_up(c, Fold::WhileNewest, &line.new, now.minus(HOUR))?;
        }
    }
    Ok(())
}

fn passed(owner: &Actor, row: &Authorizer, (at, flows): (Moment, &[Flow])) -> TestRun {
    TestRun {
        needs: if row.service_id.as_str() == "postgresql" { needs(flows) } else { Vec::new() },
        id: TestId::new(at, token::ten()),
        authorizer_id: row.id.clone(),
        started_by: Some(owner.user_id.clone()),
        started_by_name: owner.name.clone(),
        state: TestState::Passed,
        steps: vec![
            Step::passed(StepKind::SignIn, "Sign in", 240),
            Step::passed(StepKind::Permissions, "Check the permissions", 180),
        ],
        started_at: at,
        finished_at: Some(at),
    }
}

/// One right is missing, so that the tour shows what to copy.
fn needs(flows: &[Flow]) -> Vec<Needs> {
    let of = |flow: &Flow| {
        let place = |key: &str| flow.settings.get(key).map(String::as_str).unwrap_or_default();
        let (schema, table) = (place("schema"), place("table"));
        let needs = match flow.kind {
            FlowKind::Source => {
                vec![Need::new(format!("SELECT on {schema}.{table}"), Standing::Granted)]
            }
            FlowKind::Destination => vec![
                Need::new(format!("USAGE on schema {schema}"), Standing::Granted),
                Need::of(
                    format!("CREATE on schema {schema}, to make the table {table}"),
                    false,
                    format!("GRANT CREATE ON SCHEMA \"{schema}\" TO \"etl_writer\";"),
                ),
            ],
        };
        Needs { flow: Some((flow.kind, flow.id.clone())), needs }
    };
    let service = Needs {
        flow: None,
        needs: vec![Need::new("CONNECT on database warehouse", Standing::Granted)],
    };
    std::iter::once(service).chain(flows.iter().map(of)).collect()
}

fn lines(row: &Authorizer, flows: &[Flow], now: Moment) -> Vec<Line> {
    let about = |verb, note: &str| event(verb, (&row.id, &row.name), note);
    let by_hand = |at, new| Line { at, is_by_hand: true, new, times: 1 };
    let by_itself = |at, new| Line { at, is_by_hand: false, new, times: 1 };
    let begun = row.created_at;
    let is_tested = row.health != Health::Unverified;
    let mut lines =
        vec![by_hand(begun, about("authorized", if is_tested { "" } else { "without a test" }))];
    for (number, flow) in (1_u32..).zip(flows) {
        let kind = match flow.kind {
            FlowKind::Source => "source",
            FlowKind::Destination => "destination",
        };
        lines.push(by_hand(
            begun.plus(HOUR * number),
            about("used_by", &format!("{kind} {}", flow.name)),
        ));
    }
    if is_tested {
        lines.push(by_hand(now.minus(DAY * 34), about("tested", "passed")));
        lines.push(by_itself(now.minus(DAY * 11), about("failed", Cause::ProviderDown.code())));
        lines.push(by_itself(now.minus(DAY * 11).plus(HOUR / 3), about("recovered", "")));
    }
    let is_renewed = row.auth_id == "oauth" && row.service_id.as_str() != "meta-ads";
    if is_renewed && row.lifecycle == Lifecycle::Active {
        let begun = now.minus(DAY * 11).plus(HOUR);
        lines.push(Line { times: 240, ..by_itself(begun, about("refreshed", "")) });
    }
    let failed = row.cause.zip(row.first_failed_at).filter(|_| row.lifecycle == Lifecycle::Active);
    lines.extend(failed.map(|(cause, at)| by_itself(at, about("failed", cause.code()))));
    let revoked = row.revoked_at.zip(row.revocation);
    lines.extend(revoked.map(|(at, answer)| {
        by_hand(at, about(WithdrawalReason::Revoked.verb(answer.is_ended()), answer.code()))
    }));
    lines.retain(|line| row.revoked_at.is_none_or(|end| line.at <= end));
    lines
}
