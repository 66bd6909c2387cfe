//! *Test*: the steps against the real service, stored as they finish, and what they say of the authorizer's health.
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::crypto::token;
use crate::domain::{Actor, Ctx, Error, activity};
use crate::model::activity::{NewActivity, SubjectKind};
use crate::model::authorizer::{Authorizer, Lifecycle};
use crate::model::cause::Cause;
use crate::model::ids::{AuthorizerId, TestId};
use crate::model::report::{Fault, Report, Step, StepKind};
use crate::model::role::Permission;
use crate::model::test_run::{TestRun, TestState};
use crate::outbound::TEST_LIMIT;
use crate::store;

use super::client::{self, AuthorizedClient};
use super::refresh::{BACKGROUND_WAIT, Waiter};
use super::{find, locked, needs, verdict};

/// How long a test may take: its token may have to be renewed before it, and once more within.
pub const LIMIT: Duration = BACKGROUND_WAIT.saturating_add(TEST_LIMIT).saturating_mul(2);

/// Starts a test and returns at once; the result page follows it. A second click joins the running test.
pub async fn start(ctx: &Ctx, actor: &Actor, id: &AuthorizerId) -> Result<TestId, Error> {
    actor.must(Permission::TestAuthorizers)?;
    let authorizer = find::authorizer(ctx, id).await?;
    if authorizer.lifecycle != Lifecycle::Active {
        return Err(Error::WrongState("its token was revoked"));
    }
    let now = ctx.clock.now();
    let run = TestRun {
        id: TestId::new(now, token::ten()),
        authorizer_id: id.clone(),
        started_by: Some(actor.user_id.clone()),
        started_by_name: actor.name.clone(),
        state: TestState::Running,
        steps: Vec::new(),
        needs: Vec::new(),
        started_at: now,
        finished_at: None,
    };
    let (row, since) = (run.clone(), now.minus(LIMIT));
    let running = ctx
        .db
        .write(move |c| {
            // Of several that are begun at the same instant, the first one is joined by the others.
            store::authorizers::lock(c, &row.authorizer_id)?;
            let others = store::tests::list(c, &row.authorizer_id)?;
            let other = others
                .into_iter()
                .find(|other| other.state == TestState::Running && other.started_at > since);
            if other.is_none() {
                store::tests::insert(c, &row)?;
            }
            Ok::<_, store::StoreError>(other)
        })
        .await?;
    if let Some(other) = running {
        return Ok(other.id);
    }
    let (ctx, actor, test_id) = (ctx.clone(), actor.clone(), run.id.clone());
    tokio::spawn(async move {
        if let Err(error) = follow(&ctx, &actor, authorizer, run.clone()).await {
            tracing::error!(%error, "a test could not be finished");
            cut_off(&ctx, run).await;
        }
    });
    Ok(test_id)
}

/// Ends a test that an error of our own ended: nobody waits for it.
async fn cut_off(ctx: &Ctx, mut run: TestRun) {
    run.state = TestState::Failed;
    run.steps =
        vec![Step::skipped(StepKind::SignIn, "The test was cut off by an error of our own")];
    let now = ctx.clock.now();
    if let Err(error) = ctx.db.write(move |c| store::tests::finish(c, &run, now)).await {
        tracing::warn!(%error, "a test that was cut off could not be ended");
    }
}

/// For the result page. A test whose process died is shown as failed by a time-out.
pub async fn show(ctx: &Ctx, actor: &Actor, id: &TestId) -> Result<(TestRun, Authorizer), Error> {
    actor.must(Permission::SeeAuthorizers)?;
    let wanted = id.clone();
    let mut run =
        ctx.db.read(move |c| store::tests::find(c, &wanted)).await?.ok_or(Error::NotFound)?;
    let is_lost = run.state == TestState::Running && ctx.clock.now().since(run.started_at) > LIMIT;
    if is_lost {
        run.state = TestState::Failed;
        run.steps.push(Step::failed(
            StepKind::SignIn,
            "The test was cut off",
            0,
            Fault::new(Cause::Timeout),
        ));
    }
    let authorizer = find::authorizer(ctx, &run.authorizer_id).await?;
    Ok((run, authorizer))
}

