//! Calls that leave the house. One guarded HTTP client, one guarded dialler; answers come back as nouns,
//! faults as causes, texts redacted.
pub mod account;
pub mod api;
mod body;
mod compute;
pub mod dial;
mod framed;
pub mod http;
pub mod json;
mod keys;
pub mod mail;
pub mod oauth;
mod oauth1;
pub mod pointer;
pub mod policy;
pub mod probe;
pub mod redact;
pub mod render;
pub mod ssh;
pub mod tls;
pub mod webhook;

use std::sync::Arc;

use crate::catalog::field::Load;
use crate::catalog::service::Driver;
use crate::clock::Clock;
use crate::model::cause::Cause;
use crate::model::need::Need;
use crate::model::report::{Fault, Report, Step, StepKind};
use crate::model::table::{LoadedChoice, Table};
use crate::model::time::Moment;
use crate::model::values::Values;

pub use account::Account;
pub use http::TOKEN_LIMIT;
pub use probe::NeededBy;

use probe::{http as http_probe, mysql, postgres, s3, sftp};

/// Told of each step as it finishes.
pub type OnStep<'a> = &'a mut (dyn FnMut(Step) + Send);

/// Hard limit of a whole test.
pub const TEST_LIMIT: std::time::Duration = std::time::Duration::from_secs(15);

/// Everything that may leave the house. Cheap to clone.
///
/// The futures of drivers are boxed: the future of a page would hold those of all, and a thread's stack is small.
#[derive(Clone)]
pub struct Outbound {
    policy: Arc<policy::Policy>,
    http: http::Http,
    clock: Clock,
    compute: compute::Compute,
    /// `None`: the operator named no mail server.
    mail: Option<mail::Mailer>,
}

impl Outbound {
    pub fn new(policy: policy::Policy) -> Self {
        Self::with_clock(policy, Clock::System)
    }

    /// `clock` tells when tokens were issued.
    pub fn with_clock(policy: policy::Policy, clock: Clock) -> Self {
        Self::with_patience(policy, clock, std::time::Duration::MAX)
    }

    /// No HTTP call takes longer than `longest`.
    pub fn with_patience(
        policy: policy::Policy,
        clock: Clock,
        longest: std::time::Duration,
    ) -> Self {
        let policy = Arc::new(policy);
        Self {
            http: http::Http::new(Arc::clone(&policy), longest),
            policy,
            clock,
            compute: compute::Compute::default(),
            mail: None,
        }
    }

    #[must_use]
    pub fn with_mail(self, mail: Option<mail::Mailer>) -> Self {
        Self { mail, ..self }
    }

    pub fn mail(&self) -> Option<&mail::Mailer> {
        self.mail.as_ref()
    }

    pub fn policy(&self) -> &policy::Policy {
        &self.policy
    }

    pub fn http(&self) -> &http::Http {
        &self.http
    }

    fn compute(&self) -> &compute::Compute {
        &self.compute
    }

    /// No HTTP call takes longer.
    pub fn longest(&self) -> std::time::Duration {
        self.http.longest()
    }

    fn now(&self) -> Moment {
        self.clock.now()
    }

    /// The ordered test of an account. Never longer than `TEST_LIMIT`; a hanging step ends as `Timeout`.
    pub async fn test(&self, account: &Account<'_>, on_step: OnStep<'_>) -> Report {
        let mut steps = Vec::new();
        let mut told = |step: Step| {
            steps.push(step.clone());
            on_step(step);
        };
        let work = async {
            match account.service.head.driver {
                Driver::Http => Box::pin(http_probe::test(self, account, &mut told)).await,
                Driver::Postgresql => Box::pin(postgres::test(self, account, &mut told)).await,
                Driver::Mysql => Box::pin(mysql::test(self, account, &mut told)).await,
                Driver::S3 => Box::pin(s3::test(self, account, &mut told)).await,
                Driver::Sftp => Box::pin(sftp::test(self, account, &mut told)).await,
            }
        };
        let ended = tokio::time::timeout(TEST_LIMIT, work).await;
        ended.unwrap_or_else(|_| cut_off(steps))
    }

