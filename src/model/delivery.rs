//! A notice on its way to one person or one webhook: how far it has got, and when it is tried again.
use std::time::Duration;

use super::authorizer::coded;
use super::ids::{DeliveryId, NoticeId, UserId, WebhookId};
use super::notice::Notice;
use super::time::Moment;

/// How far one notice has got on its way to one person or webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    Waiting,
    Sent,
    /// Given up.
    Failed,
    /// No longer wanted: its person left or wants no mail, or what it was about is gone.
    Dropped,
}
coded!(DeliveryState { Waiting = "waiting", Sent = "sent", Failed = "failed", Dropped = "dropped" });

#[derive(Clone, Debug)]
pub struct Delivery {
    pub id: DeliveryId,
    pub notice_id: NoticeId,
    pub user_id: Option<UserId>,
    pub webhook_id: Option<WebhookId>,
    pub state: DeliveryState,
    pub tries: i32,
    pub next_try_at: Moment,
    pub letter: Option<String>,
    pub tried_at: Option<Moment>,
    /// An HTTP status or an SMTP reply.
    pub status: Option<i32>,
    /// Why the last try failed; safe to show.
    pub said: Option<String>,
    pub created_at: Moment,
}

/// How a try ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    pub state: DeliveryState,
    /// Of one that still waits.
    pub next_try_at: Option<Moment>,
    pub status: Option<i32>,
    pub said: Option<String>,
}

/// A delivery with the notice it carries.
pub type Carried = (Delivery, Notice);

/// How long before the next try of a mail, after so many; `None`: given up. Two days in all.
pub fn mail_wait(tries: i32) -> Option<Duration> {
    const MINUTE: Duration = Duration::from_secs(60);
    match tries {
        ..=1 => Some(MINUTE),
        2 => Some(MINUTE.saturating_mul(5)),
        3 => Some(MINUTE.saturating_mul(15)),
        4..=52 => Some(MINUTE.saturating_mul(60)),
        _ => None,
    }
}

/// As [`mail_wait`], for a webhook; a little more is added, so that many do not come back at the same moment.
pub fn webhook_wait(tries: i32) -> Option<Duration> {
    const SECONDS: [u64; 7] = [5, 30, 120, 600, 3600, 21_600, 86_400];
    let index = usize::try_from(tries.saturating_sub(1)).unwrap_or(0);
    SECONDS.get(index).copied().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::DAY;

    #[test]
    fn waits_grow_and_end() {
        assert_eq!(webhook_wait(1), Some(Duration::from_secs(5)));
        assert_eq!(webhook_wait(7), Some(DAY));
        assert_eq!(webhook_wait(8), None);
        let all: Duration = (1..).map_while(mail_wait).sum();
        assert!(all > DAY.saturating_mul(2) && all < DAY.saturating_mul(3), "{all:?}");
    }
}
