//! Pressing twice is pressing once. The same form, sent again while it is being answered or a moment later, gets the same
//! answer. A form is carried out to its end even if its browser hangs up: the second press made it do so.
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_session::{Session, SessionExt};
use actix_web::body::{BoxBody, MessageBody, to_bytes};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{StatusCode, header::HeaderMap};
use actix_web::middleware::Next;
use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use zeroize::Zeroizing;

use crate::crypto::token;
use crate::domain::Ctx;
use crate::domain::submissions::{self, Submission, Turn};

use super::csrf::Sent;
use super::error::PageError;
use super::{Frame, session};

/// A larger answer is not repeated: it is one that shows rows and changes nothing.
const KEPT_BYTES: usize = 256 * 1024;
/// Visitors who have not signed in: their answers are kept in memory, and no more of them.
const VISITORS: usize = 256;
/// A visitor's answer is repeated for this long, and a second press waits for it this long.
const REPEAT: Duration = Duration::from_secs(5);
const WAIT: Duration = Duration::from_secs(60);
/// Where a response leads, and how it is read.
const HEADERS: [&str; 3] = ["location", "refresh", "content-type"];

/// How a form was answered.
#[derive(Serialize, Deserialize)]
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
    /// What the cookie says after it: a message, another session.
    session: BTreeMap<String, serde_json::Value>,
}

type Kept = Option<Arc<Zeroizing<Vec<u8>>>>;

/// Forms of visitors who have not signed in. They cost no write to the database.
#[derive(Default)]
pub struct Visitors(Mutex<HashMap<String, Entry>>);

struct Entry {
    answer: watch::Receiver<Option<Kept>>,
    began: Instant,
}

/// Answers a form whose token was right.
pub async fn answer(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
    sent: &Sent,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let session = request.get_session();
    let submission =
        Submission { id: hash(&request, &session, sent), is_marked: !sent.once.is_empty() };
    let (Some(ctx), Some(frame)) = (
        request.app_data::<web::Data<Ctx>>().cloned(),
        request.app_data::<web::Data<Frame>>().cloned(),
    ) else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    if session::id(&session).is_none() {
        return of_visitor(request, next, &frame, submission).await;
    }
    match submissions::begin(&ctx, &submission).await {
        Ok(Turn::First) => {}
        Ok(Turn::Repeat(answer)) => return Ok(repeat(request, &answer)),
        Ok(Turn::Busy) => return Ok(request.error_response(busy())),
        // A database that cannot be written is the matter of what the form is about.
        Err(error) => {
            tracing::debug!(%error, "a form could not be marked as sent");
            return Ok(next.call(request).await?.map_into_boxed_body());
        }
    }
    let answered = to_its_end(request, next, move |answer| async move {
        let answer = answer.as_ref().map(|answer| answer.as_slice());
        if let Err(error) = submissions::finish(&ctx, &submission, answer).await {
            tracing::warn!(%error, "the answer to a form could not be kept");
        }
    });
    answered.await
}

/// The same in the memory of this process.
async fn of_visitor(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
    frame: &Frame,
    submission: Submission,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let tell = match frame.visitors.begin(&submission) {
        Ok(tell) => tell,
        Err(mut other) => {
            let waited = tokio::time::timeout(WAIT, other.wait_for(Option::is_some)).await;
            let kept = match waited {
                Ok(Ok(answer)) => answer.clone().flatten(),
                // It was dropped without an answer: this one is carried out.
                Ok(Err(_)) => None,
                Err(_) => return Ok(request.error_response(busy())),
            };
            return match kept {
                Some(answer) => Ok(repeat(request, &answer)),
                None => Ok(next.call(request).await?.map_into_boxed_body()),
            };
        }
    };
    let answered = to_its_end(request, next, move |answer| async move {
        tell.send(Some(answer.map(Arc::new))).ok();
    });
    answered.await
}

impl Visitors {
    /// The place to tell the answer, or where another one will tell it.
    fn begin(
        &self,
        submission: &Submission,
    ) -> Result<watch::Sender<Option<Kept>>, watch::Receiver<Option<Kept>>> {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|_, entry| {
            let is_running = entry.answer.borrow().is_none() && entry.answer.has_changed().is_ok();
            is_running || entry.began.elapsed() < REPEAT
        });
        if let Some(entry) = entries.get(&submission.id) {
            let is_running = entry.answer.borrow().is_none();
            if is_running || submission.is_marked {
                return Err(entry.answer.clone());
            }
        }
        let (tell, answer) = watch::channel(None);
        if entries.len() < VISITORS {
            entries.insert(submission.id.clone(), Entry { answer, began: Instant::now() });
        }
        Ok(tell)
    }
}

