//! What keeps a page from being drawn. `error_page.rs` turns it into a page.
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};

use crate::domain::Error;
use crate::model::outage::Outage;

use super::{outage, paths, wording};

#[derive(Clone, Debug, thiserror::Error)]
pub enum PageError {
    #[error("there is no such page")]
    NotFound,
    #[error("this address does not take this method")]
    WrongMethod,
    #[error("this role may not do that")]
    Forbidden,
    /// The form did not come from one of our pages, or is from before the last sign-in.
    #[error("the form's token is missing or old")]
    Csrf,
    #[error("the body is not a form")]
    BadForm,
    /// It may have so many bytes.
    #[error("the body has more than {0} bytes")]
    TooLarge(usize),
    #[error("the body didn't come to its end in time")]
    TooSlow,
    #[error("signing in is needed")]
    SignIn { back: String },
    /// A form was sent, and nobody is signed in any more.
    #[error("the session has ended")]
    SignedOut,
    #[error("nobody has set this installation up yet")]
    SetUp,
    #[error("changed by somebody else in between")]
    Stale,
    /// With the reason in our own words.
    #[error("not possible now: {0}")]
    WrongState(String),
    #[error("too many tries; again in {0} s")]
    TooMany(u64),
    #[error(transparent)]
    Unavailable(Outage),
    /// The text is for the log, never for the page.
    #[error("{0}")]
    Internal(String),
}

impl PageError {
    pub fn internal(text: &str) -> Self {
        Self::Internal(text.to_owned())
    }
}

impl PageError {
    /// The rest of the body may still be on its way: nothing else can be read from there.
    pub fn ends_connection(&self) -> bool {
        matches!(self, Self::TooLarge(_) | Self::TooSlow)
    }
}

/// What a restored copy says in place of doing it.
pub const PAUSED: &str = "This installation looks like a restored copy. It renews and revokes nothing until an admin confirms that it is the live one.";

/// What is said while a refresh takes longer than a page waits.
const RENEWING: &str = "The token is being renewed. Try again in a moment.";

impl From<Error> for PageError {
    fn from(error: Error) -> Self {
        if let Some(outage) = error.outage() {
            return Self::Unavailable(outage);
        }
        match error {
            Error::Forbidden(_) => Self::Forbidden,
            Error::NotFound => Self::NotFound,
            Error::Stale => Self::Stale,
            Error::InUse => {
                Self::WrongState("It is still in use by a source or a destination.".to_owned())
            }
            Error::Locked => Self::WrongState(
                "What is stored cannot be opened with the keys that are there.".to_owned(),
            ),
            Error::WrongState(why) => {
                Self::WrongState(format!("It is not possible in its present state: {why}."))
            }
            Error::Paused => Self::WrongState(PAUSED.to_owned()),
            Error::Renewing => Self::WrongState(RENEWING.to_owned()),
            Error::Fault(fault) => {
                let words = wording::cause(fault.cause, "the service");
                Self::WrongState(format!("{}. {} {}", words.title, words.text, words.cure))
            }
            // Somebody else did the same at the same moment.
            taken if taken.is_taken() => Self::Stale,
            other => Self::Internal(other.to_string()),
        }
    }
}

impl ResponseError for PageError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::SignedOut => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::Csrf => StatusCode::FORBIDDEN,
            Self::BadForm => StatusCode::BAD_REQUEST,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::SignIn { .. } | Self::SetUp => StatusCode::SEE_OTHER,
            Self::Stale | Self::WrongState(_) => StatusCode::CONFLICT,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        match self {
            Self::SignIn { back } => {
                response.insert_header((header::LOCATION, paths::sign_in_to(back)))
            }
            Self::SetUp => response.insert_header((header::LOCATION, paths::set_up())),
            Self::TooMany(seconds) => {
                response.insert_header((header::RETRY_AFTER, seconds.to_string()))
            }
            Self::Unavailable(outage) => {
                response.insert_header((header::RETRY_AFTER, outage::retry_after(*outage)))
            }
            _ => &mut response,
        };
        let mut response = response.finish();
        response.extensions_mut().insert(self.clone());
        response
    }
}
