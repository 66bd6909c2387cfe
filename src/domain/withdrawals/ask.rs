//! Asks a service to take a grant away, looks whether it did, and writes down what was seen.
use futures_util::stream::{self, StreamExt};

use crate::catalog::Service;
use crate::catalog::auth::AuthSpec;
use crate::domain::authorizers::refresh::save::persist;
use crate::domain::authorizers::{refresh, service_file};
use crate::domain::{Ctx, Error};
use crate::model::authorizer::{Authorizer, Health};
use crate::model::cause::Cause;
use crate::model::report::Fault;
use crate::model::revocation::{RevocationOutcome, Withdrawal, WithdrawalReason};
use crate::model::time::{DAY, Moment};
use crate::outbound::Account;
use crate::store::authorizers::CLAIM;
use crate::store::withdrawals::WithdrawalTry;
use crate::store::{self, AnyConnection, StoreError};

use super::secrets::GrantSecrets;
use super::{FIRST_WAIT, TRIES, outcome_line};

/// Services that are asked at once.
const AT_ONCE: usize = 8;

/// Asks for all that are due, and returns how many there were. Once told to stop, none is begun.
pub async fn run_due(ctx: &Ctx, is_stopped: &(dyn Fn() -> bool + Sync)) -> Result<usize, Error> {
    let now = ctx.clock.now();
    let due = ctx.db.read(move |c| store::withdrawals::list_due(c, now)).await?;
    let number = due.len();
    stream::iter(due)
        .for_each_concurrent(AT_ONCE, async |row| {
            if is_stopped() {
                return;
            }
            let id = row.id.clone();
            if let Err(error) = Box::pin(ask(ctx, row)).await {
                tracing::error!(%error, withdrawal = %id, "a grant is not withdrawn yet; it is tried again");
            }
        })
        .await;
    Ok(number)
}

/// One try, if nobody else makes it. Returns what became of the grant; `None` if it is asked for again later.
pub(super) async fn ask(ctx: &Ctx, row: Withdrawal) -> Result<Option<RevocationOutcome>, Error> {
    if ctx.standing.doubt().is_some() {
        return Ok(None);
    }
    let (seen, until) = (row.clone(), ctx.clock.now().plus(CLAIM));
    if !ctx.db.write(move |c| store::withdrawals::claim(c, &seen, until)).await? {
        return Ok(None);
    }
    let TryResult { outcome, fault } = try_once(ctx, &row).await?;
    let tries = row.tries.saturating_add(1);
    let detail = fault
        .as_ref()
        .map(|fault| fault.detail.clone().unwrap_or_else(|| fault.cause.code().to_owned()));
    let tried = WithdrawalTry { outcome, detail, tries };
    if outcome.is_worth_another_try() && tries < TRIES {
        let next = next_try(ctx.clock.now(), tries, fault.and_then(|fault| fault.retry_after));
        ctx.db.write(move |c| store::withdrawals::postpone(c, &row.id, &tried, next)).await?;
        return Ok(None);
    }
    finish(ctx, row, tried).await?;
    Ok(Some(outcome))
}

/// Doubles the wait after each try; a service may ask for a longer one, but not for more than a day.
fn next_try(now: Moment, tries: i32, asked_s: Option<u64>) -> Moment {
    let doublings = u32::try_from(tries.max(1) - 1).unwrap_or(0);
    let ours = FIRST_WAIT * 2_u32.pow(doublings.min(10));
    let asked = std::time::Duration::from_secs(asked_s.unwrap_or(0)).min(DAY);
    now.plus(ours.max(asked))
}

async fn finish(ctx: &Ctx, row: Withdrawal, tried: WithdrawalTry) -> Result<(), Error> {
    let line = outcome_line(ctx, &row, tried.outcome);
    let now = ctx.clock.now();
    ctx.db
        .write(move |c| {
            // Of two processes that ended it, one tells of it.
            if !store::withdrawals::finish(c, &row.id, &tried, now)? {
                return Ok(());
            }
            if row.reason == WithdrawalReason::Revoked
                && let Some(authorizer) = &row.authorizer_id
                && store::withdrawals::find_newest_revocation(c, authorizer)?
                    .is_some_and(|newest| newest.id == row.id)
            {
                let detail = tried.detail.as_deref();
                store::authorizers::finish_revoking(c, authorizer, tried.outcome, detail, now)?;
            }
            line.write(c)
        })
        .await
        .map_err(|error: StoreError| error.into())
}

