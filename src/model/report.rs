//! A test: an ordered list of steps against the real service.
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::authorizer::{Identity, Verdict as HealthVerdict};
use super::cause::Cause;
use super::time::Moment;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// Nothing was called yet: what is stored is held against the service's file.
    ServiceFile,
    FindHost,
    Connect,
    Tunnel,
    Tls,
    Token,
    SignIn,
    Identity,
    Permissions,
    Read,
    Write,
    CleanUp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepVerdict {
    Passed,
    Failed,
    /// Something is missing that the account can live without.
    Warned,
    /// Not reached, because an earlier step failed.
    Skipped,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub kind: StepKind,
    /// What was tried, in the service's words: `db1.example, port 5432`, `GET /v1/me`. No secrets.
    pub what: String,
    pub verdict: StepVerdict,
    pub millis: u64,
    pub cause: Option<Cause>,
    /// Keys of the fields to mark.
    pub fields: Vec<String>,
    /// The service's own answer: redacted and cut (`outbound::redact`).
    pub detail: Option<String>,
    /// A statement, scope or policy to copy that cures it.
    pub cure: Option<String>,
    /// Seconds that the service asked us to wait.
    #[serde(skip)]
    pub retry_after: Option<u64>,
}

impl Step {
    pub fn passed(kind: StepKind, what: impl Into<String>, millis: u64) -> Self {
        Self {
            kind,
            what: what.into(),
            verdict: StepVerdict::Passed,
            millis,
            cause: None,
            fields: Vec::new(),
            detail: None,
            cure: None,
            retry_after: None,
        }
    }

    pub fn failed(kind: StepKind, what: impl Into<String>, millis: u64, fault: Fault) -> Self {
        Self {
            kind,
            what: what.into(),
            verdict: StepVerdict::Failed,
            millis,
            cause: Some(fault.cause),
            fields: fault.fields,
            detail: fault.detail,
            cure: fault.cure,
            retry_after: fault.retry_after,
        }
    }

    pub fn skipped(kind: StepKind, what: impl Into<String>) -> Self {
        let mut step = Self::passed(kind, what, 0);
        step.verdict = StepVerdict::Skipped;
        step
    }
}

/// What went wrong in a call that left the house.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub cause: Cause,
    pub fields: Vec<String>,
    pub detail: Option<String>,
    pub cure: Option<String>,
    /// The provider asked to wait this long (`Retry-After`), in seconds.
    pub retry_after: Option<u64>,
    /// The request may have gone out whole, and what became of it is not known.
    pub is_in_doubt: bool,
    /// The service refused without a reason that we know: the cause is a guess.
    pub is_unexplained: bool,
}

impl Fault {
    pub fn new(cause: Cause) -> Self {
        Self {
            cause,
            fields: Vec::new(),
            detail: None,
            cure: None,
            retry_after: None,
            is_in_doubt: false,
            is_unexplained: false,
        }
    }

    /// What it says of the account; the next try is when the service asked for it, if it did.
    pub fn verdict(&self, now: Moment) -> HealthVerdict {
        let asked = self.retry_after.map(|seconds| now.plus(Duration::from_secs(seconds)));
        HealthVerdict {
            next_try_at: asked,
            ..HealthVerdict::failed(self.cause, self.fields.clone(), self.detail.clone())
        }
    }

    #[must_use]
    pub fn marks(mut self, fields: &[&str]) -> Self {
        self.fields = fields.iter().map(|f| (*f).to_owned()).collect();
        self
    }

    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    #[must_use]
    pub fn cure(mut self, cure: impl Into<String>) -> Self {
        self.cure = Some(cure.into());
        self
    }
}

/// All steps of one test and what they proved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub steps: Vec<Step>,
    /// Who the service says we are, if it said so.
    pub identity: Option<Identity>,
}

impl Report {
    pub fn failure(&self) -> Option<&Step> {
        self.steps.iter().find(|step| step.verdict == StepVerdict::Failed)
    }

    pub fn failure_mut(&mut self) -> Option<&mut Step> {
        self.steps.iter_mut().find(|step| step.verdict == StepVerdict::Failed)
    }

    pub fn is_ok(&self) -> bool {
        self.failure().is_none()
            && self.steps.iter().any(|step| step.verdict == StepVerdict::Passed)
    }

    /// What it says of the account; the next try is when the service asked for it, if it did.
    pub fn health(&self, now: Moment) -> HealthVerdict {
        let Some(step) = self.failure() else {
            return HealthVerdict::ok();
        };
        let cause = step.cause.unwrap_or(Cause::MalformedAnswer);
        let asked = step.retry_after.map(|seconds| now.plus(Duration::from_secs(seconds)));
        HealthVerdict {
            next_try_at: asked,
            ..HealthVerdict::failed(cause, step.fields.clone(), step.detail.clone())
        }
    }
}
