//! Runs the steps of a test: times each, reports it, and says which ones were not reached.
use std::collections::VecDeque;
use std::future::Future;
use std::time::{Duration, Instant};

use crate::model::authorizer::Identity;
use crate::model::cause::Cause;
use crate::model::report::{Fault, Report, Step, StepKind, StepVerdict};
use crate::outbound::{Account, OnStep, TEST_LIMIT, redact};

/// All steps together stay below the limit of a test, so that the step that hangs is the one that is blamed.
const ALL_LIMIT: Duration = TEST_LIMIT.saturating_sub(Duration::from_millis(500));

/// A step to come.
pub struct Planned {
    pub kind: StepKind,
    /// What is tried, as it is shown.
    pub what: String,
    pub limit: Duration,
    /// The fields to mark when it takes too long.
    pub marks: &'static [&'static str],
}

impl Planned {
    pub fn new(
        kind: StepKind,
        what: impl Into<String>,
        seconds: u64,
        marks: &'static [&'static str],
    ) -> Self {
        Self { kind, what: what.into(), limit: Duration::from_secs(seconds), marks }
    }
}

/// What a step found.
pub struct Found<T> {
    value: T,
    what: Option<String>,
    warning: Option<Fault>,
}

impl<T> Found<T> {
    pub fn new(value: T) -> Self {
        Self { value, what: None, warning: None }
    }

    /// More to say than what was planned.
    #[must_use]
    pub fn told(mut self, what: impl Into<String>) -> Self {
        self.what = Some(what.into());
        self
    }

    /// It works, but something is missing.
    #[must_use]
    pub fn warned(mut self, fault: Option<Fault>) -> Self {
        self.warning = fault;
        self
    }
}

/// The steps of one test, in their order.
pub struct Steps<'a> {
    account: &'a Account<'a>,
    on_step: OnStep<'a>,
    plan: VecDeque<Planned>,
    report: Report,
    ends: Instant,
}

impl<'a> Steps<'a> {
    pub fn new(account: &'a Account<'a>, on_step: OnStep<'a>) -> Self {
        Self {
            account,
            on_step,
            plan: VecDeque::new(),
            report: Report::default(),
            ends: Instant::now() + ALL_LIMIT,
        }
    }

    /// Steps to come, after those that were planned before.
    pub fn plan(&mut self, more: Vec<Planned>) {
        self.plan.extend(more);
    }

    /// Runs the next step of the plan, which is of this kind.
    pub async fn run<T>(
        &mut self,
        kind: StepKind,
        work: impl Future<Output = Result<Found<T>, Fault>>,
    ) -> Result<T, Fault> {
        let Some(planned) = self.plan.pop_front() else {
            return Err(
                Fault::new(Cause::MalformedAnswer).detail(format!("{kind:?} was not planned"))
            );
        };
        debug_assert_eq!(planned.kind, kind, "steps run in the order of the plan");
        let started = Instant::now();
        let limit = planned.limit.min(self.ends.saturating_duration_since(started));
        let ended = tokio::time::timeout(limit, work)
            .await
            .unwrap_or_else(|_| Err(late(&planned, started.elapsed())));
        let ended = ended.map_err(|fault| clean(self.account, fault));
        let millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        match ended {
            Ok(found) => {
                let what = found.what.unwrap_or(planned.what);
                let step = match found.warning {
                    None => Step::passed(kind, what, millis),
                    Some(fault) => warned(Step::failed(kind, what, millis, fault)),
                };
                self.tell(step);
                Ok(found.value)
            }
            Err(fault) => {
                self.tell(Step::failed(kind, planned.what, millis, fault.clone()));
                Err(fault)
            }
        }
    }

    /// The report. What was not reached is in it, too; a fault before the first step (a field that is no port) is told
    /// by that step.
    pub fn end(mut self, result: Result<Identity, Fault>) -> Report {
        if let (Err(fault), None) = (&result, self.report.failure()) {
            let (kind, what) = self
                .plan
                .pop_front()
                .map_or((StepKind::FindHost, "What was typed".to_owned()), |first| {
                    (first.kind, first.what)
                });
            let fault = clean(self.account, fault.clone());
            self.tell(Step::failed(kind, what, 0, fault));
        }
        while let Some(planned) = self.plan.pop_front() {
            self.tell(Step::skipped(planned.kind, planned.what));
        }
        self.report.identity = result.ok();
        self.report
    }

    fn tell(&mut self, step: Step) {
        self.report.steps.push(step.clone());
        (self.on_step)(step);
    }
}

/// Takes the account's secrets out of what a service said, and cuts it.
pub fn clean(account: &Account<'_>, mut fault: Fault) -> Fault {
    fault.detail = fault.detail.map(|said| scrub(account, &said));
    fault
}

/// A text of the service without the account's secrets, cut.
pub fn scrub(account: &Account<'_>, said: &str) -> String {
    let of_fields =
        account.auth.fields.iter().filter(|field| field.secret).map(|field| field.key.as_str());
    let secrets: Vec<&str> =
        of_fields.chain(SECRETS.iter().copied()).filter_map(|key| account.value(key)).collect();
    redact::clean(said, &secrets)
}

/// Secrets whatever the service's file says of them.
const SECRETS: &[&str] = &[
    "password",
    "ssh_password",
    "ssh_key",
    "ssh_key_passphrase",
    "secret_access_key",
    "session_token",
    "private_key",
    "passphrase",
];

fn warned(mut step: Step) -> Step {
    step.verdict = StepVerdict::Warned;
    step
}

fn late(planned: &Planned, waited: Duration) -> Fault {
    let said = format!("No answer within {:.1} seconds.", waited.as_secs_f32());
    Fault::new(Cause::Timeout).marks(planned.marks).detail(said)
}
