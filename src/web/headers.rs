//! A request's id, its line in the log, and the headers that every answer carries.
use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpRequest, web};
use tracing::Instrument;

use crate::crypto::token;
use crate::domain::Ctx;
use crate::model::ids::UserId;

use super::{metrics, paths};

/// One id a request: in the log, in the answer's header, on error pages.
#[derive(Clone)]
pub struct RequestId(pub String);

const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Middleware, the outermost. The query is never logged: it can carry codes and tokens.
pub async fn apply(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let id = format!("req_{}", token::random(9).expose());
    request.extensions_mut().insert(RequestId(id.clone()));
    let is_https = request
        .app_data::<web::Data<Ctx>>()
        .is_some_and(|ctx| ctx.site.public_url.starts_with("https://"));
    let (method, path, begun) =
        (request.method().clone(), paths::loggable(request.path()), Instant::now());
    let span = tracing::info_span!("request", request_id = %id);
    let mut answered = next.call(request).instrument(span).await;
    let (status, route, user) = match &answered {
        Ok(response) => (
            response.status().as_u16(),
            response.request().match_pattern(),
            user_of(response.request()),
        ),
        Err(error) => (error.as_response_error().status_code().as_u16(), None, None),
    };
    let took = begun.elapsed();
    metrics::count_request(
        &method,
        route.as_deref().filter(|route| !route.is_empty()).unwrap_or("none"),
        status,
        took,
    );
    let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    tracing::info!(request_id = %id, %method, path, status, millis, user, "answered");
    if let Ok(response) = &mut answered {
        add(response.headers_mut(), &id, is_https);
    }
    answered
}

fn user_of(request: &HttpRequest) -> Option<String> {
    request.extensions().get::<UserId>().map(ToString::to_string)
}

/// What every answer carries.
pub fn add(headers: &mut header::HeaderMap, id: &str, is_https: bool) {
    let mut set = |name: HeaderName, value: &'static str| {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    };
    set(header::CONTENT_SECURITY_POLICY, POLICY);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    // Not `no-referrer`: browsers then send `Origin: null` with our own forms.
    set(header::REFERRER_POLICY, "same-origin");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()");
    set(header::CACHE_CONTROL, "no-store");
    if is_https {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    if let Ok(value) = HeaderValue::from_str(id) {
        headers.insert(HeaderName::from_static("x-request-id"), value);
    }
}
