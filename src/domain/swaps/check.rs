//! Every source and destination that uses the old account is tested with the new one. Nothing is changed.
use std::time::{Duration, Instant};

use futures_util::StreamExt;

use crate::crypto::token;
use crate::domain::authorizers::{find, test};
use crate::domain::flows::FlowForm;
use crate::domain::flows::read::{self, Tested};
use crate::domain::{Actor, Ctx, Error};
use crate::model::authorizer::{Authorizer, Lifecycle};
use crate::model::cause::Cause;
use crate::model::flow::{Flow, FlowKind};
use crate::model::ids::{AuthorizerId, SwapId};
use crate::model::problems::{Complaint, Problems};
use crate::model::report::{Fault, Report, Step, StepKind};
use crate::model::swap::{FlowState, Side, Swap, SwapFlow, SwapState};
use crate::store::{self, StoreError};

/// So many at once: enough to be done soon, few enough for a database that allows few connections.
const AT_ONCE: usize = 4;

/// How long the checks of so many may take: each one has its limit.
pub fn allowed(flows: usize) -> Duration {
    let rounds = u32::try_from(flows.div_ceil(AT_ONCE)).unwrap_or(u32::MAX).saturating_add(1);
    test::LIMIT.saturating_mul(rounds)
}

/// Starts and returns at once; the page of the swap follows it. A second click joins what is running.
pub async fn start(
    ctx: &Ctx,
    actor: &Actor,
    from: &AuthorizerId,
    to: Option<AuthorizerId>,
) -> Result<SwapId, Error> {
    super::must(actor)?;
    let old = find::authorizer(ctx, from).await?;
    let new = other(ctx, &old, to).await?;
    let (now, wanted) = (ctx.clock.now(), old.id.clone());
    let flows = ctx.db.read(move |c| store::flows::dependents(c, &wanted)).await?;
    if flows.is_empty() {
        return Err(Error::WrongState("no source and no destination uses it"));
    }
    let swap = Swap {
        id: SwapId::new(now, token::ten()),
        service_id: old.service_id.clone(),
        from: Side { id: Some(old.id), name: old.name },
        to: Side { id: Some(new.id), name: new.name },
        to_version: new.version,
        state: SwapState::Checking,
        started_by: Some(actor.user_id.clone()),
        started_by_name: actor.name.clone(),
        started_at: now,
        replaced_at: None,
    };
    let (row, waiting) = (swap.clone(), flows.iter().map(waiting).collect::<Vec<_>>());
    let running = ctx.db.write(move |c| insert(c, &row, &waiting)).await?;
    if let Some(running) = running {
        return Ok(running);
    }
    let (id, ctx, actor) = (swap.id.clone(), ctx.clone(), actor.clone());
    tokio::spawn(async move {
        if let Err(error) = follow(&ctx, &actor, &swap, flows).await {
            tracing::error!(%error, "the checks of a swap could not be finished");
        }
    });
    Ok(id)
}

/// The account that is to take over: another one of the same service, and one that works.
async fn other(ctx: &Ctx, old: &Authorizer, to: Option<AuthorizerId>) -> Result<Authorizer, Error> {
    let refuse = |complaint| Error::from(Problems::field("with", complaint));
    let id = to.ok_or_else(|| refuse(Complaint::Required))?;
    let found = ctx.db.read(move |c| store::authorizers::find(c, &id)).await?;
    let fits = |new: &Authorizer| {
        new.service_id == old.service_id && new.id != old.id && new.lifecycle == Lifecycle::Active
    };
    let new = found.filter(fits).ok_or_else(|| refuse(Complaint::NotAChoice))?;
    if !new.is_usable() {
        return Err(refuse(Complaint::Say(
            "It is broken itself. Reauthorize it first, or choose another one.".to_owned(),
        )));
    }
    Ok(new)
}

fn waiting(flow: &Flow) -> SwapFlow {
    SwapFlow {
        kind: flow.kind,
        id: flow.id.clone(),
        name: flow.name.clone(),
        version: flow.version,
        state: FlowState::Waiting,
        steps: Vec::new(),
        replaced_version: None,
    }
}

