//! An authorizer: one named, stored, reusable authorization of one account of one service.
use super::cause::Cause;
use super::ids::{AuthorizerId, OAuthAppId, ServiceId, UserId};
use super::revocation::RevocationOutcome;
use super::time::{DAY, Moment};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifecycle {
    Draft,
    Active,
    Revoking,
    Revoked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    Unverified,
    Ok,
    Retrying,
    NeedsReauthorization,
    Misconfigured,
    Locked,
}

macro_rules! coded {
    ($type:ident { $($name:ident = $code:literal),+ $(,)? }) => {
        impl $type {
            pub const ALL: &[Self] = &[$(Self::$name),+];

            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }

            pub fn from_code(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.code() == code)
            }
        }
    };
}
pub(crate) use coded;

coded!(Lifecycle { Draft = "draft", Active = "active", Revoking = "revoking", Revoked = "revoked" });
coded!(Health {
    Unverified = "unverified",
    Ok = "ok",
    Retrying = "retrying",
    NeedsReauthorization = "needs_reauthorization",
    Misconfigured = "misconfigured",
    Locked = "locked",
});

/// What the list shows; derived, never stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Badge {
    Connected,
    DueSoon,
    NotTested,
    Retrying,
    Broken,
    Locked,
    /// The service is still being asked to take our access away.
    Revoking,
    Revoked,
    /// What we stored is gone; the access may live on at the service.
    Disconnected,
}

coded!(Badge {
    Connected = "connected",
    DueSoon = "due_soon",
    NotTested = "not_tested",
    Retrying = "retrying",
    Broken = "broken",
    Locked = "locked",
    Revoking = "revoking",
    Revoked = "revoked",
    Disconnected = "disconnected",
});

impl Badge {
    /// It holds nothing to use until it is reauthorized.
    pub fn is_revoked(self) -> bool {
        match self {
            Self::Revoking | Self::Revoked | Self::Disconnected => true,
            Self::Connected
            | Self::DueSoon
            | Self::NotTested
            | Self::Retrying
            | Self::Broken
            | Self::Locked => false,
        }
    }
}

/// The end is near when it is within this long.
pub const DUE_SOON: std::time::Duration = DAY.saturating_mul(30);

/// Who the service says we are. `key` is compared, `label` is shown.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Identity {
    pub key: String,
    pub label: String,
}

/// How sure we are of `ends_at`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndKind {
    Known,
    Estimated,
    Unknown,
}
coded!(EndKind { Known = "known", Estimated = "estimated", Unknown = "unknown" });

#[derive(Clone, Debug)]
pub struct Authorizer {
    pub id: AuthorizerId,
    pub service_id: ServiceId,
    /// Which of the service's ways to authorize (`[[auth]] id`).
    pub auth_id: String,
    pub name: String,
    pub lifecycle: Lifecycle,
    pub health: Health,
    pub cause: Option<Cause>,
    /// Keys of the fields that the cause marks.
    pub cause_fields: Vec<String>,
    /// The service's own answer: redacted, cut; for those who may `Administer`.
    pub detail: Option<String>,
    pub identity: Identity,
    pub granted_scopes: Vec<String>,
    pub missing_scopes: Vec<String>,
    pub oauth_app_id: Option<OAuthAppId>,
    pub access_expires_at: Option<Moment>,
    /// When a person must come back.
    pub ends_at: Option<Moment>,
    pub end_kind: EndKind,
    pub first_failed_at: Option<Moment>,
    pub last_ok_at: Option<Moment>,
    pub last_checked_at: Option<Moment>,
    pub next_try_at: Option<Moment>,
    pub failure_count: i32,
    /// Counts changes of the credentials; pools and loads made with an older one are void.
    pub credential_version: i64,
    /// Counts edits: an edit of a stale version is refused.
    pub version: i64,
    /// What became of its last revocation, once that is over.
    pub revocation: Option<RevocationOutcome>,
    pub created_by: Option<UserId>,
    pub created_at: Moment,
    pub updated_at: Moment,
    pub revoked_at: Option<Moment>,
}

impl Authorizer {
    pub fn badge(&self, now: Moment) -> Badge {
        badge(self.lifecycle, self.revocation, self.health, self.ends_at, now)
    }

