//! A permission that something needs, and whether the account has it.
use serde::{Deserialize, Serialize};

use super::cause::Cause;
use super::flow::FlowKind;
use super::report::Fault;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Missing,
    /// It could not be found out: the thing is not there, or the service does not say.
    Unknown,
    Granted,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Need {
    /// In the service's words: `SELECT on shop.orders`, `s3:ListBucket`, a scope.
    pub what: String,
    pub standing: Standing,
    /// The exact statement, policy or scope that grants it.
    pub cure: Option<String>,
    /// Why it is not known.
    pub why: Option<String>,
}

impl Need {
    pub fn new(what: impl Into<String>, standing: Standing) -> Self {
        Self { what: what.into(), standing, cure: None, why: None }
    }

    /// Granted, or missing with what grants it.
    pub fn of(what: impl Into<String>, is_granted: bool, cure: impl Into<String>) -> Self {
        let standing = if is_granted { Standing::Granted } else { Standing::Missing };
        Self { cure: (!is_granted).then(|| cure.into()), ..Self::new(what, standing) }
    }

    pub fn unknown(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { why: Some(why.into()), ..Self::new(what, Standing::Unknown) }
    }

    /// What a harmless try showed. A refusal says that it is missing; any other fault says nothing of it.
    pub fn tried<T>(what: impl Into<String>, tried: Result<T, Fault>) -> Self {
        match tried {
            Ok(_) => Self::new(what, Standing::Granted),
            Err(fault) if fault.cause == Cause::Forbidden => {
                Self { cure: fault.cure, ..Self::new(what, Standing::Missing) }
            }
            Err(fault) => Self { why: fault.detail, ..Self::new(what, Standing::Unknown) },
        }
    }
}

/// What the service itself needs, or one source or destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Needs {
    /// `None`: the service itself.
    pub flow: Option<(FlowKind, String)>,
    pub needs: Vec<Need>,
}
