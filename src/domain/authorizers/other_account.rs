//! Reauthorizing ended at another account: nothing is swapped silently. Cancel, keep both, or switch.
use crate::domain::{Actor, Ctx, Error, withdrawals};
use crate::model::attempt::{Attempt, AttemptState};
use crate::model::authorizer::Authorizer;
use crate::model::cause::Cause;
use crate::model::ids::{AttemptId, AuthorizerId};
use crate::model::need::{Needs, Standing};
use crate::model::revocation::{Requester, RevocationOutcome, WithdrawalReason};
use crate::model::role::Permission;
use crate::store::attempts::SealedPart;
use crate::store::{self, StoreError};

use super::grant::{self, Proven};
use super::pending::{CHOICE_KEPT, PendingAuthorization};
use super::refresh::PAGE_WAIT;
use super::{abandoned, account, complete, find, needs, start};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The new grant is withdrawn.
    Cancel,
    /// The new account becomes an authorizer of its own.
    KeepBoth,
    /// The authorizer moves to the new account, with everything that uses it.
    Switch,
}

/// The two accounts, for the page.
pub struct OtherAccount {
    pub attempt: Attempt,
    pub before: Authorizer,
    pub now_label: String,
    /// What would read and write as the other account.
    pub used_by: Vec<find::Dependent>,
    /// What each of them needs and the other grant does not have.
    pub lost: Vec<Needs>,
    /// Granted to the account that it has, and not to the other.
    pub lost_scopes: Vec<String>,
}

/// What a choice led to.
pub struct ChoiceResult {
    /// The authorizer that the person ends at.
    pub authorizer_id: AuthorizerId,
    /// What became of the grant that was declined; `None`: it is asked for again, or there is none.
    pub withdrawn: Option<RevocationOutcome>,
}

/// Keeps the grant, which `pending` holds, for the person's choice.
pub(super) async fn park(
    ctx: &Ctx,
    attempt: &Attempt,
    pending: &PendingAuthorization,
) -> Result<(), Error> {
    let sealed = pending.seal(ctx, &attempt.id)?;
    let grant_until = Some(ctx.clock.now().plus(CHOICE_KEPT));
    let mut row = attempt.clone();
    row.state = AttemptState::OtherAccount;
    row.cause = Some(Cause::OtherAccount);
    let ending = complete::ending(&row);
    let parked = ctx.db.write(move |c| {
        let kept = SealedPart { sealed: &sealed, grant_until };
        store::attempts::finish(c, &row.id, &ending, Some(&kept))
    });
    Ok(parked.await?)
}

pub async fn show(ctx: &Ctx, actor: &Actor, id: &AttemptId) -> Result<OtherAccount, Error> {
    actor.must(Permission::EditAuthorizers)?;
    let PendingChoice { attempt, proven, .. } = open(ctx, actor, id).await?;
    let authorizer_id = attempt.authorizer_id.clone().ok_or(Error::NotFound)?;
    let before = find::authorizer(ctx, &authorizer_id).await?;
    let flows = ctx.db.read(move |c| store::flows::dependents(c, &authorizer_id)).await?;
    let granted =
        proven.credentials.tokens.as_ref().map(|tokens| tokens.scopes.clone()).unwrap_or_default();
    let is_lost = |scope: &&String| !granted.is_empty() && !granted.contains(scope);
    let lost_scopes = before.granted_scopes.iter().filter(is_lost).cloned().collect();
    let after = Authorizer {
        granted_scopes: granted.clone(),
        missing_scopes: Vec::new(),
        ..before.clone()
    };
    let service = ctx.catalog.get(before.service_id.as_str());
    let mut lost =
        service.map(|service| needs::scopes(service, &after, &flows)).unwrap_or_default();
    lost.iter_mut().for_each(|needs| needs.needs.retain(|need| need.standing == Standing::Missing));
    lost.retain(|needs| needs.flow.is_some() && !needs.needs.is_empty());
    let used_by = flows.into_iter().map(|flow| (flow.kind, flow.id, flow.name)).collect();
    Ok(OtherAccount {
        attempt,
        before,
        now_label: proven.identity.label,
        used_by,
        lost,
        lost_scopes,
    })
}

