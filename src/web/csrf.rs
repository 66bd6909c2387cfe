//! Every POST is checked before any handler runs: it came from a page of ours, in this session, and is small enough.
//! Handlers take what was sent as `Protected<F>`.
use std::future::{Ready, ready};
use std::time::Duration;

use actix_multipart::Multipart;
use actix_session::SessionExt;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::{Method, header};
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use futures_util::{Stream, StreamExt, TryStreamExt};
use serde::de::DeserializeOwned;

use crate::crypto::token;
use crate::domain::Ctx;

use super::error::PageError;
use super::{once, session};

/// What a body may be.
#[derive(Clone, Copy)]
struct BodyLimits {
    bytes: usize,
    /// From its first byte to its last.
    time: Duration,
}

/// Uploaded files included.
pub const MAX_BODY_BYTES: usize = 1 << 20;
const SIGNED_IN: BodyLimits = BodyLimits { bytes: MAX_BODY_BYTES, time: MAX_BODY_TIME };
/// Nobody who is not signed in sends a file: room for the form that waits on the sign-in page.
const ANONYMOUS: BodyLimits = BodyLimits { bytes: 64 << 10, time: MAX_BODY_TIME };
const MAX_BODY_TIME: Duration = Duration::from_secs(30);
/// Fields of a form. The largest of ours has fewer than a hundred.
pub const MAX_FIELDS: usize = 1_000;
const TOKEN: &str = "csrf";
/// Names one drawing of a form.
const ONCE: &str = "once";

/// A body whose CSRF token was right.
pub struct Protected<F>(pub F);

/// A form as sent: names and values, files as text. Never `Debug`: it may hold secrets.
#[derive(Clone, Default)]
pub struct RawForm(Vec<(String, String)>);

impl RawForm {
    pub fn new(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// The last value of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// As [`RawForm::get`], with nothing for what was not sent.
    pub fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }
}

/// What a protected body may be read as.
pub trait FromRaw: Sized {
    fn from_raw(raw: RawForm) -> Result<Self, PageError>;
}

impl FromRaw for RawForm {
    fn from_raw(raw: RawForm) -> Result<Self, PageError> {
        Ok(raw)
    }
}

impl<F: DeserializeOwned> FromRaw for F {
    fn from_raw(raw: RawForm) -> Result<Self, PageError> {
        let text = serde_urlencoded::to_string(&raw.0).map_err(|_| PageError::BadForm)?;
        serde_urlencoded::from_str(&text).map_err(|_| PageError::BadForm)
    }
}

impl<F: FromRaw + 'static> FromRequest for Protected<F> {
    type Error = PageError;
    type Future = Ready<Result<Self, PageError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        // Without `Sent` the guard did not see it: then it is not believed.
        let sent = request.extensions().get::<Sent>().cloned();
        ready(match sent {
            Some(Sent { raw, is_proved: true, .. }) => F::from_raw(raw).map(Self),
            _ => Err(PageError::Csrf),
        })
    }
}

/// What a POST brought, in the request's extensions.
#[derive(Clone)]
pub struct Sent {
    pub raw: RawForm,
    /// The drawing of the form that was sent; empty if it was not drawn by us.
    pub once: String,
    /// Its token is this session's. A form of our own pages whose token is old is not proved, and can be sent again.
    pub is_proved: bool,
}

/// Middleware around all pages. A form from elsewhere stops here.
pub async fn guard(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    if request.method() == Method::POST {
        let payload = request.take_payload();
        match check(request.request(), payload).await {
            Ok(sent) => {
                request.extensions_mut().insert(sent.clone());
                if sent.is_proved {
                    return once::answer(request, next, &sent).await;
                }
            }
            Err(error) => return Ok(request.error_response(error)),
        }
    }
    Ok(next.call(request).await?.map_into_boxed_body())
}

async fn check(request: &HttpRequest, payload: Payload) -> Result<Sent, PageError> {
    let is_signed_in = session::id(&request.get_session()).is_some();
    let limits = if is_signed_in { SIGNED_IN } else { ANONYMOUS };
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limits.bytes) {
        return Err(PageError::TooLarge(limits.bytes));
    }
    let body = read(payload, limits, announced.unwrap_or_default()).await?;
    let mut raw = parse(request, body).await?;
    let is_proved = token::is_same(raw.text(TOKEN), &session::csrf(&request.get_session()));
    match origin(request) {
        Origin::Foreign => return Err(PageError::Csrf),
        Origin::Unknown if !is_proved => return Err(PageError::Csrf),
        Origin::Ours | Origin::Unknown => {}
    }
    let once = raw.text(ONCE).to_owned();
    raw.0.retain(|(name, _)| name != TOKEN && name != ONCE);
    // PostgreSQL takes no NUL in text; nothing that a person types has one.
    if raw.0.iter().any(|(name, value)| name.contains('\0') || value.contains('\0')) {
        return Err(PageError::BadForm);
    }
    Ok(Sent { raw, once, is_proved })
}

async fn read<E>(
    mut payload: impl Stream<Item = Result<Bytes, E>> + Unpin,
    limits: BodyLimits,
    announced: usize,
) -> Result<Bytes, PageError> {
    let whole = async {
        // As it grows, it would need twice as much.
        let mut body = web::BytesMut::with_capacity(announced.min(limits.bytes));
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| PageError::BadForm)?;
            if body.len() + chunk.len() > limits.bytes {
                return Err(PageError::TooLarge(limits.bytes));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    };
    tokio::time::timeout(limits.time, whole).await.unwrap_or(Err(PageError::TooSlow))
}

/// Counts before anything is copied out of it.
pub fn has_few_fields(form: &[u8]) -> bool {
    form.iter().filter(|byte| **byte == b'&').take(MAX_FIELDS).count() < MAX_FIELDS
}

