//! What a refresh that brought no token means for the authorizer.
use crate::domain::authorizers::account::OpenAccount;
use crate::domain::authorizers::{sealed, verdict};
use crate::domain::{Ctx, Error};
use crate::model::cause::Cause;
use crate::model::credentials::{Secret, Tokens};
use crate::model::report::Fault;
use crate::model::time::{DAY, Moment};
use crate::store::authorizers::{Lease, LeaseEnd};
use crate::store::{self, AnyConnection};

use super::RenewalReason;
use super::save::persist;

/// So many refusals in a row that give no reason count as one that does. The first may be a mishap of the service.
const UNEXPLAINED_REFUSALS: i32 = 2;

/// What came in place of tokens. Never `Debug`.
pub struct RefreshRefusal {
    pub fault: Fault,
    /// A new refresh token: the one before it may be dead.
    pub rotated: Option<Secret>,
}

/// Gives the lease back, writes down what it means, and returns the account if its token can still be used.
pub(super) async fn settle(
    ctx: &Ctx,
    account: OpenAccount,
    lease: &Lease,
    refused: RefreshRefusal,
    reason: RenewalReason,
) -> Result<OpenAccount, Error> {
    let now = ctx.clock.now();
    let can_serve = (account.credentials.tokens.as_ref())
        .is_some_and(|tokens: &Tokens| reason.can_serve(tokens, now));
    let (account, before) = match refused.rotated {
        Some(rotated) => {
            let account = keep_rotated(ctx, account, lease, rotated).await?;
            // The newest token is stored: nothing is in doubt any more.
            (account, LeaseHistory { unfinished_since: None, refusals: 0, has_newest: true })
        }
        None => (account, LeaseHistory::of(lease)),
    };
    let judgement = judge(refused.fault, &before, can_serve);
    let end = LeaseEnd {
        // The mark stays until a refresh succeeds: whoever asks next is told the same.
        unfinished_since: if judgement.is_lost { Some(now) } else { before.unfinished_since },
        refusals: judgement.refusals,
    };
    let (id, generation) = (account.authorizer.id.clone(), lease.generation);
    ctx.db.write(move |c| store::authorizers::end_lease(c, &id, generation, &end)).await?;
    let fault = judgement.fault;
    // While the token works nothing is wrong with the account because the service wants to wait with the next one.
    let is_early = can_serve && fault.cause == Cause::RenewalRefused;
    if !is_early {
        let mut said = fault.verdict(now);
        if judgement.is_guess {
            // It is looked at once more, later: the guess may be wrong.
            said.next_try_at = said.next_try_at.or(Some(now.plus(DAY)));
        }
        verdict::record(ctx, &account.authorizer, said).await?;
    }
    if can_serve && fault.cause.is_passing() { Ok(account) } else { Err(Error::Fault(fault)) }
}

/// What refreshes before this one left behind.
struct LeaseHistory {
    unfinished_since: Option<Moment>,
    refusals: i32,
    /// The answer held a new refresh token, and it is stored.
    has_newest: bool,
}

impl LeaseHistory {
    fn of(lease: &Lease) -> Self {
        Self {
            unfinished_since: lease.unfinished_since,
            refusals: lease.refusals,
            has_newest: false,
        }
    }
}

struct RefusalVerdict {
    fault: Fault,
    /// Of refusals without a reason, this one included.
    refusals: i32,
    /// The answer may have held the only new token.
    is_lost: bool,
    /// The service never said so in words that we know.
    is_guess: bool,
}

fn judge(mut fault: Fault, before: &LeaseHistory, can_serve: bool) -> RefusalVerdict {
    let is_unreadable = fault.cause == Cause::MalformedAnswer;
    let may_hold_token = fault.is_in_doubt || (is_unreadable && !fault.is_unexplained);
    let is_lost = may_hold_token && !before.has_newest;
    let mut refusals = before.refusals;
    let mut is_guess = false;
    if fault.is_unexplained && can_serve {
        fault.cause = Cause::RenewalRefused;
    } else if fault.is_unexplained && fault.cause != Cause::AppRejected {
        refusals = refusals.saturating_add(1);
        is_guess = refusals >= UNEXPLAINED_REFUSALS;
        if !is_guess {
            fault.cause = Cause::RenewalRefused;
        } else if is_unreadable {
            // The service refuses, and says nothing that could be read: so some answer a dead refresh token.
            fault.cause = Cause::GrantRevoked;
        }
    }
    // A mark that an earlier refresh left behind: its answer, with the rotated token, may have been lost on the way.
    if fault.cause == Cause::GrantRevoked && before.unfinished_since.is_some() {
        fault.cause = Cause::RotationLost;
    }
    RefusalVerdict { fault, refusals, is_lost, is_guess }
}

/// Stores a refresh token that came without an access token.
async fn keep_rotated(
    ctx: &Ctx,
    mut account: OpenAccount,
    lease: &Lease,
    rotated: Secret,
) -> Result<OpenAccount, Error> {
    if let Some(tokens) = &mut account.credentials.tokens {
        tokens.refresh = Some(rotated);
    }
    let sealed = sealed::seal_credentials(ctx, &account.authorizer.id, &account.credentials)?;
    let (id, generation) = (&account.authorizer.id, lease.generation);
    let save = || {
        let (db, id, sealed) = (ctx.db.clone(), id.clone(), sealed.clone());
        let save = move |c: &mut AnyConnection| {
            store::authorizers::save_rotated(c, &id, generation, &sealed)
        };
        async move { db.write(save).await }
    };
    persist(save).await?;
    Ok(account)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unexplained(cause: Cause) -> Fault {
        Fault { is_unexplained: true, ..Fault::new(cause) }
    }

    fn after(refusals: i32, unfinished_since: Option<Moment>) -> LeaseHistory {
        LeaseHistory { unfinished_since, refusals, has_newest: false }
    }

    #[test]
    fn a_refusal_without_a_reason_is_believed_when_it_repeats() {
        for (cause, believed) in [
            (Cause::MalformedAnswer, Cause::GrantRevoked),
            (Cause::RequestRejected, Cause::RequestRejected),
        ] {
            let first = judge(unexplained(cause), &after(0, None), false);
            assert_eq!((first.fault.cause, first.refusals), (Cause::RenewalRefused, 1));
            assert!(!first.is_guess && !first.is_lost);
            let second = judge(unexplained(cause), &after(1, None), false);
            assert_eq!((second.fault.cause, second.refusals), (believed, 2));
            assert!(second.is_guess);
        }
    }

    #[test]
    fn beside_a_token_that_works_a_refusal_without_a_reason_is_not_even_counted() {
        for cause in [Cause::AppRejected, Cause::MalformedAnswer, Cause::RequestRejected] {
            let judgement = judge(unexplained(cause), &after(9, None), true);
            assert_eq!((judgement.fault.cause, judgement.refusals), (Cause::RenewalRefused, 9));
        }
        let named = judge(Fault::new(Cause::AppRejected), &after(0, None), true);
        assert_eq!(named.fault.cause, Cause::AppRejected, "it was named");
    }

    #[test]
    fn after_a_lost_answer_a_dead_grant_is_told_as_lost() {
        let marked = after(1, Some(Moment::from_micros(1)));
        for fault in [Fault::new(Cause::GrantRevoked), unexplained(Cause::MalformedAnswer)] {
            assert_eq!(judge(fault, &marked, false).fault.cause, Cause::RotationLost);
        }
    }
}
