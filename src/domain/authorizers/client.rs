//! The one way to call a service as an authorizer: with a fresh token, and once more with a renewed one if the service
//! refuses the first.
use std::time::{Duration, Instant};

use crate::catalog::field::Load;
use crate::domain::{Ctx, Error};
use crate::model::cause::Cause;
use crate::model::ids::AuthorizerId;
use crate::model::report::{Fault, Report};
use crate::model::table::{LoadedChoice, Table};
use crate::model::values::Values;
use crate::outbound::{Account, OnStep, Outbound, TEST_LIMIT};

use super::account::{self, OpenAccount};
use super::refresh::{self, Waiter};

/// An authorizer that is open for calls. Its token is renewed by force at most once, however many calls are made.
pub struct AuthorizedClient {
    open: OpenAccount,
    waiter: Waiter,
    has_forced: bool,
    began: Instant,
}

/// How long all that a page waits for may take together. A proxy gives up after 30 seconds.
const PAGE_LIMIT: Duration = Duration::from_secs(25);

/// What a call answered, as far as it says that the service refused the token.
pub trait Answer {
    fn cause(&self) -> Option<Cause>;
    /// Says `cause` in place of the one that the call found.
    fn blame(&mut self, cause: Cause);
}

impl<T> Answer for Result<T, Fault> {
    fn cause(&self) -> Option<Cause> {
        self.as_ref().err().map(|fault| fault.cause)
    }

    fn blame(&mut self, cause: Cause) {
        if let Err(fault) = self {
            fault.cause = cause;
        }
    }
}

impl Answer for Report {
    fn cause(&self) -> Option<Cause> {
        self.failure().and_then(|step| step.cause)
    }

    fn blame(&mut self, cause: Cause) {
        if let Some(step) = self.failure_mut() {
            step.cause = Some(cause);
        }
    }
}

/// A call that can be made twice.
pub trait Call {
    type Answer: Answer + Send;

    fn make(
        &mut self,
        out: &Outbound,
        account: &Account<'_>,
    ) -> impl Future<Output = Self::Answer> + Send;
}

/// The service's own test. Each step is told as it finishes.
pub struct Test<'a>(pub OnStep<'a>);

impl Call for Test<'_> {
    type Answer = Report;

    async fn make(&mut self, out: &Outbound, account: &Account<'_>) -> Report {
        out.test(account, &mut *self.0).await
    }
}

/// The first rows of a source.
pub struct Preview<'a> {
    pub settings: &'a Values,
}

impl Call for Preview<'_> {
    type Answer = Result<Table, Fault>;

    async fn make(&mut self, out: &Outbound, account: &Account<'_>) -> Result<Table, Fault> {
        out.preview(account, self.settings).await
    }
}

/// The proof that a destination may be written to.
pub struct TestWrite<'a> {
    pub settings: &'a Values,
}

impl Call for TestWrite<'_> {
    type Answer = Report;

    async fn make(&mut self, out: &Outbound, account: &Account<'_>) -> Report {
        out.test_write(account, self.settings, &mut |_| ()).await
    }
}

/// The choices of one setting.
pub struct LoadChoices<'a> {
    pub load: &'a Load,
    pub settings: &'a Values,
}

impl Call for LoadChoices<'_> {
    type Answer = Result<Vec<LoadedChoice>, Fault>;

    async fn make(
        &mut self,
        out: &Outbound,
        account: &Account<'_>,
    ) -> Result<Vec<LoadedChoice>, Fault> {
        out.choices(account, self.load, self.settings).await
    }
}

impl AuthorizedClient {
    pub async fn open(ctx: &Ctx, id: &AuthorizerId, waiter: Waiter) -> Result<Self, Error> {
        let began = Instant::now();
        let open = account::open_for(ctx, id, waiter).await?;
        Ok(Self { open, waiter, has_forced: false, began })
    }

    pub fn authorizer(&self) -> &OpenAccount {
        &self.open
    }

    /// Calls the service. If it refuses the token, the token is renewed once and the call is made again; a refusal of
    /// the new token is told as such, and says nothing of the grant. `Error::Fault`: the token could not be renewed.
    pub async fn call<C: Call>(&mut self, ctx: &Ctx, mut call: C) -> Result<C::Answer, Error> {
        let mut answer = call.make(&ctx.outbound, &self.open.account()).await;
        if !self.is_token_refused(&answer) {
            return Ok(answer);
        }
        if !self.has_forced {
            self.has_forced = true;
            self.open = refresh::force(ctx, &self.open, self.waiter).await?;
            let (left, account) = (self.left(), self.open.account());
            let again = tokio::time::timeout(left, call.make(&ctx.outbound, &account)).await;
            answer = again.map_err(|_| Error::Fault(Fault::new(Cause::Timeout)))?;
        }
        if self.is_token_refused(&answer) {
            answer.blame(Cause::FreshTokenRefused);
        }
        Ok(answer)
    }

    /// How long a call that is made again may take: a page must answer.
    fn left(&self) -> Duration {
        match self.waiter {
            Waiter::Page => PAGE_LIMIT.saturating_sub(self.began.elapsed()),
            Waiter::Background => TEST_LIMIT,
        }
    }

    /// Without a refresh token there is nothing to renew it with: the refusal stands as the call found it.
    fn is_token_refused(&self, answer: &impl Answer) -> bool {
        let tokens = self.open.credentials.tokens.as_ref();
        tokens.is_some_and(|tokens| tokens.refresh.is_some())
            && answer.cause().is_some_and(Cause::is_of_token)
    }
}
