//! Words for notices: what happened, what one can choose, how far a delivery has got.
use crate::model::cause::Cause;
use crate::model::delivery::{Delivery, DeliveryState};
use crate::model::notice::{Notice, NoticeKind, Topic};

use super::wording;

/// As a person chooses it.
pub fn topic(topic: Topic) -> (&'static str, &'static str) {
    match topic {
        Topic::Broken => (
            "An authorizer broke",
            "It needs somebody: a new consent, a new password, another setting.",
        ),
        Topic::Recovered => ("It works again", "After you were told that it broke."),
        Topic::Due => ("An authorizer ends soon", "30 days, 7 days and 1 day before."),
        Topic::AppRejected => (
            "A service refuses our OAuth app",
            "Once for an app, however many authorizers stand still because of it.",
        ),
    }
}

/// One line of a log.
pub fn notice(notice: &Notice, service: &str) -> String {
    match notice.kind {
        NoticeKind::Broken => format!("{} broke", notice.name),
        NoticeKind::Recovered => format!("{} works again", notice.name),
        NoticeKind::Due30 | NoticeKind::Due7 | NoticeKind::Due1 => match notice.ends_at {
            Some(end) => format!("{} ends on {}", notice.name, wording::day(end)),
            None => format!("{} ends soon", notice.name),
        },
        NoticeKind::AppRejected => format!("{service} refuses our OAuth app"),
        NoticeKind::Test => "Test".to_owned(),
    }
}

/// Class, icon and word of a badge.
pub type Standing = (&'static str, &'static str, &'static str);

pub fn standing(delivery: &Delivery) -> Standing {
    match delivery.state {
        DeliveryState::Sent => ("ok", "circle-check", "Sent"),
        DeliveryState::Waiting if delivery.tries > 0 => ("info", "refresh", "Trying again"),
        DeliveryState::Waiting => ("info", "hourglass", "Waiting"),
        DeliveryState::Failed => ("bad", "alert-octagon", "Failed"),
        DeliveryState::Dropped => ("mute", "ban", "Not sent"),
    }
}

/// What the last try of a post showed; nothing before the first.
pub fn answer(status: Option<i32>, said: Option<&str>) -> Option<String> {
    match (status, said.and_then(Cause::from_code)) {
        (_, Some(cause)) => Some(format!("{}.", wording::cause(cause, "The endpoint").title)),
        (Some(410), None) => Some("The endpoint answered 410: it is gone for good.".to_owned()),
        (Some(status), None) => Some(format!("The endpoint answered {status}.")),
        (None, None) => said.map(str::to_owned),
    }
}

/// Under the line: how often it was tried, what was said, when it is tried next.
pub fn progress(delivery: &Delivery, said: Option<String>) -> String {
    let tries = (delivery.tries > 1).then(|| format!("{} tries.", delivery.tries));
    let next = (delivery.state == DeliveryState::Waiting)
        .then(|| format!("Next try at {}.", wording::full(delivery.next_try_at)));
    let dropped =
        (delivery.state == DeliveryState::Dropped).then(|| "No longer of use.".to_owned());
    [said, tries, next, dropped].into_iter().flatten().collect::<Vec<_>>().join(" ")
}