/// Who sent what, and where to. The token is that of one session: nobody else gets its answer.
fn hash(request: &ServiceRequest, session: &Session, sent: &Sent) -> String {
    let mut text = Zeroizing::new(String::new());
    let uri = request.uri().to_string();
    let head = [session::csrf(session), uri, sent.once.clone()];
    let pairs = sent.raw.pairs().iter().flat_map(|(name, value)| [name.clone(), value.clone()]);
    for part in head.into_iter().chain(pairs) {
        let part = Zeroizing::new(part);
        // Its length before it: two different forms never become one text.
        write!(text, "{}:{}", part.len(), part.as_str()).ok();
    }
    token::sha256_hex(&text)
}

/// In a task of its own: a browser that hangs up, as it does when a button is pressed again, ends nothing.
async fn to_its_end<F: Future<Output = ()>>(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
    keep: impl FnOnce(Option<Zeroizing<Vec<u8>>>) -> F + 'static,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let session = request.get_session();
    let work = actix_web::rt::spawn(async move {
        let answered = next.call(request).await;
        let (answer, response) = match answered {
            Ok(response) => {
                let (answer, response) = read(response, &session).await?;
                (answer, Ok(response))
            }
            Err(error) => (None, Err(error)),
        };
        keep(answer).await;
        response
    });
    match work.await {
        Ok(response) => response,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(PageError::internal("a form's task was stopped").into()),
    }
}

/// The response, and what of it can be repeated.
async fn read(
    response: ServiceResponse<impl MessageBody + 'static>,
    session: &Session,
) -> Result<(Option<Zeroizing<Vec<u8>>>, ServiceResponse<BoxBody>), actix_web::Error> {
    let (request, response) = response.into_parts();
    let (head, body) = response.into_parts();
    let body = to_bytes(body)
        .await
        .map_err(|_| PageError::internal("the body of an answer could not be read"))?;
    let answer = kept(head.status(), head.headers(), &body, session);
    let response = head.set_body(BoxBody::new(body));
    Ok((answer, ServiceResponse::new(request, response)))
}

fn kept(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    session: &Session,
) -> Option<Zeroizing<Vec<u8>>> {
    // An error that is drawn later, or an answer too large: each sender is answered alone.
    let is_page = status.is_redirection() || headers.contains_key(header::CONTENT_TYPE);
    if status.is_server_error() || !is_page || body.len() > KEPT_BYTES {
        return None;
    }
    let text = |name: &str| Some((name.to_owned(), headers.get(name)?.to_str().ok()?.to_owned()));
    let entries = session.entries();
    let entry =
        |(key, value): (&String, &String)| Some((key.clone(), serde_json::from_str(value).ok()?));
    let answer = Answer {
        status: status.as_u16(),
        headers: HEADERS.into_iter().filter_map(text).collect(),
        body: std::str::from_utf8(body).ok()?.to_owned(),
        session: entries.iter().filter_map(entry).collect(),
    };
    serde_json::to_vec(&answer).ok().map(Zeroizing::new)
}

/// The same response, and the same cookie.
fn repeat(request: ServiceRequest, answer: &[u8]) -> ServiceResponse<BoxBody> {
    let Ok(answer) = serde_json::from_slice::<Answer>(answer) else {
        return request.error_response(PageError::internal("a kept answer cannot be read"));
    };
    let session = request.get_session();
    let gone: Vec<String> = session
        .entries()
        .keys()
        .filter(|key| !answer.session.contains_key(*key))
        .cloned()
        .collect();
    for key in gone {
        session.remove(&key);
    }
    for (key, value) in answer.session {
        if let Err(error) = session.insert(key, value) {
            tracing::warn!(%error, "the session cookie could not be written");
        }
    }
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = HttpResponse::build(status).body(answer.body);
    for (name, value) in answer.headers {
        let pair = (HeaderName::try_from(name), HeaderValue::try_from(value));
        if let (Ok(name), Ok(value)) = pair {
            response.headers_mut().insert(name, value);
        }
    }
    request.into_response(response)
}

fn busy() -> PageError {
    PageError::WrongState(
        "You have sent this form before, and we are still working on it. Look at the list before you send it again."
            .to_owned(),
    )
}