pub async fn choose(
    ctx: &Ctx,
    actor: &Actor,
    id: &AttemptId,
    choice: Choice,
) -> Result<ChoiceResult, Error> {
    actor.must(Permission::EditAuthorizers)?;
    if choice == Choice::Switch {
        actor.must(Permission::SwitchAccounts)?;
    }
    let PendingChoice { attempt, proven, pending } = open(ctx, actor, id).await?;
    let authorizer_id = attempt.authorizer_id.clone().ok_or(Error::NotFound)?;
    let (wanted, from, now) = (id.clone(), AttemptState::OtherAccount, ctx.clock.now());
    // Of two that press a button, one decides.
    if !ctx.db.write(move |c| store::attempts::take_from(c, &wanted, from, now)).await? {
        return Err(Error::WrongState("already decided"));
    }
    let done = match choice {
        Choice::Cancel => decline(ctx, actor, &attempt, proven, &pending).await,
        Choice::KeepBoth => grant::save_new(ctx, actor, &attempt, proven)
            .await
            .map(|authorizer_id| ChoiceResult { authorizer_id, withdrawn: None }),
        Choice::Switch => switch(ctx, actor, &attempt, proven)
            .await
            .map(|()| ChoiceResult { authorizer_id, withdrawn: None }),
    };
    if done.is_err() {
        // It was not done: the choice is there once more.
        park(ctx, &attempt, &pending).await?;
    }
    done
}

async fn switch(ctx: &Ctx, actor: &Actor, attempt: &Attempt, proven: Proven) -> Result<(), Error> {
    let id = attempt.authorizer_id.clone().ok_or(Error::NotFound)?;
    let stored = account::open_for_editing(ctx, &id).await?;
    let changes = start::switched_values(ctx, &stored, &proven.credentials.values).await?;
    let again = grant::NewGrant { id, proven, verb: "switched", changes };
    grant::save_again(ctx, actor, attempt, again).await
}

/// What waits for the choice.
struct PendingChoice {
    attempt: Attempt,
    proven: Proven,
    pending: PendingAuthorization,
}

async fn open(ctx: &Ctx, actor: &Actor, id: &AttemptId) -> Result<PendingChoice, Error> {
    let attempt = complete::find(ctx, actor, id).await?;
    if attempt.state != AttemptState::OtherAccount {
        return Err(Error::WrongState("already decided"));
    }
    let wanted = id.clone();
    let held = ctx.db.read(move |c| store::attempts::find_held(c, &wanted)).await?;
    // Gone since the line above: another tab has decided.
    let sealed = held.and_then(|held| held.sealed).ok_or(Error::WrongState("already decided"))?;
    let pending = PendingAuthorization::open(ctx, id, &sealed)?;
    let (credentials, identity) = (pending.grant()?, pending.identity());
    let (Some(credentials), Some(identity)) = (credentials, identity) else {
        return Err(Error::NotFound);
    };
    Ok(PendingChoice { attempt, proven: Proven { credentials, identity }, pending })
}

/// Withdraws the grant that the person does not want, and waits for the answer as long as a page may.
async fn decline(
    ctx: &Ctx,
    actor: &Actor,
    attempt: &Attempt,
    proven: Proven,
    pending: &PendingAuthorization,
) -> Result<ChoiceResult, Error> {
    let authorizer_id = attempt.authorizer_id.clone().ok_or(Error::NotFound)?;
    let (reason, identity) = (WithdrawalReason::Declined, Some(proven.identity));
    let mut grant = abandoned::of_attempt(ctx, attempt, reason, proven.credentials, identity);
    grant.client = abandoned::find_client(ctx, attempt, &grant.credentials).await;
    grant.destinations.clone_from(&pending.destinations);
    let prepared = withdrawals::prepare(ctx, Some(Requester::from_actor(actor)), &grant)?;
    let mut row = attempt.clone();
    (row.state, row.cause) = (AttemptState::Failed, None);
    let (id, ending) = (row.id.clone(), complete::ending(&row));
    let prepared = ctx
        .db
        .write(move |c| {
            store::attempts::finish(c, &id, &ending, None)?;
            prepared.write(c)?;
            Ok::<_, StoreError>(prepared)
        })
        .await?;
    let scope = ctx.clone();
    let asking = ctx.tasks.run(async move { Box::pin(prepared.ask(&scope)).await });
    let withdrawn = match tokio::time::timeout(PAGE_WAIT, asking).await {
        Ok(Some(Ok(outcome))) => outcome,
        Ok(Some(Err(_)) | None) | Err(_) => None,
    };
    Ok(ChoiceResult { authorizer_id, withdrawn })
}
