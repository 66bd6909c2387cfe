//! Why the service file of an authorizer does not fit it. Derived when a row is read, never stored: another process may
//! have read another file.
use super::cause::Cause;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileProblem {
    /// No file describes the service.
    Missing,
    /// The file has errors and was not taken in.
    Broken,
    /// The file no longer has the way by which the account was authorized (its id).
    MethodGone(String),
    /// The file asks for fields that have no value (their keys).
    FieldsMissing(Vec<String>),
    /// The file names places that it did not name when the secrets were typed.
    DestinationsChanged(Vec<String>),
}

impl FileProblem {
    pub fn cause(&self) -> Cause {
        match self {
            Self::Missing => Cause::ServiceFileMissing,
            Self::Broken => Cause::ServiceFileBroken,
            Self::MethodGone(_) => Cause::MethodGone,
            Self::FieldsMissing(_) => Cause::FieldsMissing,
            Self::DestinationsChanged(_) => Cause::DestinationChanged,
        }
    }

    /// What exactly is wrong, for admins.
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::Missing | Self::Broken => None,
            Self::MethodGone(id) => {
                Some(format!("the service file has no [[auth]] with the id {id}"))
            }
            Self::FieldsMissing(keys) => Some(format!("no value for: {}", keys.join(", "))),
            Self::DestinationsChanged(places) => {
                Some(format!("not named when the secrets were entered: {}", places.join(", ")))
            }
        }
    }

    /// Keys of the fields to mark.
    pub fn fields(&self) -> Vec<String> {
        match self {
            Self::FieldsMissing(keys) => keys.clone(),
            Self::Missing | Self::Broken | Self::MethodGone(_) | Self::DestinationsChanged(_) => {
                Vec::new()
            }
        }
    }
}
