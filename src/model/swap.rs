//! A swap: one account takes the place of another in every source and destination that uses it.
use std::time::Duration;

use super::flow::FlowKind;
use super::ids::{AuthorizerId, ServiceId, SwapId, UserId};
use super::report::Step;
use super::time::{DAY, Moment};

/// So long what was checked may be acted upon.
pub const FRESH: Duration = Duration::from_secs(15 * 60);
/// So long after it was done it can be undone.
pub const WAY_BACK: Duration = DAY;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwapState {
    /// What depends on the old account is being tested with the new one.
    Checking,
    Checked,
    Replaced,
    Undone,
}
super::authorizer::coded!(SwapState { Checking = "checking", Checked = "checked", Replaced = "replaced", Undone = "undone" });

/// One of the two accounts. Without an id it has been deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    pub id: Option<AuthorizerId>,
    pub name: String,
}

#[derive(Clone, Debug)]
pub struct Swap {
    pub id: SwapId,
    pub service_id: ServiceId,
    pub from: Side,
    pub to: Side,
    /// Of the new account, when it was checked.
    pub to_version: i64,
    pub state: SwapState,
    pub started_by: Option<UserId>,
    pub started_by_name: String,
    pub started_at: Moment,
    pub replaced_at: Option<Moment>,
}

impl Swap {
    /// The results are too old to act upon.
    pub fn is_stale(&self, now: Moment) -> bool {
        now.since(self.started_at) > FRESH
    }

    /// Until when it can be undone.
    pub fn way_back(&self, now: Moment) -> Option<Moment> {
        let until = self.replaced_at.filter(|_| self.state == SwapState::Replaced)?.plus(WAY_BACK);
        Some(until).filter(|until| *until > now)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowState {
    Waiting,
    Passed,
    Failed,
}
super::authorizer::coded!(FlowState { Waiting = "waiting", Passed = "passed", Failed = "failed" });

/// A source or destination in a swap.
#[derive(Clone, Debug)]
pub struct SwapFlow {
    pub kind: FlowKind,
    pub id: String,
    pub name: String,
    /// When it was checked.
    pub version: i64,
    pub state: FlowState,
    /// What its test with the new account showed.
    pub steps: Vec<Step>,
    /// The version that replacing left; `None` where nothing was replaced, or it was undone.
    pub replaced_version: Option<i64>,
}
