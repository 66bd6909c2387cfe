//! Keys that a service can be asked to end: the call carries the key itself, and a call after it must be refused.
use super::api::{self, Ask};
use super::http::place;
use super::oauth::Revocation;
use super::oauth::revoke::is_refusal;
use super::{Account, Outbound, probe};
use crate::catalog::auth::KeyRevokeSpec;
use crate::model::report::Fault;
use crate::model::values::Values;

impl Outbound {
    pub(super) async fn revoke_key(&self, account: &Account<'_>) -> Revocation {
        let Some(revoke) = &account.auth.revoke else {
            return Revocation::NoEndpoint;
        };
        let asked = self.end_key(account, revoke).await;
        let proof = match asked {
            // Refused as a key that is not (any more) known: the proof decides.
            Err(ref fault) if !is_refusal(fault.cause) => {
                return Revocation::Failed(api::clean(account, fault.clone()));
            }
            _ => self.prove_key(account).await,
        };
        match (proof, asked) {
            (Err(fault), _) if is_refusal(fault.cause) => Revocation::Confirmed,
            (_, Err(fault)) => Revocation::Failed(api::clean(account, fault)),
            _ => Revocation::Accepted,
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

    /// The first test of the service's file, which a key that works passes.
    async fn prove_key(&self, account: &Account<'_>) -> Result<(), Fault> {
        let Some(test) = account.service.tests.first() else {
            return Ok(());
        };
        probe::http::asked(self, account, &Values::new(), test).await.map(|_| ())
    }
}
