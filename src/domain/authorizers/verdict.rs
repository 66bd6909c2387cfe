//! Writes what a test or a use has shown: health, cause, when we try next.
use crate::domain::{Ctx, Error};
use crate::model::authorizer::{Authorizer, Health, Verdict};
use crate::model::cause::Cause;
use crate::model::time::Moment;
use crate::store;

use super::{history, schedule};

pub async fn record(ctx: &Ctx, authorizer: &Authorizer, verdict: Verdict) -> Result<(), Error> {
    let now = ctx.clock.now();
    let verdict = settle(authorizer, verdict, ctx.site.retest_every, now);
    let (id, version) = (authorizer.id.clone(), authorizer.credential_version);
    let scope = ctx.clone();
    ctx.db
        .write(move |c| {
            let Some(before) = store::authorizers::find(c, &id)? else {
                return Ok(());
            };
            if store::authorizers::update_health(c, &id, Some(version), &verdict, now)? {
                history::verdict(c, &scope, (&before, &verdict))?;
            }
            Ok::<_, store::StoreError>(())
        })
        .await?;
    Ok(())
}

/// What becomes of it: a passing fault never hides a lasting one, and one that does not pass becomes one that lasts.
fn settle(
    row: &Authorizer,
    mut verdict: Verdict,
    every: Option<std::time::Duration>,
    now: Moment,
) -> Verdict {
    let is_lasting = matches!(row.health, Health::NeedsReauthorization | Health::Misconfigured);
    let has_lasted =
        row.first_failed_at.is_some_and(|first| now.since(first) >= schedule::PATIENCE);
    match verdict.health {
        Health::Retrying if is_lasting => {
            verdict.health = row.health;
            verdict.cause = row.cause;
            verdict.fields.clone_from(&row.cause_fields);
        }
        Health::Retrying if has_lasted => verdict.health = Health::Misconfigured,
        _ => {}
    }
    verdict.next_try_at = match verdict.health {
        Health::Ok => schedule::retest(row, every, now),
        // As it was asked: see `locked`.
        Health::Unverified | Health::Locked => verdict.next_try_at,
        Health::Retrying => Some(schedule::retry(row, verdict.next_try_at, now)),
        health @ (Health::NeedsReauthorization | Health::Misconfigured) => {
            let is_passing = verdict.cause.is_some_and(Cause::is_passing);
            // A dead grant is left alone, but for one that is only guessed to be dead.
            schedule::recheck(row, health, is_passing, now).or(verdict.next_try_at)
        }
    };
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::DAY;
    use std::time::Duration;

    const NOW: Moment = Moment::from_micros(1_000_000_000_000_000);

    fn failed(cause: Cause) -> Verdict {
        Verdict::failed(cause, Vec::new(), None)
    }

    #[test]
    fn a_passing_fault_leaves_a_broken_one_broken_for_its_own_cause() {
        let row = Authorizer {
            health: Health::Misconfigured,
            cause: Some(Cause::Forbidden),
            ..Authorizer::sample("a")
        };
        let settled = settle(&row, failed(Cause::Timeout), None, NOW);
        assert_eq!(
            (settled.health, settled.cause),
            (Health::Misconfigured, Some(Cause::Forbidden))
        );
    }

    #[test]
    fn a_fault_that_has_not_passed_within_a_day_lasts() {
        let mut row = Authorizer {
            health: Health::Retrying,
            cause: Some(Cause::Timeout),
            ..Authorizer::sample("a")
        };
        row.first_failed_at = Some(NOW.minus(DAY.saturating_sub(Duration::from_secs(1))));
        assert_eq!(settle(&row, failed(Cause::Timeout), None, NOW).health, Health::Retrying);
        row.first_failed_at = Some(NOW.minus(DAY));
        let settled = settle(&row, failed(Cause::Timeout), None, NOW);
        assert_eq!((settled.health, settled.cause), (Health::Misconfigured, Some(Cause::Timeout)));
        assert!(
            settled.next_try_at.is_some_and(|at| at.since(NOW) <= Duration::from_secs(4500)),
            "it is tried on"
        );
    }

    #[test]
    fn a_working_one_is_tested_again_only_where_no_renewal_proves_it() {
        let mut row = Authorizer::sample("a");
        assert!(settle(&row, Verdict::ok(), Some(DAY), NOW).next_try_at.is_some());
        assert_eq!(settle(&row, Verdict::ok(), None, NOW).next_try_at, None, "the setting is off");
        row.access_expires_at = Some(NOW);
        assert_eq!(settle(&row, Verdict::ok(), Some(DAY), NOW).next_try_at, None);
    }
}
