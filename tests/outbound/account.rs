//! What a person typed for a service, and what came of trying it.
use std::sync::OnceLock;

use authorizers::catalog::Catalog;
use authorizers::catalog::field::Load;
use authorizers::model::cause::Cause;
use authorizers::model::credentials::{Credentials, Secret};
use authorizers::model::report::{Report, Step, StepKind, StepVerdict};
use authorizers::model::values::Values;
use authorizers::outbound::policy::Policy;
use authorizers::outbound::{Account, Outbound};

fn catalog() -> &'static Catalog {
    static CATALOG: OnceLock<Catalog> = OnceLock::new();
    CATALOG.get_or_init(|| Catalog::load(None, false))
}

/// A filled form of credentials.
#[derive(Clone)]
pub struct Typed {
    service: &'static str,
    credentials: Credentials,
}

impl Typed {
    pub fn new(service: &'static str, values: &[(&str, &str)]) -> Self {
        let typed = Self { service, credentials: Credentials::default() };
        values.iter().fold(typed, |typed, (key, value)| typed.with(key, value))
    }

    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.credentials.values.insert(key.to_owned(), Secret::new(value));
        self
    }

    pub fn account(&self) -> Account<'_> {
        let service = catalog().get(self.service).expect("a service of the catalogue");
        Account { service, auth: &service.auths[0], credentials: &self.credentials, app: None }
    }
}

/// May call this machine, as tests must.
pub fn out() -> Outbound {
    Outbound::new(Policy { allow: vec!["127.0.0.0/8".parse().unwrap()] })
}

pub fn settings(pairs: &[(&str, &str)]) -> Values {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

pub fn list(name: &str) -> Load {
    let toml = format!("list = \"{name}\"");
    toml::from_str(&toml).expect("a load")
}

/// The steps by kind and verdict, as one readable line.
pub fn line(report: &Report) -> String {
    let word = |step: &Step| {
        let verdict = match step.verdict {
            StepVerdict::Passed => "ok",
            StepVerdict::Failed => "FAILED",
            StepVerdict::Warned => "warned",
            StepVerdict::Skipped => "-",
        };
        format!("{:?} {verdict}", step.kind)
    };
    report.steps.iter().map(word).collect::<Vec<_>>().join(", ")
}

/// The step that failed, with its cause and the fields it marks; panics with the whole report otherwise.
#[track_caller]
pub fn failed<'a>(report: &'a Report, kind: StepKind, cause: Cause, fields: &[&str]) -> &'a Step {
    let step = report.failure().unwrap_or_else(|| panic!("nothing failed: {report:#?}"));
    let seen = (step.kind, step.cause, step.fields.clone());
    assert_eq!(
        seen,
        (kind, Some(cause), fields.iter().map(|f| (*f).to_owned()).collect()),
        "{report:#?}"
    );
    assert!(report.identity.is_none(), "a failed test proves no identity");
    step
}
