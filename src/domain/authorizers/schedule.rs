//! When an authorizer is looked at next, if nobody asks before. Each has its own place in the day, so that those that
//! were made together do not come due together.
use std::time::Duration;

use crate::model::authorizer::{Authorizer, Health};
use crate::model::time::{DAY, Moment};

const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
const LONGEST_ASKED: Duration = Duration::from_secs(24 * 3600);
/// A fault that has not passed after this long is told as one that lasts.
pub const PATIENCE: Duration = DAY;

/// When a working one is tested again. A token that ends is renewed before that, which proves as much: no test then.
pub fn retest(row: &Authorizer, every: Option<Duration>, now: Moment) -> Option<Moment> {
    if row.access_expires_at.is_some() {
        return None;
    }
    let every = every?;
    Some(now.plus(every.saturating_sub(every / 8)).plus(share(row, every / 4)))
}

/// When a broken one is looked at again: somebody may have set it right over there. `None` for a grant that only a
/// new consent brings back.
pub fn recheck(row: &Authorizer, health: Health, is_passing: bool, now: Moment) -> Option<Moment> {
    let is_dead_grant = health == Health::NeedsReauthorization && row.oauth_app_id.is_some();
    let wait = if is_passing { LONGEST_WAIT } else { DAY };
    (!is_dead_grant).then(|| now.plus(wait).plus(share(row, wait / 4)))
}

/// When we would try again, or later if the service asked for that; nobody makes us wait for more than a day.
pub fn retry(row: &Authorizer, asked: Option<Moment>, now: Moment) -> Moment {
    let wait = wait(row.failure_count);
    let ours = now.plus(wait).plus(share(row, wait / 4));
    asked.map_or(ours, |asked| asked.clamp(ours, now.plus(LONGEST_ASKED)))
}

/// 5 s · 2ⁿ, at most an hour.
fn wait(failures: i32) -> Duration {
    let doublings = u32::try_from(failures.clamp(0, 12)).unwrap_or(0);
    FIRST_WAIT.saturating_mul(2_u32.saturating_pow(doublings)).min(LONGEST_WAIT)
}

/// A part of `span` that is this authorizer's own, and another one after each failure.
pub fn share(row: &Authorizer, span: Duration) -> Duration {
    let seed = 14_695_981_039_346_656_037_u64 ^ u64::from(row.failure_count.unsigned_abs());
    let hash = row
        .id
        .as_str()
        .bytes()
        .fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(1_099_511_628_211));
    // Thousandths of the span: the upper bits are the well mixed ones.
    let part = u32::try_from((hash >> 32) % 1000).unwrap_or(0);
    span * part / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(seconds: u64) -> Moment {
        Moment::from_micros(0).plus(Duration::from_secs(seconds))
    }

    fn row(failures: i32, id: &str) -> Authorizer {
        Authorizer { failure_count: failures, ..Authorizer::sample(id) }
    }

    #[test]
    fn waits_double_up_to_an_hour() {
        assert_eq!(wait(0), Duration::from_secs(5));
        assert_eq!(wait(3), Duration::from_secs(40));
        assert_eq!(wait(40), LONGEST_WAIT);
    }

    #[test]
    fn a_service_may_ask_for_a_longer_wait_and_not_for_a_shorter_one() {
        let now = Moment::from_micros(0);
        let ours = retry(&row(3, "a"), None, now);
        assert!(ours >= after(40) && ours <= after(50));
        assert_eq!(retry(&row(3, "a"), Some(after(1)), now), ours);
        assert_eq!(retry(&row(3, "a"), Some(after(600)), now), after(600));
        assert_eq!(retry(&row(3, "a"), Some(after(u64::MAX)), now), after(24 * 3600));
    }

    #[test]
    fn what_was_made_together_is_spread_over_the_day() {
        let times: Vec<_> = (0..200)
            .map(|n| retest(&row(0, &format!("id {n}")), Some(DAY), after(0)).unwrap())
            .collect();
        let in_first_hour = times
            .iter()
            .filter(|at| at.since(after(21 * 3600)) < Duration::from_secs(3600))
            .count();
        assert!(times.iter().all(|at| *at >= after(21 * 3600) && *at < after(27 * 3600)));
        assert!((15..60).contains(&in_first_hour), "{in_first_hour} of 200 in one hour of six");
    }

    #[test]
    fn a_dead_grant_is_left_alone() {
        let mut oauth = row(1, "a");
        oauth.oauth_app_id = Some("app".into());
        assert_eq!(recheck(&oauth, Health::NeedsReauthorization, false, after(0)), None);
        assert!(
            recheck(&oauth, Health::Misconfigured, false, after(0)).unwrap() >= after(24 * 3600)
        );
        assert!(recheck(&row(1, "a"), Health::NeedsReauthorization, false, after(0)).is_some());
    }
}
