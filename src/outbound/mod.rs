//! Calls that leave the house. One guarded HTTP client, one guarded dialler; answers come back as nouns,
//! faults as causes, texts redacted.
pub mod account;
pub mod dial;
pub mod oauth;
pub mod policy;
pub mod probe;
pub mod redact;
pub mod ssh;
pub mod tls;

use std::collections::BTreeMap;

use crate::catalog::field::Load;
use crate::catalog::http::TestSpec;
use crate::model::report::{Fault, Report, Step};
use crate::model::table::{LoadedChoice, Table};
use crate::model::values::Values;

pub use account::Account;

/// Told of each step as it finishes.
pub type OnStep<'a> = &'a mut (dyn FnMut(Step) + Send);

/// Hard limit of a whole test.
pub const TEST_LIMIT: std::time::Duration = std::time::Duration::from_secs(15);

/// Everything that may leave the house. Cheap to clone.
#[derive(Clone)]
pub struct Outbound {
    policy: std::sync::Arc<policy::Policy>,
}

impl Outbound {
    pub fn new(policy: policy::Policy) -> Self {
        Self { policy: std::sync::Arc::new(policy) }
    }

    pub fn policy(&self) -> &policy::Policy {
        &self.policy
    }

    /// The ordered test of an account. Never longer than `TEST_LIMIT`; a hanging step ends as `Timeout`.
    pub async fn test(&self, _account: &Account<'_>, _on_step: OnStep<'_>) -> Report {
        Report::default()
    }

    /// Proves the right to write to where a destination points, and leaves nothing behind.
    pub async fn test_write(&self, _account: &Account<'_>, _settings: &Values, _on_step: OnStep<'_>) -> Report {
        Report::default()
    }

    /// The choices of a setting, loaded live.
    pub async fn choices(&self, _account: &Account<'_>, _load: &Load, _settings: &Values) -> Result<Vec<LoadedChoice>, Fault> {
        Ok(Vec::new())
    }

    /// The first rows of a real read.
    pub async fn preview(&self, _account: &Account<'_>, _settings: &Values) -> Result<Table, Fault> {
        Ok(Table::default())
    }
}

/// Unused so far: keeps the imports of the skeleton honest.
pub type Placeholders = BTreeMap<String, String>;
pub type Tests = Vec<TestSpec>;
