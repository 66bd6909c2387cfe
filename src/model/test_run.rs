//! One test of an authorizer, running or finished: a line of its history.
use super::ids::{AuthorizerId, TestId, UserId};
use super::need::Needs;
use super::report::Step;
use super::time::Moment;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestState {
    Running,
    Passed,
    Failed,
}
super::authorizer::coded!(TestState { Running = "running", Passed = "passed", Failed = "failed" });

#[derive(Clone, Debug)]
pub struct TestRun {
    pub id: TestId,
    pub authorizer_id: AuthorizerId,
    /// `None`: the app itself, or somebody who is no longer there.
    pub started_by: Option<UserId>,
    pub started_by_name: String,
    pub state: TestState,
    /// As far as they are done.
    pub steps: Vec<Step>,
    /// The permissions that it looked for after the steps had passed.
    pub needs: Vec<Needs>,
    pub started_at: Moment,
    pub finished_at: Option<Moment>,
}
