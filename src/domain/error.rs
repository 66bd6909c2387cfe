//! What a verb may refuse with. One enum for all features: their refusals are the same few.
use crate::model::outage::Outage;
use crate::model::problems::Problems;
use crate::model::report::Fault;
use crate::store::StoreError;

use super::actor::Forbidden;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    #[error("there is no such thing")]
    NotFound,
    /// Somebody else changed it in between.
    #[error("changed by somebody else in between")]
    Stale,
    /// A person must correct something.
    #[error("the form has problems")]
    Problems(Problems),
    /// Refused while something depends on it.
    #[error("still in use")]
    InUse,
    /// Its secret cannot be opened with the keys we have.
    #[error("sealed with a key that is not there")]
    Locked,
    #[error(transparent)]
    Seal(#[from] crate::crypto::SealError),
    /// It is not in a state in which this can be done (revoked, already being done).
    #[error("not possible in its present state: {0}")]
    WrongState(&'static str),
    /// This looks like a restored copy: it touches no grant until an admin confirms that it is the live one.
    #[error("it looks like a restored copy")]
    Paused,
    /// The token is being renewed, and that takes longer than a page waits. It goes on.
    #[error("its token is being renewed")]
    Renewing,
    /// A call that left the house failed.
    #[error("the service did not do it: {}", .0.cause.code())]
    Fault(Fault),
    #[error(transparent)]
    Store(StoreError),
}

impl Error {
    /// A unique value that another writer has taken in the same moment.
    pub fn is_taken(&self) -> bool {
        matches!(self, Self::Store(StoreError::Taken { .. }))
    }

    /// Why the database couldn't do it, if that is what failed.
    pub fn outage(&self) -> Option<Outage> {
        match self {
            Self::Store(StoreError::Unavailable(outage)) => Some(*outage),
            _ => None,
        }
    }
}

impl From<Problems> for Error {
    fn from(problems: Problems) -> Self {
        Self::Problems(problems)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::InUse => Self::InUse,
            other => Self::Store(other),
        }
    }
}