/// What one try has shown.
struct TryResult {
    outcome: RevocationOutcome,
    fault: Option<Fault>,
}

impl From<RevocationOutcome> for TryResult {
    fn from(outcome: RevocationOutcome) -> Self {
        Self { outcome, fault: None }
    }
}

async fn try_once(ctx: &Ctx, row: &Withdrawal) -> Result<TryResult, Error> {
    let id = row.id.clone();
    let sealed = ctx.db.read(move |c| store::withdrawals::find_sealed(c, &id)).await?;
    let opened = sealed.map(|sealed| GrantSecrets::open(ctx, &row.id, &sealed));
    let Some(Ok(mut secrets)) = opened else {
        return Ok(not_possible_now(row, "the key that seals the token is missing"));
    };
    let service = ctx.catalog.get(row.service_id.as_str());
    let Some((service, auth)) =
        service.and_then(|service| Some((service, service.auth(&row.auth_id)?)))
    else {
        return Ok(not_possible_now(row, "the file of the service is missing"));
    };
    if auth.oauth2.is_some() && secrets.client.is_none() {
        return Ok(not_possible_now(row, "the OAuth app was deleted"));
    }
    let has_value = |field: &str| secrets.credentials.get(field).is_some();
    if let Some(known) = &secrets.destinations
        && service_file::check_places(service, auth, known, has_value).is_err()
    {
        return Ok(not_possible_now(row, "the file of the service names another host now"));
    }
    if !auth.is_revocable(has_value) {
        return Ok(RevocationOutcome::NoEndpoint.into());
    }
    if is_access_in_use(ctx, row, auth, &secrets).await? {
        return Ok(RevocationOutcome::KeptInUse.into());
    }
    let context = GrantContext { service, auth };
    let carries_access_token = (auth.oauth2.as_ref())
        .and_then(|oauth2| oauth2.revoke.as_ref())
        .is_some_and(|revoke| revoke.carries_access_token());
    if carries_access_token
        && is_access_expired(ctx, &secrets)
        && renew(ctx, row, &context, &mut secrets).await? == Renewal::Refused
    {
        // Somebody has ended it before: there is nothing left to revoke.
        return Ok(RevocationOutcome::Proved.into());
    }
    let is_expired = is_access_expired(ctx, &secrets);
    let revoked = ctx.outbound.revoke(&context.account(&secrets)).await;
    let outcome = match revoked.outcome {
        RevocationOutcome::StillWorks => match renew(ctx, row, &context, &mut secrets).await? {
            Renewal::Refused => RevocationOutcome::AccessOutlives,
            Renewal::Renewed | Renewal::Unknown => RevocationOutcome::StillWorks,
        },
        // An access token that had run out is refused whatever became of the grant: that proves nothing.
        RevocationOutcome::Proved if is_expired => {
            match renew(ctx, row, &context, &mut secrets).await? {
                Renewal::Refused => RevocationOutcome::Proved,
                Renewal::Renewed => RevocationOutcome::StillWorks,
                Renewal::Unknown => RevocationOutcome::Unproved,
            }
        }
        seen => seen,
    };
    Ok(TryResult { outcome, fault: revoked.fault })
}

/// Something is missing here that may be back before the last try.
fn not_possible_now(row: &Withdrawal, said: &str) -> TryResult {
    let is_last = row.tries.saturating_add(1) >= TRIES;
    let outcome = if is_last { RevocationOutcome::NotAsked } else { RevocationOutcome::Unanswered };
    TryResult { outcome, fault: Some(Fault::new(Cause::RequestRejected).detail(said)) }
}

struct GrantContext<'a> {
    service: &'a Service,
    auth: &'a AuthSpec,
}

