//! Writes what a test or a use has shown: health, cause, when we try next.
use std::time::Duration;

use crate::domain::{Ctx, Error};
use crate::model::authorizer::{Authorizer, Health, Verdict};
use crate::store;

const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// A passing fault never hides a lasting one: it leaves *Broken* as it is.
pub async fn record(ctx: &Ctx, authorizer: &Authorizer, mut verdict: Verdict) -> Result<(), Error> {
    let is_lasting = matches!(authorizer.health, Health::NeedsReauthorization | Health::Misconfigured);
    if verdict.health == Health::Retrying {
        if is_lasting {
            verdict.health = authorizer.health;
            verdict.cause = authorizer.cause;
            verdict.fields.clone_from(&authorizer.cause_fields);
        } else {
            verdict.next_try_at = Some(ctx.clock.now().plus(wait(authorizer.failure_count)));
        }
    }
    let (id, version, now) = (authorizer.id.clone(), authorizer.credential_version, ctx.clock.now());
    ctx.db.write(move |c| store::authorizers::update_health(c, &id, Some(version), &verdict, now)).await?;
    Ok(())
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
}
