//! When an authorization ends and somebody must come back: how we know, and what only waits behind our renewing.
use super::authorizer::{EndKind, coded};
use super::flow::FlowKind;
use super::ids::{AuthorizerId, ServiceId};
use super::time::Moment;

/// What it is that ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// A person's consent, as long as the service's file says.
    Consent,
    /// The service said so when it gave the tokens.
    Answer,
    /// An access token that nothing renews.
    Token,
    /// A certificate that was uploaded.
    Certificate,
    /// It lies unused for too long, and we cannot renew it in time.
    Idle,
}
coded!(EndReason { Consent = "consent", Answer = "answer", Token = "token", Certificate = "certificate", Idle = "idle" });

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// The earliest end that renewing does not move. `None`: none is known.
    pub at: Option<Moment>,
    pub kind: EndKind,
    pub reason: Option<EndReason>,
    /// `None` in rows of an older version.
    pub consented_at: Option<Moment>,
    /// When it would end if it were not renewed any more. Renewing moves it, so it is no reason to warn.
    pub idle_at: Option<Moment>,
}

impl Ending {
    pub fn unknown() -> Self {
        Self { at: None, kind: EndKind::Unknown, reason: None, consented_at: None, idle_at: None }
    }
}

/// An authorizer that ends, with what stops then.
#[derive(Clone, Debug)]
pub struct EndingRow {
    pub id: AuthorizerId,
    pub service_id: ServiceId,
    pub name: String,
    pub identity_label: String,
    pub at: Moment,
    pub kind: EndKind,
    pub reason: Option<EndReason>,
    /// The row's last change.
    pub updated_at: Moment,
    pub stops: Stops,
}

/// Sources and destinations that stop: some by name, and how many there are.
#[derive(Clone, Debug, Default)]
pub struct Stops {
    pub named: Vec<(FlowKind, String, String)>,
    pub total: i64,
}
