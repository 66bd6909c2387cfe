//! Getting in and out: set-up, one-time links, sign-in, sign-out; and one's own account.
mod agent;
pub mod invitation;
pub mod notices;
pub mod profile;
pub mod set_up;
pub mod sign_in;
pub mod sign_out;

use crate::domain::Ctx;
use crate::domain::account::{self, Client};

use super::caller::Caller;
use super::error::PageError;
use super::limits::{Limits, PasswordAttempt};

impl From<Caller> for Client {
    fn from(caller: Caller) -> Self {
        Self { address: caller.address.to_string(), user_agent: caller.user_agent }
    }
}

/// A try of a password, from where this caller is. The database is asked only while the account is
/// being guessed from many places.
async fn attempt<'a>(
    ctx: &Ctx,
    limits: &Limits,
    caller: &Caller,
    email: &'a str,
) -> Result<PasswordAttempt<'a>, PageError> {
    let network = caller.network();
    let is_suspect = limits.is_guessed(email, ctx.clock.uptime())
        && !account::is_known_from(ctx, email, network).await?;
    Ok(PasswordAttempt { network, account: email, is_suspect })
}
