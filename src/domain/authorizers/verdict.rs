//! Writes what a test or a use has shown: health, cause, when we try next.
use std::time::Duration;

use crate::domain::{Ctx, Error};
use crate::model::authorizer::{Authorizer, Health, Verdict};
use crate::model::time::Moment;
use crate::store;

use super::history;

const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
const LONGEST_ASKED: Duration = Duration::from_secs(24 * 3600);

/// A passing fault never hides a lasting one: it leaves *Broken* as it is.
pub async fn record(ctx: &Ctx, authorizer: &Authorizer, mut verdict: Verdict) -> Result<(), Error> {
    let is_lasting = matches!(authorizer.health, Health::NeedsReauthorization | Health::Misconfigured);
    if verdict.health == Health::Retrying {
        if is_lasting {
            verdict.health = authorizer.health;
            verdict.cause = authorizer.cause;
            verdict.fields.clone_from(&authorizer.cause_fields);
        } else {
            verdict.next_try_at = Some(next_try(ctx.clock.now(), authorizer.failure_count, verdict.next_try_at));
        }
    }
    let (id, version, now) = (authorizer.id.clone(), authorizer.credential_version, ctx.clock.now());
    let scope = ctx.clone();
    ctx.db
        .write(move |c| {
            let Some(before) = store::authorizers::find(c, &id)? else { return Ok(()) };
            if store::authorizers::update_health(c, &id, Some(version), &verdict, now)? {
                history::verdict(c, &scope, (&before, &verdict))?;
            }
            Ok::<_, store::StoreError>(())
        })
        .await?;
    Ok(())
}

/// When we would try again, or later if the service asked for that; nobody makes us wait for more than a day.
fn next_try(now: Moment, failures: i32, asked: Option<Moment>) -> Moment {
    let ours = now.plus(wait(failures));
    asked.map_or(ours, |asked| asked.clamp(ours, now.plus(LONGEST_ASKED)))
}

/// 5 s · 2ⁿ, at most an hour.
fn wait(failures: i32) -> Duration {
    let doublings = u32::try_from(failures.clamp(0, 12)).unwrap_or(0);
    FIRST_WAIT.saturating_mul(2_u32.saturating_pow(doublings)).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_an_hour() {
        assert_eq!(wait(0), Duration::from_secs(5));
        assert_eq!(wait(3), Duration::from_secs(40));
        assert_eq!(wait(40), LONGEST_WAIT);
    }
    #[test]
    fn a_service_may_ask_for_a_longer_wait_and_not_for_a_shorter_one() {
        let now = Moment::from_micros(0);
        let after = |seconds| now.plus(Duration::from_secs(seconds));
        assert_eq!(next_try(now, 3, None), after(40));
        assert_eq!(next_try(now, 3, Some(after(1))), after(40));
        assert_eq!(next_try(now, 3, Some(after(600))), after(600));
        assert_eq!(next_try(now, 3, Some(after(u64::MAX))), after(24 * 3600));
    }
}
