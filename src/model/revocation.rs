//! What became of asking a service to take our access away.
use super::activity::SubjectKind;
use super::authorizer::coded;
use super::ids::{AuthorizerId, OAuthAppId, ServiceId, UserId, WithdrawalId};
use super::time::Moment;

/// What was seen, and never more than that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationOutcome {
    /// The service agreed, and then refused the old token.
    Proved,
    /// The service agreed; no call could prove it.
    Unproved,
    /// The service agreed and no longer renews the access; the last access token works until it expires.
    AccessOutlives,
    /// The service agreed, and the old token still works.
    StillWorks,
    /// The service offers no way to be asked.
    NoEndpoint,
    /// Nobody asked: the token could not be read, or the service's file is missing.
    NotAsked,
    /// The service said no.
    Refused,
    /// The service did not answer, or answered with an error of its own.
    Unanswered,
    /// Nobody asked: revoking would have ended access that is in use.
    KeptInUse,
    /// The answer that may have held the token never reached us.
    NeverReceived,
}

coded!(RevocationOutcome {
    Proved = "confirmed",
    Unproved = "accepted",
    AccessOutlives = "access_outlives",
    StillWorks = "still_works",
    NoEndpoint = "no_endpoint",
    NotAsked = "not_asked",
    Refused = "failed",
    Unanswered = "unanswered",
    KeptInUse = "kept_in_use",
    NeverReceived = "never_received",
});

impl RevocationOutcome {
    /// The service itself ended the access, as far as anybody can tell.
    pub fn is_ended(self) -> bool {
        match self {
            Self::Proved | Self::Unproved | Self::AccessOutlives => true,
            Self::StillWorks
            | Self::NoEndpoint
            | Self::NotAsked
            | Self::Refused
            | Self::Unanswered
            | Self::KeptInUse
            | Self::NeverReceived => false,
        }
    }

    /// Another try may end better.
    pub fn is_worth_another_try(self) -> bool {
        match self {
            Self::StillWorks | Self::Unanswered => true,
            Self::Proved
            | Self::Unproved
            | Self::AccessOutlives
            | Self::NoEndpoint
            | Self::NotAsked
            | Self::Refused
            | Self::KeptInUse
            | Self::NeverReceived => false,
        }
    }
}

/// Why a grant is withdrawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithdrawalReason {
    /// *Revoke Token*.
    Revoked,
    /// Its authorizer was deleted.
    Deleted,
    /// A reauthorization brought another one.
    Replaced,
    /// It belongs to another account, and the person did not want that.
    Declined,
    /// The authorization that brought it was not finished.
    Unfinished,
}

coded!(WithdrawalReason {
    Revoked = "revoked",
    Deleted = "deleted",
    Replaced = "replaced",
    Declined = "declined",
    Unfinished = "unfinished",
});

impl WithdrawalReason {
    /// The verb of the activity that says how it ended.
    pub fn verb(self, is_ended: bool) -> &'static str {
        match (self, is_ended) {
            (Self::Revoked, true) => "revoked",
            (Self::Revoked, false) => "removed",
            (Self::Deleted, true) => "deleted_grant_revoked",
            (Self::Deleted, false) => "deleted_grant_left",
            (Self::Replaced, true) => "old_grant_revoked",
            (Self::Replaced, false) => "old_grant_left",
            (Self::Declined, true) => "declined_grant_revoked",
            (Self::Declined, false) => "declined_grant_left",
            (Self::Unfinished, true) => "unfinished_grant_revoked",
            (Self::Unfinished, false) => "unfinished_grant_left",
        }
    }
}

/// Who asked for it. `None` in a withdrawal: the app itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requester {
    pub id: UserId,
    pub name: String,
}

/// A grant that is being withdrawn, or was. What it is withdrawn with stays sealed.
#[derive(Clone, Debug)]
pub struct Withdrawal {
    pub id: WithdrawalId,
    pub service_id: ServiceId,
    pub auth_id: String,
    /// `None` once the authorizer is deleted, and for a grant that never became one.
    pub authorizer_id: Option<AuthorizerId>,
    pub oauth_app_id: Option<OAuthAppId>,
    /// What lines of activity are about, also when it is gone.
    pub subject_kind: SubjectKind,
    pub subject_id: String,
    pub name: String,
    /// Whose account it is, to be compared; empty if that is not known.
    pub identity_key: String,
    pub reason: WithdrawalReason,
    /// Of the last try; `None` before the first.
    pub outcome: Option<RevocationOutcome>,
    /// The service's own words of the last try: redacted, cut; for those who may `Administer`.
    pub detail: Option<String>,
    pub tries: i32,
    /// `None` once it is over.
    pub next_try_at: Option<Moment>,
    pub requester: Option<Requester>,
    pub created_at: Moment,
}

/// How a revocation stands, for the authorizer's page and its receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    pub outcome: Option<RevocationOutcome>,
    pub detail: Option<String>,
    /// While the service is still being asked.
    pub pending: Option<PendingRevocation>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PendingRevocation {
    pub tries: i32,
    pub next_try_at: Option<Moment>,
}
