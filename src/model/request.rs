//! *Ask for it*: somebody needs an account that he may not add.
use super::ids::{AccountRequestId, ServiceId, UserId};
use super::time::Moment;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestState {
    Open,
    Done,
    Declined,
}
super::authorizer::coded!(RequestState { Open = "open", Done = "done", Declined = "declined" });

#[derive(Clone, Debug)]
pub struct AccountRequest {
    pub id: AccountRequestId,
    pub service_id: ServiceId,
    pub note: String,
    pub state: RequestState,
    pub requested_by: UserId,
    pub requested_by_name: String,
    pub answered_by_name: Option<String>,
    pub answer: String,
    pub created_at: Moment,
    pub answered_at: Option<Moment>,
}