async fn parse(request: &HttpRequest, body: Bytes) -> Result<RawForm, PageError> {
    let media = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if !media.starts_with("multipart/form-data") {
        if !has_few_fields(&body) {
            return Err(PageError::BadForm);
        }
        return serde_urlencoded::from_bytes(&body).map(RawForm).map_err(|_| PageError::BadForm);
    }
    let once =
        futures_util::stream::once(async move { Ok::<_, actix_web::error::PayloadError>(body) });
    let mut parts = Multipart::new(request.headers(), once.boxed_local());
    let mut pairs = Vec::new();
    while let Some(mut part) = parts.try_next().await.map_err(|_| PageError::BadForm)? {
        if pairs.len() == MAX_FIELDS {
            return Err(PageError::BadForm);
        }
        let name = part.name().unwrap_or_default().to_owned();
        let mut value = Vec::new();
        while let Some(chunk) = part.try_next().await.map_err(|_| PageError::BadForm)? {
            value.extend_from_slice(&chunk);
        }
        // A key file that is not text is said to be no PEM file by the form's own checker.
        pairs.push((name, String::from_utf8_lossy(&value).into_owned()));
    }
    Ok(RawForm(pairs))
}

/// Where a POST comes from, as the browser says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Ours,
    Foreign,
    /// Not said: the token alone decides.
    Unknown,
}

fn origin(request: &HttpRequest) -> Origin {
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let public = request
        .app_data::<web::Data<Ctx>>()
        .map(|ctx| ctx.site.public_url.clone())
        .unwrap_or_default();
    origin_of(text("sec-fetch-site"), text("origin"), text("host").unwrap_or_default(), &public)
}

/// `Sec-Fetch-Site` is sent over https and on this machine alone; `Origin` always, and no page can change either.
fn origin_of(
    fetch_site: Option<&str>,
    origin: Option<&str>,
    host: &str,
    public_url: &str,
) -> Origin {
    let is_own = |origin: &str| {
        origin == public_url || origin.split_once("://").is_some_and(|(_, named)| named == host)
    };
    match (fetch_site, origin) {
        (Some("same-origin"), _) => Origin::Ours,
        // Typed or bookmarked: no page sent it, so no page of ours did.
        (Some("none"), _) => Origin::Unknown,
        (Some(_), _) => Origin::Foreign,
        (None, Some(origin)) if is_own(origin) => Origin::Ours,
        (None, Some(_)) => Origin::Foreign,
        (None, None) => Origin::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: &str = "https://authorizers.example.com";

    fn chunk(length: usize) -> Result<Bytes, std::io::Error> {
        Ok(Bytes::from(vec![b'x'; length]))
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_to_its_end_is_given_up() {
        let limits = BodyLimits { time: Duration::from_millis(20), ..ANONYMOUS };
        let endless = futures_util::stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            Some((chunk(1), ()))
        });
        let read = read(endless.boxed(), limits, 0).await;
        assert!(matches!(read, Err(PageError::TooSlow)), "{read:?}");
    }

    #[tokio::test]
    async fn a_body_is_refused_at_the_first_byte_too_many() {
        for limits in [ANONYMOUS, SIGNED_IN] {
            let whole = futures_util::stream::iter([chunk(limits.bytes - 1), chunk(1)]);
            assert_eq!(read(whole, limits, 0).await.unwrap().len(), limits.bytes);
            let more = futures_util::stream::iter([chunk(limits.bytes), chunk(1)]);
            let read = read(more, limits, limits.bytes).await;
            assert!(matches!(read, Err(PageError::TooLarge(bytes)) if bytes == limits.bytes));
        }
    }

    #[test]
    fn fields_are_counted() {
        let form = |fields: usize| vec!["a=b"; fields].join("&");
        assert!(has_few_fields(form(MAX_FIELDS).as_bytes()));
        assert!(!has_few_fields(form(MAX_FIELDS + 1).as_bytes()));
    }

    #[test]
    fn a_form_of_another_site_is_foreign() {
        for (fetch_site, origin) in [
            (Some("cross-site"), None),
            (Some("same-site"), Some("https://authorizers.example.com")),
            (None, Some("https://evil.example")),
            (None, Some("null")),
            (None, Some("https://authorizers.example.com.evil.example")),
        ] {
            assert_eq!(
                origin_of(fetch_site, origin, "authorizers.example.com", PUBLIC),
                Origin::Foreign,
                "{fetch_site:?} {origin:?}"
            );
        }
    }

    #[test]
    fn a_form_of_ours_is_known_by_either_header() {
        assert_eq!(origin_of(Some("same-origin"), None, "", PUBLIC), Origin::Ours);
        assert_eq!(origin_of(None, Some(PUBLIC), "inside:8080", PUBLIC), Origin::Ours);
        assert_eq!(
            origin_of(None, Some("http://10.0.0.5:8080"), "10.0.0.5:8080", PUBLIC),
            Origin::Ours
        );
        assert_eq!(origin_of(None, None, "", PUBLIC), Origin::Unknown);
    }

    #[test]
    fn a_form_is_read_as_a_struct_or_as_it_is() {
        #[derive(serde::Deserialize)]
        struct Named {
            name: String,
            version: i64,
        }
        let raw = RawForm::new(vec![
            ("name".to_owned(), "a & b=c".to_owned()),
            ("version".to_owned(), "7".to_owned()),
        ]);
        let named = Named::from_raw(raw.clone()).ok().unwrap();
        assert_eq!((named.name.as_str(), named.version), ("a & b=c", 7));
        assert_eq!(raw.text("missing"), "");
        assert!(Named::from_raw(RawForm::default()).is_err());
    }
}