    /// One for tests: active, working, of credentials.
    #[cfg(test)]
    pub fn sample(id: &str) -> Self {
        let at = Moment::from_micros(0);
        Self {
            id: id.into(),
            service_id: "postgresql".into(),
            auth_id: "login".to_owned(),
            name: "Sample".to_owned(),
            lifecycle: Lifecycle::Active,
            health: Health::Ok,
            cause: None,
            cause_fields: Vec::new(),
            detail: None,
            identity: Identity::default(),
            granted_scopes: Vec::new(),
            missing_scopes: Vec::new(),
            oauth_app_id: None,
            access_expires_at: None,
            ends_at: None,
            end_kind: EndKind::Unknown,
            first_failed_at: None,
            last_ok_at: None,
            last_checked_at: None,
            next_try_at: None,
            failure_count: 0,
            credential_version: 1,
            version: 1,
            revocation: None,
            created_by: None,
            created_at: at,
            updated_at: at,
            revoked_at: None,
        }
    }

    /// May be used to read or write.
    pub fn is_usable(&self) -> bool {
        self.lifecycle == Lifecycle::Active
            && matches!(self.health, Health::Ok | Health::Unverified | Health::Retrying)
    }
}

pub fn badge(
    lifecycle: Lifecycle,
    revocation: Option<RevocationOutcome>,
    health: Health,
    ends_at: Option<Moment>,
    now: Moment,
) -> Badge {
    match lifecycle {
        Lifecycle::Revoking => return Badge::Revoking,
        Lifecycle::Revoked => {
            let is_ended = revocation.is_some_and(RevocationOutcome::is_ended);
            return if is_ended { Badge::Revoked } else { Badge::Disconnected };
        }
        Lifecycle::Draft | Lifecycle::Active => {}
    }
    match health {
        Health::Unverified => Badge::NotTested,
        Health::Retrying => Badge::Retrying,
        Health::NeedsReauthorization | Health::Misconfigured => Badge::Broken,
        Health::Locked => Badge::Locked,
        Health::Ok => match ends_at {
            Some(end) if end <= now => Badge::Broken,
            Some(end) if end <= now.plus(DUE_SOON) => Badge::DueSoon,
            _ => Badge::Connected,
        },
    }
}

/// What an authorizer's health becomes, written as one piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub health: Health,
    pub cause: Option<Cause>,
    pub fields: Vec<String>,
    pub detail: Option<String>,
    pub next_try_at: Option<Moment>,
}

impl Verdict {
    pub fn ok() -> Self {
        Self {
            health: Health::Ok,
            cause: None,
            fields: Vec::new(),
            detail: None,
            next_try_at: None,
        }
    }

    pub fn failed(cause: Cause, fields: Vec<String>, detail: Option<String>) -> Self {
        Self { health: cause.health(), cause: Some(cause), fields, detail, next_try_at: None }
    }
}

/// A row of the Authorizers page.
#[derive(Clone, Debug)]
pub struct AuthorizerRow {
    pub id: AuthorizerId,
    pub service_id: ServiceId,
    pub name: String,
    pub badge: Badge,
    pub cause: Option<Cause>,
    pub identity_label: String,
    pub ends_at: Option<Moment>,
    pub next_try_at: Option<Moment>,
    pub revoked_at: Option<Moment>,
    pub last_checked_at: Option<Moment>,
    pub updated_at: Moment,
    pub source_count: i64,
    pub destination_count: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Sort {
    /// Broken first, then by name.
    #[default]
    Attention,
    Name,
    Newest,
    LastChecked,
    /// What ends soonest comes first; what has no end comes last.
    EndsFirst,
}
coded!(Sort {
    Attention = "attention",
    Name = "name",
    Newest = "newest",
    LastChecked = "last_checked",
    EndsFirst = "ends_first",
});

impl Sort {
    /// Among those of one badge: what is due soon needs the same attention, so the soonest end comes first.
    pub fn among(self, badge: Option<Badge>) -> Self {
        match (self, badge) {
            (Self::Attention, Some(Badge::DueSoon)) => Self::EndsFirst,
            (chosen, _) => chosen,
        }
    }
}

/// What the Authorizers page was asked for.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub search: String,
    pub service_id: Option<ServiceId>,
    pub badge: Option<Badge>,
    pub sort: Sort,
}