/// The check of the same two that is already running, if there is one; else this one is stored.
fn insert(
    c: &mut store::AnyConnection,
    swap: &Swap,
    flows: &[SwapFlow],
) -> Result<Option<SwapId>, StoreError> {
    let (Some(from), Some(to)) = (&swap.from.id, &swap.to.id) else {
        return Ok(None);
    };
    store::authorizers::lock(c, from)?;
    let running =
        store::swaps::running(c, (from, to), swap.started_at.minus(allowed(flows.len())))?;
    if running.is_none() {
        store::swaps::insert(c, swap, flows)?;
    }
    Ok(running)
}

async fn follow(ctx: &Ctx, actor: &Actor, swap: &Swap, flows: Vec<Flow>) -> Result<(), Error> {
    let Some(to) = &swap.to.id else { return Ok(()) };
    let mut done = futures_util::stream::iter(flows)
        .map(|flow| async move {
            let steps = one(ctx, actor, &flow, to).await;
            (flow.id, steps)
        })
        .buffer_unordered(AT_ONCE);
    while let Some((flow, steps)) = done.next().await {
        let report = Report { steps, identity: None };
        let state = if report.is_ok() { FlowState::Passed } else { FlowState::Failed };
        let id = swap.id.clone();
        ctx.db
            .write(move |c| store::swaps::save_check(c, &id, &flow, (state, &report.steps)))
            .await?;
    }
    let id = swap.id.clone();
    ctx.db
        .write(move |c| store::swaps::advance(c, &id, (SwapState::Checking, SwapState::Checked)))
        .await?;
    Ok(())
}

/// A source is read, a destination proves its right to write.
async fn one(ctx: &Ctx, actor: &Actor, flow: &Flow, to: &AuthorizerId) -> Vec<Step> {
    let form = FlowForm {
        kind: flow.kind,
        service_id: flow.service_id.clone(),
        name: flow.name.clone(),
        authorizer_id: Some(to.clone()),
        settings: flow.settings.clone(),
    };
    let began = Instant::now();
    let millis = || u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let kind = match flow.kind {
        FlowKind::Source => StepKind::Read,
        FlowKind::Destination => StepKind::Write,
    };
    let rows = |rows: usize| {
        if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") }
    };
    match read::test_only(ctx, actor, &form).await {
        Ok(Tested { report: Some(report), .. }) => report.steps,
        Ok(Tested { table: Some(table), .. }) => {
            vec![Step::passed(kind, rows(table.rows.len()), millis())]
        }
        Ok(Tested { fault, .. }) => vec![Step::failed(
            kind,
            "",
            millis(),
            fault.unwrap_or_else(|| Fault::new(Cause::Timeout)),
        )],
        Err(error) => vec![refused(kind, error, millis())],
    }
}

fn refused(kind: StepKind, error: Error, millis: u64) -> Step {
    match error {
        Error::Fault(fault) => Step::failed(kind, "", millis, fault),
        Error::Locked => Step::failed(kind, "", millis, Fault::new(Cause::KeyMissing)),
        Error::Renewing => Step::failed(kind, "", millis, Fault::new(Cause::Timeout)),
        Error::Problems(problems) => {
            let fields: Vec<&str> =
                problems.fields().iter().map(|(field, _)| field.as_str()).collect();
            let what = format!("Its settings do not fit: {}", fields.join(", "));
            Step::failed(kind, what, millis, Fault::new(Cause::RequestRejected))
        }
        Error::WrongState(_) | Error::NotFound | Error::Paused => Step::failed(
            kind,
            "The account was changed in between",
            millis,
            Fault::new(Cause::UnknownAccount),
        ),
        other => {
            tracing::error!(error = %other, "a source or destination could not be checked with another account");
            Step::failed(kind, "It could not be checked now", millis, Fault::new(Cause::Timeout))
        }
    }
}