    /// Proves the right to write to where a destination points, and leaves nothing behind.
    pub async fn test_write(
        &self,
        account: &Account<'_>,
        settings: &Values,
        on_step: OnStep<'_>,
    ) -> Report {
        let mut steps = Vec::new();
        let mut told = |step: Step| {
            steps.push(step.clone());
            on_step(step);
        };
        let work = async {
            match account.service.head.driver {
                Driver::Http => {
                    Box::pin(http_probe::test_write(self, account, settings, &mut told)).await
                }
                Driver::Postgresql => {
                    Box::pin(postgres::test_write(self, account, settings, &mut told)).await
                }
                Driver::Mysql => {
                    Box::pin(mysql::test_write(self, account, settings, &mut told)).await
                }
                Driver::S3 => Box::pin(s3::test_write(self, account, settings, &mut told)).await,
                Driver::Sftp => {
                    Box::pin(sftp::test_write(self, account, settings, &mut told)).await
                }
            }
        };
        let ended = tokio::time::timeout(TEST_LIMIT, work).await;
        ended.unwrap_or_else(|_| cut_off(steps))
    }

    /// The rights that each of these needs, in their order, found out by tries that change nothing. What has no such
    /// tries has no needs here: scopes are the domain's to compare.
    pub async fn needs(
        &self,
        account: &Account<'_>,
        asked: &[NeededBy],
    ) -> Result<Vec<Vec<Need>>, Fault> {
        let mut found = match account.service.head.driver {
            Driver::Http | Driver::Sftp => asked.iter().map(|_| Vec::new()).collect(),
            Driver::Postgresql => Box::pin(postgres::needs(self, account, asked)).await?,
            Driver::Mysql => Box::pin(mysql::needs(self, account, asked)).await?,
            Driver::S3 => Box::pin(s3::needs(self, account, asked)).await?,
        };
        found.iter_mut().for_each(|needs| probe::scrub(account, needs));
        Ok(found)
    }

    /// The choices of a setting, loaded live.
    pub async fn choices(
        &self,
        account: &Account<'_>,
        load: &Load,
        settings: &Values,
    ) -> Result<Vec<LoadedChoice>, Fault> {
        let work = async {
            match account.service.head.driver {
                Driver::Http => Box::pin(http_probe::choices(self, account, load, settings)).await,
                Driver::Postgresql => {
                    Box::pin(postgres::choices(self, account, load, settings)).await
                }
                Driver::Mysql => Box::pin(mysql::choices(self, account, load, settings)).await,
                Driver::S3 => Box::pin(s3::choices(self, account, load, settings)).await,
                Driver::Sftp => Box::pin(sftp::choices(self, account, load, settings)).await,
            }
        };
        tokio::time::timeout(TEST_LIMIT, work)
            .await
            .unwrap_or_else(|_| Err(Fault::new(Cause::Timeout)))
    }

    /// The first rows of a real read.
    pub async fn preview(&self, account: &Account<'_>, settings: &Values) -> Result<Table, Fault> {
        let work = async {
            match account.service.head.driver {
                Driver::Http => Box::pin(http_probe::preview(self, account, settings)).await,
                Driver::Postgresql => Box::pin(postgres::preview(self, account, settings)).await,
                Driver::Mysql => Box::pin(mysql::preview(self, account, settings)).await,
                Driver::S3 => Box::pin(s3::preview(self, account, settings)).await,
                Driver::Sftp => Box::pin(sftp::preview(self, account, settings)).await,
            }
        };
        tokio::time::timeout(TEST_LIMIT, work)
            .await
            .unwrap_or_else(|_| Err(Fault::new(Cause::Timeout)))
    }
}

/// Steps that finished before the limit are kept; what was running then is told to have taken too long.
fn cut_off(mut steps: Vec<Step>) -> Report {
    steps.push(Step::failed(
        StepKind::SignIn,
        "Stopped after 15 seconds",
        0,
        Fault::new(Cause::Timeout),
    ));
    Report { steps, identity: None }
}
