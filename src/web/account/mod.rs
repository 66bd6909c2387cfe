//! Getting in and out: set-up, one-time links, sign-in, sign-out; and one's own account.
mod agent;
pub mod invitation;
pub mod notices;
pub mod profile;
pub mod set_up;
pub mod sign_in;
pub mod sign_out;

use crate::domain::account::Client;

use super::caller::Caller;

impl From<Caller> for Client {
    fn from(caller: Caller) -> Self {
        Self { address: caller.address.to_string(), user_agent: caller.user_agent }
    }
}
