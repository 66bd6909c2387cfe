//! Keys that a service can be asked to end: the call carries the key itself, and a call after it must be refused.
use super::api::{self, Ask};
use super::http::place;
use super::oauth::RevocationAnswer;
use super::oauth::revoke::{OldToken, is_refusal};
use super::{Account, Outbound};
use crate::catalog::revoke::KeyRevokeSpec;
use crate::model::report::Fault;
use crate::model::revocation::RevocationOutcome;
use crate::model::values::Values;

impl Outbound {
    pub(super) async fn revoke_key(&self, account: &Account<'_>) -> RevocationAnswer {
        let Some(revoke) = &account.auth.revoke else {
            return RevocationAnswer::new(RevocationOutcome::NoEndpoint);
        };
        let asked = self.end_key(account, revoke).await;
        let proof = match &asked {
            // Refused as a key that is not (any more) known: the proof decides.
            Err(fault) if !is_refusal(fault.cause) => {
                return RevocationAnswer::failed(api::clean(account, fault.clone()));
            }
            _ => self.try_old_token(account).await,
        };
        match (proof, asked) {
            (OldToken::Refused, _) => RevocationAnswer::new(RevocationOutcome::Proved),
            (_, Err(fault)) => RevocationAnswer::failed(api::clean(account, fault)),
            (OldToken::Works, Ok(())) => RevocationAnswer::new(RevocationOutcome::StillWorks),
            (OldToken::Unknown, Ok(())) => RevocationAnswer::new(RevocationOutcome::Unproved),
        }
    }

    /// Whatever it answers beside a refusal: not every service answers JSON here.
    async fn end_key(&self, account: &Account<'_>, revoke: &KeyRevokeSpec) -> Result<(), Fault> {
        let ask = Ask {
            method: revoke.method,
            query: &revoke.query,
            body: revoke.body.as_ref(),
            ..Ask::get(&revoke.path)
        };
        let call = api::call(account, &Values::new(), &ask)?;
        let place = place(call.method, &call.url);
        let answer = self.http().send(call).await?;
        if answer.is_success() {
            return Ok(());
        }
        let fault = Fault {
            retry_after: answer.retry_after(),
            ..Fault::new(api::general(&answer, account))
        };
        Err(fault.detail(api::said(&place, &answer, &answer.text())))
    }
}
