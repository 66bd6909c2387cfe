//! One refresh, from taking the lease to giving it back.
use crate::domain::authorizers::account::{self, OpenAccount};
use crate::domain::{Ctx, Error};
use crate::model::authorizer::Lifecycle;
use crate::model::cause::Cause;
use crate::model::ids::AuthorizerId;
use crate::model::report::Fault;
use crate::store::authorizers::{Lease, LeaseEnd};
use crate::store::{self, StoreError};

use super::{LEASE, RenewalReason, refusal, save};

/// What a caller knows of the account whose token it wants renewed.
pub struct RenewalRequest {
    id: AuthorizerId,
    /// Of the credentials that are no longer good enough.
    credential_version: i64,
    was_usable: bool,
    reason: RenewalReason,
}

impl RenewalRequest {
    pub fn new(account: &OpenAccount, reason: RenewalReason) -> Self {
        Self {
            id: account.authorizer.id.clone(),
            credential_version: account.authorizer.credential_version,
            was_usable: account.authorizer.is_usable(),
            reason,
        }
    }
}

pub enum Renewal {
    Done(Box<OpenAccount>),
    /// Somebody else is refreshing it.
    TakenByOther,
}

/// Refreshes, if nobody else does. Nothing may cut it off once the call is on the wire.
pub async fn run(ctx: Ctx, request: RenewalRequest) -> Result<Renewal, Error> {
    let (id, owner, now) = (request.id.clone(), ctx.site.instance.clone(), ctx.clock.now());
    let taken = ctx
        .db
        .write(move |c| store::authorizers::take_lease(c, &id, &owner, now, now.plus(LEASE)))
        .await?;
    let Some(lease) = taken else {
        return Ok(Renewal::TakenByOther);
    };
    match begin(&ctx, &request, &lease).await {
        Ok(LeaseStart::Ready(ready)) => {
            let answer = ctx.outbound.refresh(&ready.account.account()).await;
            let renewed = match answer.tokens {
                Ok(tokens) => Box::pin(save::save(&ctx, *ready, &lease, tokens)).await,
                Err(fault) => {
                    let refused = refusal::RefreshRefusal { fault, rotated: answer.rotated };
                    let account = ready.account;
                    let settled = refusal::settle(&ctx, account, &lease, refused, request.reason);
                    Box::pin(settled).await
                }
            };
            Ok(Renewal::Done(Box::new(renewed?)))
        }
        Ok(LeaseStart::AlreadyRenewed(account)) => Ok(Renewal::Done(account)),
        Ok(LeaseStart::Lost) => Ok(Renewal::TakenByOther),
        Err(error) => {
            give_back(&ctx, &request.id, &lease).await?;
            Err(error)
        }
    }
}

/// All that saving needs is read before the call: after it, the database may be away.
pub struct RenewalContext {
    pub account: OpenAccount,
    pub ending: Option<crate::model::ending::Ending>,
}

enum LeaseStart {
    Ready(Box<RenewalContext>),
    /// Somebody has refreshed it between the caller's look and the lease.
    AlreadyRenewed(Box<OpenAccount>),
    /// The lease is no longer ours.
    Lost,
}

/// Nothing was called: the row is left as it was found.
async fn give_back(ctx: &Ctx, id: &AuthorizerId, lease: &Lease) -> Result<(), Error> {
    let (id, generation) = (id.clone(), lease.generation);
    let end = LeaseEnd { unfinished_since: lease.unfinished_since, refusals: lease.refusals };
    ctx.db.write(move |c| store::authorizers::end_lease(c, &id, generation, &end)).await?;
    Ok(())
}

async fn begin(ctx: &Ctx, request: &RenewalRequest, lease: &Lease) -> Result<LeaseStart, Error> {
    let account = account::open_as_is(ctx, &request.id).await?;
    if account.authorizer.lifecycle != Lifecycle::Active {
        return Err(Error::WrongState("revoked"));
    }
    if account.authorizer.credential_version != request.credential_version {
        give_back(ctx, &request.id, lease).await?;
        return Ok(LeaseStart::AlreadyRenewed(Box::new(account)));
    }
    // Somebody else has just been refused: the same question would get the same answer.
    if request.was_usable && !account.authorizer.is_usable() {
        let cause = account.authorizer.cause.unwrap_or(Cause::RenewalRefused);
        return Err(Error::Fault(Fault::new(cause)));
    }
    let (id, generation, now) = (request.id.clone(), lease.generation, ctx.clock.now());
    let begun = ctx.db.write(move |c| {
        let is_marked = store::authorizers::mark_refresh_started(c, &id, generation, now)?;
        Ok::<_, StoreError>((is_marked, store::authorizers::ending(c, &id)?))
    });
    let (is_marked, ending) = begun.await?;
    Ok(if is_marked {
        LeaseStart::Ready(Box::new(RenewalContext { account, ending }))
    } else {
        LeaseStart::Lost
    })
}
