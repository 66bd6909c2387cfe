//! Notices: what people and webhooks are told of, and which change of an authorizer's health is worth telling.
use super::authorizer::{Authorizer, Health, Verdict, coded};
use super::cause::Cause;
use super::ids::{AuthorizerId, NoticeId, OAuthAppId, ServiceId, WebhookId};
use super::time::Moment;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    Broken,
    Recovered,
    Due30,
    Due7,
    Due1,
    /// A service refuses our OAuth app: one notice for all its authorizers.
    AppRejected,
    /// *Send a test*, for one webhook alone.
    Test,
}
coded!(NoticeKind {
    Broken = "broken",
    Recovered = "recovered",
    Due30 = "due_30",
    Due7 = "due_7",
    Due1 = "due_1",
    AppRejected = "app_rejected",
    Test = "test",
});

/// What a person or a webhook can choose to be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    Broken,
    Recovered,
    Due,
    AppRejected,
}
coded!(Topic { Broken = "broken", Recovered = "recovered", Due = "due", AppRejected = "app_rejected" });

impl NoticeKind {
    /// `None`: not a matter of choice.
    pub fn topic(self) -> Option<Topic> {
        match self {
            Self::Broken => Some(Topic::Broken),
            Self::Recovered => Some(Topic::Recovered),
            Self::Due30 | Self::Due7 | Self::Due1 => Some(Topic::Due),
            Self::AppRejected => Some(Topic::AppRejected),
            Self::Test => None,
        }
    }

    /// How many days ahead a notice of an end is.
    pub fn days(self) -> Option<u32> {
        match self {
            Self::Due30 => Some(30),
            Self::Due7 => Some(7),
            Self::Due1 => Some(1),
            _ => None,
        }
    }
    /// The notice that an end asks for that is so many days ahead: more than the first number, at most the second.
    /// Whoever has five days left is not told of thirty, too.
    pub const DUE: [(Self, u32, u32); 3] =
        [(Self::Due1, 0, 1), (Self::Due7, 1, 7), (Self::Due30, 7, 30)];
}

/// Something that happened, with what was so when it did: names and causes may change before the mail goes.
#[derive(Clone, Debug)]
pub struct Notice {
    pub id: NoticeId,
    pub kind: NoticeKind,
    /// `None` where it is about none, or where it was deleted meanwhile.
    pub authorizer_id: Option<AuthorizerId>,
    pub oauth_app_id: Option<OAuthAppId>,
    pub service_id: ServiceId,
    /// The authorizer's; empty for an OAuth app.
    pub name: String,
    pub cause: Option<Cause>,
    pub ends_at: Option<Moment>,
    pub created_at: Moment,
}

impl Notice {
    /// What it is about was deleted: there is nothing left to look after.
    pub fn is_void(&self) -> bool {
        match self.kind {
            NoticeKind::Test => false,
            NoticeKind::AppRejected => self.oauth_app_id.is_none(),
            _ => self.authorizer_id.is_none(),
        }
    }
}

/// What a verdict means to those who look after the authorizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Broke,
    AppRejected,
    /// Works, and did not before: told if they were told that it was broken.
    Works,
}

/// `None` while nothing changes for people: passing faults, a second failure, a second success.
pub fn change(old: &Authorizer, verdict: &Verdict) -> Option<Change> {
    let by_app = |health, cause| {
        needs_somebody(health) && cause == Some(Cause::AppRejected) && old.oauth_app_id.is_some()
    };
    let (was_by_app, is_by_app) =
        (by_app(old.health, old.cause), by_app(verdict.health, verdict.cause));
    let was_broken = needs_somebody(old.health);
    match verdict.health {
        Health::Ok if old.health != Health::Ok => Some(Change::Works),
        health if !needs_somebody(health) => None,
        _ if is_by_app && !was_by_app => Some(Change::AppRejected),
        // The app is accepted again, and now the account itself turns out to be broken: nobody was told of that.
        _ if !is_by_app && (!was_broken || was_by_app) => Some(Change::Broke),
        _ => None,
    }
}

fn needs_somebody(health: Health) -> bool {
    matches!(health, Health::NeedsReauthorization | Health::Misconfigured | Health::Locked)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum MailMode {
    #[default]
    AtOnce,
    /// One mail a day, if there is anything to tell.
    Daily,
    Never,
}
coded!(MailMode { AtOnce = "at_once", Daily = "daily", Never = "never" });

/// What one person wants to be told of by mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoticeSettings {
    pub mode: MailMode,
    pub topics: Vec<Topic>,
}

impl Default for NoticeSettings {
    fn default() -> Self {
        Self { mode: MailMode::default(), topics: Topic::ALL.to_vec() }
    }
}

impl NoticeSettings {
    pub fn wants(&self, kind: NoticeKind) -> bool {
        self.mode != MailMode::Never
            && kind.topic().is_none_or(|topic| self.topics.contains(&topic))
    }
}

/// Somewhere else that is told, by a signed POST.
#[derive(Clone, Debug)]
pub struct Webhook {
    pub id: WebhookId,
    pub name: String,
    pub url: String,
    pub topics: Vec<Topic>,
    pub is_active: bool,
    /// The endpoint said that it is gone for good, and was switched off.
    pub is_gone: bool,
    pub version: i64,
    pub created_at: Moment,
    pub updated_at: Moment,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_decide_by_topic() {
        let settings = NoticeSettings { mode: MailMode::Daily, topics: vec![Topic::Due] };
        assert!(settings.wants(NoticeKind::Due7) && !settings.wants(NoticeKind::Broken));
        assert!(
            !NoticeSettings { mode: MailMode::Never, ..NoticeSettings::default() }
                .wants(NoticeKind::Broken)
        );
    }
}
