//! Words for codes: badges, roles, times. Causes have a file of their own.
use jiff::Timestamp;

use crate::model::authorizer::{AuthorizerRow, Badge};
use crate::model::role::Role;
use crate::model::time::Moment;

pub use super::wording_attempt::attempt;
pub use super::wording_cause::{Words, cause};
pub use super::wording_ends::{end_kind, end_of, end_row, must, span, stops};
pub use super::wording_revocation::revocation;

pub fn badge(badge: Badge) -> &'static str {
    match badge {
        Badge::Connected => "Connected",
        Badge::DueSoon => "Due soon",
        Badge::NotTested => "Not tested",
        Badge::Retrying => "Retrying",
        Badge::Broken => "Broken",
        Badge::Locked => "Locked",
        Badge::Revoking => "Revoking",
        Badge::Revoked => "Revoked",
        Badge::Disconnected => "Disconnected",
    }
}

pub fn role(role: Role) -> &'static str {
    match role {
        Role::Owner => "Owner",
        Role::Admin => "Admin",
        Role::Editor => "Editor",
        Role::Authorizer => "Authorizer",
        Role::Viewer => "Viewer",
    }
}

/// What stands under the badge in a list.
pub fn row_cause(row: &AuthorizerRow, service: &str, now: Moment) -> Option<String> {
    match row.badge {
        Badge::DueSoon => {
            row.ends_at.map(|end| format!("Ends on {}, {}.", day(end), in_days(end, now)))
        }
        Badge::NotTested => Some("Saved without a test.".to_owned()),
        Badge::Revoking => Some(format!("{service} is being asked to revoke the access.")),
        Badge::Revoked => row.revoked_at.map(|at| format!("Token revoked on {}.", day(at))),
        Badge::Disconnected => {
            let removed = row.revoked_at.map(|at| format!("Removed here on {}.", day(at)));
            removed.map(|removed| format!("{removed} May still be active at {service}."))
        }
        Badge::Connected => None,
        Badge::Retrying => {
            let words = row.cause.map(|code| cause(code, service).title);
            let next = row.next_try_at.map(|at| format!(" Next try at {}.", clock(at)));
            words.map(|title| format!("{title}.{}", next.unwrap_or_default()))
        }
        Badge::Broken | Badge::Locked => match row.cause {
            Some(code) => Some(format!("{}.", cause(code, service).title)),
            None => row.ends_at.map(|end| format!("Ended on {}.", day(end))),
        },
    }
}

/// What became of the token of an account that cannot be used: `was revoked`.
pub fn token_state(badge: Badge) -> &'static str {
    match badge {
        Badge::Revoking => "is being revoked",
        Badge::Disconnected => "was removed",
        Badge::Revoked
        | Badge::Connected
        | Badge::DueSoon
        | Badge::NotTested
        | Badge::Retrying
        | Badge::Broken
        | Badge::Locked => "was revoked",
    }
}

fn strftime(at: Moment, format: &str) -> String {
    Timestamp::from_microsecond(at.micros())
        .map(|at| at.strftime(format).to_string())
        .unwrap_or_default()
}

/// `2 December`
pub fn day(at: Moment) -> String {
    strftime(at, "%-d %B")
}

/// `2 Dec 2026`
pub fn date(at: Moment) -> String {
    strftime(at, "%-d %b %Y")
}

/// `14:32 UTC`
pub fn clock(at: Moment) -> String {
    strftime(at, "%H:%M UTC")
}

/// `23 Nov 2026, 13:50 UTC`
pub fn full(at: Moment) -> String {
    strftime(at, "%-d %b %Y, %H:%M UTC")
}

/// For `datetime`: `2026-11-23T13:50:12Z`
pub fn machine(at: Moment) -> String {
    strftime(at, "%Y-%m-%dT%H:%M:%SZ")
}

/// `12 min ago`
pub fn ago(at: Moment, now: Moment) -> String {
    let seconds = now.since(at).as_secs();
    match seconds {
        0..60 => "just now".to_owned(),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..86_400 => format!("{} h ago", seconds / 3600),
        _ => format!("{} d ago", seconds / 86_400),
    }
}

/// `in 9 days`
pub fn in_days(at: Moment, now: Moment) -> String {
    match at.since(now).as_secs() / 86_400 {
        0 => "today".to_owned(),
        1 => "in 1 day".to_owned(),
        days => format!("in {days} days"),
    }
}

/// `40 seconds`, `3 minutes`
pub fn wait(seconds: u64) -> String {
    match seconds {
        0..=1 => "a second".to_owned(),
        2..120 => format!("{seconds} seconds"),
        _ => format!("{} minutes", seconds.div_ceil(60)),
    }
}

/// `1 source`, `3 sources`
pub fn count(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Moment {
        Moment::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn times_are_read_as_people_say_them() {
        assert_eq!(ago(at(0), at(59)), "just now");
        assert_eq!(ago(at(0), at(12 * 60)), "12 min ago");
        assert_eq!(ago(at(0), at(26 * 3600)), "1 d ago");
        assert_eq!(in_days(at(9 * 86_400 + 5), at(0)), "in 9 days");
        assert_eq!(full(at(1_795_441_812)), "23 Nov 2026, 13:50 UTC");
    }
}