/// Runs to the end and writes what it showed.
async fn follow(
    ctx: &Ctx,
    actor: &Actor,
    authorizer: Authorizer,
    mut run: TestRun,
) -> Result<(), Error> {
    let began = Instant::now();
    let report = run_stored(ctx, &authorizer, &run).await?;
    if report.is_ok() {
        let left = TEST_LIMIT.saturating_sub(began.elapsed());
        // What is not found out does not fail a test that has passed.
        run.needs = needs::probe(ctx, &authorizer, &report, left).await.unwrap_or_default();
    }
    run.state = if report.is_ok() { TestState::Passed } else { TestState::Failed };
    run.steps.clone_from(&report.steps);
    let note = report.failure().map_or_else(
        || "passed".to_owned(),
        |step| step.cause.map_or("failed", Cause::code).to_owned(),
    );
    let line = activity::line(
        ctx,
        Some(actor),
        NewActivity {
            verb: "tested",
            subject_kind: SubjectKind::Authorizer,
            subject_id: authorizer.id.to_string(),
            subject_name: authorizer.name.clone(),
            note,
        },
    );
    let now = ctx.clock.now();
    ctx.db
        .write(move |c| {
            store::tests::finish(c, &run, now)?;
            line.write(c)
        })
        .await?;
    Ok(())
}

/// Steps are stored while they finish, so that the page (and another process) can show them.
async fn run_stored(ctx: &Ctx, authorizer: &Authorizer, run: &TestRun) -> Result<Report, Error> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let writer = tokio::spawn(keep_steps(ctx.clone(), run.clone(), receiver));
    let mut on_step = |step| {
        sender.send(step).ok();
    };
    let report = Box::pin(run_once(ctx, &authorizer.id, &mut on_step)).await?;
    drop(sender);
    writer.await.ok();
    Ok(report)
}

async fn keep_steps(ctx: Ctx, mut run: TestRun, mut receiver: mpsc::UnboundedReceiver<Step>) {
    while let Some(step) = receiver.recv().await {
        run.steps.push(step);
        let row = run.clone();
        if let Err(error) =
            ctx.db.write(move |c| store::tests::update_steps(c, &row.id, &row.steps)).await
        {
            tracing::warn!(%error, "a step of a test was not stored");
        }
    }
}

/// Tests one authorizer and writes its health.
pub async fn run_once(
    ctx: &Ctx,
    id: &AuthorizerId,
    on_step: crate::outbound::OnStep<'_>,
) -> Result<Report, Error> {
    let mut client = match AuthorizedClient::open(ctx, id, Waiter::Background).await {
        Ok(client) => client,
        Err(Error::Locked) => return report_locked(ctx, id, on_step).await,
        Err(Error::Fault(fault)) if fault.cause.is_of_service_file() => {
            return Ok(file_failed(fault, on_step));
        }
        Err(error) => return token_failed(error, on_step),
    };
    let report = match client.call(ctx, client::Test(&mut *on_step)).await {
        Ok(report) => report,
        Err(error) => return token_failed(error, on_step),
    };
    let row = &client.authorizer().authorizer;
    verdict::record(ctx, row, report.health(ctx.clock.now())).await?;
    if let Some(identity) = report.identity.clone().filter(|_| row.identity.key.is_empty()) {
        let id = row.id.clone();
        ctx.db.write(move |c| store::authorizers::update_identity(c, &id, &identity)).await?;
    }
    Ok(report)
}

/// Nothing was called, and nothing is written: whoever reads the authorizer holds it against the file.
fn file_failed(fault: Fault, on_step: crate::outbound::OnStep<'_>) -> Report {
    let step = Step::failed(StepKind::ServiceFile, "", 0, fault);
    on_step(step.clone());
    Report { steps: vec![step], identity: None }
}

/// Where the token could not be renewed, `refresh` has already written the health.
fn token_failed(error: Error, on_step: crate::outbound::OnStep<'_>) -> Result<Report, Error> {
    let fault = match error {
        Error::Fault(fault) => fault,
        Error::Renewing => Fault::new(Cause::Timeout),
        other => return Err(other),
    };
    let step = Step::failed(StepKind::Token, "Renew the access token", 0, fault);
    on_step(step.clone());
    Ok(Report { steps: vec![step], identity: None })
}

async fn report_locked(
    ctx: &Ctx,
    id: &AuthorizerId,
    on_step: crate::outbound::OnStep<'_>,
) -> Result<Report, Error> {
    let authorizer = find::authorizer(ctx, id).await?;
    locked::record(ctx, &authorizer).await?;
    let step =
        Step::failed(StepKind::Token, "Open the stored secret", 0, Fault::new(Cause::KeyMissing));
    on_step(step.clone());
    Ok(Report { steps: vec![step], identity: None })
}
