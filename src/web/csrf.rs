//! Every POST body is `Protected<F>`: it came from a page of ours, in this session, and is small enough.
use std::future::Future;
use std::pin::Pin;

use actix_multipart::Multipart;
use actix_session::SessionExt;
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::{StreamExt, TryStreamExt};
use serde::de::DeserializeOwned;

use crate::crypto::token;
use crate::domain::Ctx;

use super::error::PageError;
use super::session;

/// Uploaded files included.
const LIMIT: usize = 1 << 20;

/// A body whose CSRF token was right.
pub struct Protected<F>(pub F);

/// A form as sent: names and values, files as text. Never `Debug`: it may hold secrets.
#[derive(Clone, Default)]
pub struct RawForm(Vec<(String, String)>);

impl RawForm {
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
    type Future = Pin<Box<dyn Future<Output = Result<Self, PageError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let body = read(&mut payload).await?;
            let mut raw = parse(&request, body).await?;
            let sent = raw.get("csrf").unwrap_or_default().to_owned();
            if !is_same_origin(&request) || !token::is_same(&sent, &session::csrf(&request.get_session())) {
                return Err(PageError::Csrf);
            }
            raw.0.retain(|(name, _)| name != "csrf");
            // PostgreSQL takes no NUL in text; nothing that a person types has one.
            if raw.0.iter().any(|(name, value)| name.contains('\0') || value.contains('\0')) {
                return Err(PageError::BadForm);
            }
            Ok(Self(F::from_raw(raw)?))
        })
    }
}

async fn read(payload: &mut Payload) -> Result<Bytes, PageError> {
    let mut body = web::BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| PageError::BadForm)?;
        if body.len() + chunk.len() > LIMIT {
            return Err(PageError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

async fn parse(request: &HttpRequest, body: Bytes) -> Result<RawForm, PageError> {
    let media = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !media.starts_with("multipart/form-data") {
        return serde_urlencoded::from_bytes(&body).map(RawForm).map_err(|_| PageError::BadForm);
    }
    let once = futures_util::stream::once(async move { Ok::<_, actix_web::error::PayloadError>(body) });
    let mut parts = Multipart::new(request.headers(), once.boxed_local());
    let mut pairs = Vec::new();
    while let Some(mut part) = parts.try_next().await.map_err(|_| PageError::BadForm)? {
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

/// Browsers say where a POST comes from; those that do not are held by the token alone.
fn is_same_origin(request: &HttpRequest) -> bool {
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    match text("sec-fetch-site") {
        Some("same-origin" | "none") => return true,
        Some(_) => return false,
        None => {}
    }
    let Some(origin) = text("origin") else { return true };
    let host = text("host").unwrap_or_default();
    let public = request.app_data::<web::Data<Ctx>>().map(|ctx| ctx.site.public_url.clone()).unwrap_or_default();
    origin == public || origin == format!("http://{host}") || origin == format!("https://{host}")
}
