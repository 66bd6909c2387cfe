//! The grant doctor: what the service and each source and destination need of an account, granted and missing.
//!
//! Scopes are compared with what was granted, at any time and without a call. Rights of databases and storage are found
//! by harmless tries, as part of a test.
use std::time::Duration;

use crate::catalog::Service;
use crate::catalog::auth::OAuth2Spec;
use crate::catalog::http::TestSpec;
use crate::catalog::service::Driver;
use crate::catalog::sets::DATASET;
use crate::domain::{Ctx, Error};
use crate::model::authorizer::Authorizer;
use crate::model::flow::{Flow, FlowKind};
use crate::model::need::{Need, Needs, Standing};
use crate::model::report::{Report, StepVerdict};
use crate::model::test_run::TestRun;
use crate::model::time::Moment;
use crate::model::values::Values;
use crate::outbound::NeededBy;
use crate::store;

use super::account::{self, OpenAccount};

/// So many sources and destinations are looked at; a test ends in time.
const MOST: usize = 50;

/// A test finds more out than the scopes say.
pub fn is_probed(service: &Service) -> bool {
    matches!(service.head.driver, Driver::Postgresql | Driver::Mysql | Driver::S3)
        || service.tests.iter().any(|test| test.needs.is_some())
}

/// The tries, for the service and all that uses the account. What cannot be found out in time is left out.
pub async fn probe(
    ctx: &Ctx,
    authorizer: &Authorizer,
    report: &Report,
    limit: Duration,
) -> Result<Vec<Needs>, Error> {
    let id = authorizer.id.clone();
    let mut flows = ctx.db.read(move |c| store::flows::dependents(c, &id)).await?;
    flows.truncate(MOST);
    let account = account::open(ctx, &authorizer.id).await?;
    let mut asked: Vec<NeededBy> = vec![None];
    asked.extend(flows.iter().map(|flow| Some((flow.kind, flow.settings.clone()))));
    let tried = tokio::time::timeout(limit, ctx.outbound.needs(&account.account(), &asked)).await;
    let mut tried = match tried {
        Ok(Ok(found)) => found.into_iter(),
        _ => Vec::new().into_iter(),
    };
    let mut service = proven(&account, report);
    service.extend(tried.next().unwrap_or_default());
    let mut all = vec![Needs { flow: None, needs: service }];
    all.extend(
        flows
            .into_iter()
            .zip(tried)
            .map(|(flow, needs)| Needs { flow: Some((flow.kind, flow.id)), needs }),
    );
    all.retain(|needs| !needs.needs.is_empty());
    Ok(all)
}

/// What the steps of the service's file prove, beside its scopes.
fn proven(account: &OpenAccount, report: &Report) -> Vec<Need> {
    let scopes =
        account.auth.oauth2.as_ref().map(|oauth2| oauth2.scopes.as_slice()).unwrap_or_default();
    let tests = account
        .service
        .tests
        .iter()
        .filter(|test| test.needs.as_ref().is_some_and(|needs| !scopes.contains(needs)));
    tests.filter_map(|test| of_step(test, report)).collect()
}

fn of_step(test: &TestSpec, report: &Report) -> Option<Need> {
    let what = test.needs.clone()?;
    let verdict =
        report.steps.iter().find(|step| step.kind == test.step).map(|step| step.verdict)?;
    Some(match verdict {
        StepVerdict::Passed => Need::new(what, Standing::Granted),
        StepVerdict::Warned => Need::of(what.clone(), false, what),
        StepVerdict::Failed | StepVerdict::Skipped => Need::new(what, Standing::Unknown),
    })
}

/// The tries for one form, before it is saved, and its scopes.
pub async fn of_form(
    ctx: &Ctx,
    account: &OpenAccount,
    (kind, settings): (FlowKind, &Values),
    limit: Duration,
) -> Vec<Need> {
    let mut needs = of_settings(&account.authorizer, &account.service, (kind, settings));
    let asked = [Some((kind, settings.clone()))];
    let tried = tokio::time::timeout(limit, ctx.outbound.needs(&account.account(), &asked)).await;
    if let Ok(Ok(found)) = tried {
        needs.extend(found.into_iter().flatten());
    }
    needs
}

/// What the scopes that were granted say, as of now.
pub(super) fn scopes(service: &Service, row: &Authorizer, flows: &[Flow]) -> Vec<Needs> {
    let Some(oauth2) = service.auth(&row.auth_id).and_then(|auth| auth.oauth2.as_ref()) else {
        return Vec::new();
    };
    let mut all = vec![Needs { flow: None, needs: of_service(oauth2, row) }];
    all.extend(flows.iter().map(|flow| Needs {
        flow: Some((flow.kind, flow.id.clone())),
        needs: of_settings(row, service, (flow.kind, &flow.settings)),
    }));
    all.retain(|needs| !needs.needs.is_empty());
    all
}

/// Required ones, then those that are only asked for.
fn of_service(oauth2: &OAuth2Spec, row: &Authorizer) -> Vec<Need> {
    let fixed = |scope: &&String| !scope.contains('{');
    let required = oauth2.scopes.iter().filter(fixed).map(|scope| need(scope, row));
    let optional = oauth2.optional_scopes.iter().filter(fixed).map(|scope| Need {
        why: Some("Not needed for everything: what needs it says so.".to_owned()),
        ..need(scope, row)
    });
    required.chain(optional).collect()
}

/// The scopes of the chosen data set.
fn of_settings(
    row: &Authorizer,
    service: &Service,
    (kind, settings): (FlowKind, &Values),
) -> Vec<Need> {
    let is_oauth = service.auth(&row.auth_id).is_some_and(|auth| auth.oauth2.is_some());
    let chosen = settings.get(DATASET).filter(|_| is_oauth);
    let dataset = service
        .flow(kind)
        .and_then(|flow| flow.datasets.iter().find(|dataset| Some(&dataset.id) == chosen));
    dataset
        .map(|dataset| dataset.scopes.iter().map(|scope| need(scope, row)).collect())
        .unwrap_or_default()
}

fn need(scope: &str, row: &Authorizer) -> Need {
    let has = |list: &[String]| list.iter().any(|one| one == scope);
    if row.granted_scopes.is_empty() {
        return Need::unknown(scope, "The service does not say what was granted.");
    }
    Need::of(scope, has(&row.granted_scopes) && !has(&row.missing_scopes), scope)
}

/// All that is known of an authorizer: scopes as of now, the rest as the newest test that looked found it, with its time.
pub fn known(
    service: Option<&Service>,
    row: &Authorizer,
    (flows, tests): (&[Flow], &[TestRun]),
) -> (Vec<Needs>, Option<Moment>) {
    let mut all = service.map(|service| scopes(service, row, flows)).unwrap_or_default();
    let newest = tests.iter().find(|run| !run.needs.is_empty());
    let is_there = |needs: &&Needs| match &needs.flow {
        None => true,
        Some((kind, id)) => flows.iter().any(|flow| flow.kind == *kind && flow.id == *id),
    };
    for found in newest.iter().flat_map(|run| &run.needs).filter(is_there) {
        match all.iter_mut().find(|needs| needs.flow == found.flow) {
            Some(same) => same.needs.extend(found.needs.iter().cloned()),
            None => all.push(found.clone()),
        }
    }
    (all, newest.map(|run| run.finished_at.unwrap_or(run.started_at)))
}

/// How many are missing.
pub fn missing(needs: &[Needs]) -> usize {
    needs
        .iter()
        .flat_map(|needs| &needs.needs)
        .filter(|need| need.standing == Standing::Missing)
        .count()
}
