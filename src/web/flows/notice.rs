//! What belongs to no field: a load that failed, an account that is broken, a trip that ended badly.
use crate::catalog::Service;
use crate::domain::Error;
use crate::model::authorizer::{Authorizer, Badge};
use crate::model::cause::Cause;
use crate::model::ids::AuthorizerId;
use crate::model::report::Fault;
use crate::web::error::{PAUSED, PageError};
use crate::web::{paths, wording};

pub struct Notice {
    pub kind: &'static str,
    pub title: String,
    pub text: String,
    /// Where the cure is.
    pub link: Option<(String, String)>,
}

/// A fault in words, with the way to its cure.
pub fn fault(fault: &Fault, service: &Service, account: Option<&AuthorizerId>) -> Notice {
    let words = wording::cause(fault.cause, &service.head.name);
    let cure = fault.cure.as_ref().map(|cure| format!(" {cure}")).unwrap_or_default();
    // Its own words say what to change.
    let is_told = matches!(fault.cause, Cause::RequestRejected | Cause::AnswerTooLarge);
    let said = fault.detail.as_ref().filter(|_| is_told);
    let said = said.map(|said| format!(" {said}")).unwrap_or_default();
    let link = account.filter(|_| !fault.cause.is_passing());
    Notice {
        kind: if fault.cause.is_passing() { "warn" } else { "bad" },
        title: words.title,
        text: format!("{} {}{cure}{said}", words.text, words.cure),
        link: link.map(open),
    }
}

/// A refusal that a form outlives, in words; everything else is an error of the page.
pub fn of(
    error: Error,
    service: &Service,
    account: Option<&AuthorizerId>,
) -> Result<Notice, PageError> {
    match error {
        Error::Fault(found) => Ok(fault(&found, service, account)),
        Error::Locked => Ok(fault(&Fault::new(Cause::KeyMissing), service, account)),
        Error::WrongState("revoked") => Ok(Notice {
            kind: "bad",
            title: "The token of this account was revoked or removed".to_owned(),
            text: "Nothing can be read or written with it. Reauthorize the account, or choose another one.".to_owned(),
            link: account.map(open),
        }),
        Error::Renewing => Ok(Notice {
            kind: "warn",
            title: "The token is being renewed".to_owned(),
            text: format!(
                "{} takes longer than usual to answer. Try again in a moment: the renewal goes on.",
                service.head.name
            ),
            link: None,
        }),
        Error::Paused => {
            Ok(Notice { kind: "warn", title: "Not possible now".to_owned(), text: PAUSED.to_owned(), link: account.map(open) })
        }
        Error::WrongState(why) => Ok(Notice {
            kind: "bad",
            title: "Not possible now".to_owned(),
            text: format!("Reason: {why}."),
            link: account.map(open),
        }),
        other => Err(other.into()),
    }
}

fn open(account: &AuthorizerId) -> (String, String) {
    (paths::authorizer(account), "Open the account".to_owned())
}

/// The chosen account does not work, as far as we know.
pub fn stopped(
    account: Option<(&Authorizer, Badge)>,
    service: &Service,
    may_cure: bool,
) -> Option<Notice> {
    let (authorizer, badge) = account?;
    let (title, text) = match badge {
        Badge::Revoking | Badge::Revoked | Badge::Disconnected => (
            format!("The token of {} {}", authorizer.name, wording::token_state(badge)),
            "Reauthorize the account, or choose another one.".to_owned(),
        ),
        Badge::Broken | Badge::Locked => {
            let words =
                wording::cause(authorizer.cause.unwrap_or(Cause::PeriodEnded), &service.head.name);
            (format!("{} is broken: {}", authorizer.name, words.title), words.cure)
        }
        _ => return None,
    };
    let link = if may_cure {
        (paths::reauthorize(&authorizer.id), "Reauthorize".to_owned())
    } else {
        open(&authorizer.id)
    };
    Some(Notice { kind: "bad", title, text, link: Some(link) })
}