impl<'a> GrantContext<'a> {
    fn account(&self, secrets: &'a GrantSecrets) -> Account<'a> {
        Account {
            service: self.service,
            auth: self.auth,
            credentials: &secrets.credentials,
            app: secrets.client.as_ref(),
        }
    }
}

/// Whether revoking would end access that somebody uses: a service may end all that one OAuth app holds of an account.
/// *Revoke Token* and *Delete* have named the others before; they only spare what was authorized again since.
async fn is_access_in_use(
    ctx: &Ctx,
    row: &Withdrawal,
    auth: &AuthSpec,
    secrets: &GrantSecrets,
) -> Result<bool, Error> {
    let ends_alone = auth
        .oauth2
        .as_ref()
        .is_none_or(|oauth2| oauth2.revoke.as_ref().is_some_and(|revoke| revoke.alone));
    let Some(client) = secrets.client.as_ref().filter(|_| !ends_alone) else {
        return Ok(false);
    };
    let (service, client_id) = (row.service_id.clone(), client.client_id.clone());
    let identity = row.identity_key.clone();
    let others = ctx
        .db
        .read(move |c| store::authorizers::list_by_client(c, &service, &client_id, &identity))
        .await?;
    let lives = |other: &&Authorizer| other.health != Health::NeedsReauthorization;
    let mut living = others.iter().filter(lives);
    Ok(match row.reason {
        WithdrawalReason::Revoked | WithdrawalReason::Deleted => {
            living.any(|other| Some(&other.id) == row.authorizer_id.as_ref())
        }
        WithdrawalReason::Replaced | WithdrawalReason::Declined | WithdrawalReason::Unfinished => {
            living.next().is_some()
        }
    })
}

fn is_access_expired(ctx: &Ctx, secrets: &GrantSecrets) -> bool {
    let tokens = secrets.credentials.tokens.as_ref();
    tokens.is_some_and(|tokens| refresh::is_expired(tokens, ctx.clock.now()))
}

/// What a renewal showed of a grant that is being withdrawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Renewal {
    /// The grant is dead.
    Refused,
    /// It lives, and what came is the next to be revoked.
    Renewed,
    /// It cannot be renewed, or the service said nothing of it.
    Unknown,
}

/// Renews the tokens of a withdrawal, which nobody else uses: whether the grant is dead shows when it is to be renewed.
/// What comes is kept before it is used.
async fn renew(
    ctx: &Ctx,
    row: &Withdrawal,
    context: &GrantContext<'_>,
    secrets: &mut GrantSecrets,
) -> Result<Renewal, Error> {
    let has_refresh_token =
        secrets.credentials.tokens.as_ref().is_some_and(|tokens| tokens.refresh.is_some());
    if secrets.is_refresh_in_doubt || context.auth.oauth2.is_none() || !has_refresh_token {
        return Ok(Renewal::Unknown);
    }
    let answer = ctx.outbound.refresh(&context.account(secrets)).await;
    let renewal = match answer.tokens {
        Ok(tokens) => {
            secrets.credentials.tokens = Some(tokens);
            Renewal::Renewed
        }
        Err(fault) => {
            secrets.is_refresh_in_doubt |= fault.is_in_doubt;
            if let (Some(rotated), Some(tokens)) = (answer.rotated, &mut secrets.credentials.tokens)
            {
                tokens.refresh = Some(rotated);
            }
            // Some services answer a dead refresh token without a word.
            let is_mute = fault.is_unexplained && fault.cause == Cause::MalformedAnswer;
            let is_refused = fault.cause == Cause::GrantRevoked || is_mute;
            if is_refused { Renewal::Refused } else { Renewal::Unknown }
        }
    };
    let sealed = secrets.seal(ctx, &row.id)?;
    let keep = || {
        let (db, id, sealed) = (ctx.db.clone(), row.id.clone(), sealed.clone());
        let keep = move |c: &mut AnyConnection| store::withdrawals::update_sealed(c, &id, &sealed);
        async move { db.write(keep).await }
    };
    persist(keep).await?;
    Ok(renewal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_a_service_may_ask_for_a_longer_one() {
        let now = Moment::from_micros(0);
        let seconds = |tries, asked| next_try(now, tries, asked).micros() / 1_000_000;
        assert_eq!((seconds(1, None), seconds(2, None), seconds(5, None)), (60, 120, 960));
        assert_eq!((seconds(1, Some(5)), seconds(1, Some(600))), (60, 600));
        assert_eq!(seconds(1, Some(u64::MAX)), 86_400);
    }
}
