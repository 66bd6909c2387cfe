//! Turns what went wrong into a page: in the visitor's layout, with a way on and a request id. Logged once, here.
use std::panic::AssertUnwindSafe;

use actix_session::SessionExt;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use askama::Template;
use futures_util::FutureExt;

use crate::domain::Ctx;

use super::error::PageError;
use super::headers::RequestId;
use super::layout::{Layout, Section, Solo};
use super::{paths, session, visitor};

struct Words {
    title: &'static str,
    text: String,
    way_on: (&'static str, String),
}

#[derive(Template)]
#[template(path = "errors/app.html")]
struct AppPage {
    layout: Layout,
    words: Words,
    request_id: String,
}

#[derive(Template)]
#[template(path = "errors/solo.html")]
struct SoloPage {
    layout: Solo,
    words: Words,
    request_id: String,
}

/// Middleware. Static files, health and metrics answer for themselves.
pub async fn render(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let fallback = id_of(request.request());
    let answered = AssertUnwindSafe(next.call(request)).catch_unwind().await;
    let Ok(answered) = answered else {
        tracing::error!(request_id = fallback, "a handler panicked");
        return Err(actix_web::error::InternalError::from_response("panic", bare(&fallback)).into());
    };
    let answered = answered?.map_into_boxed_body();
    let status = answered.status();
    let error = answered.response().extensions().get::<PageError>().cloned();
    let is_ours = error.is_some() || (answered.response().body().size().is_eof() && status != StatusCode::NOT_MODIFIED);
    if !(status.is_client_error() || status.is_server_error()) || !(is_ours || is_plain(&answered)) {
        return Ok(answered);
    }
    let error = error.unwrap_or_else(|| of_status(status));
    let (request, old) = answered.into_parts();
    let page = page(&request, &error, status).await;
    let mut response = page.unwrap_or_else(|| bare(&id_of(&request)));
    for (name, value) in old.headers() {
        if name != actix_web::http::header::CONTENT_TYPE && name != actix_web::http::header::CONTENT_LENGTH {
            response.headers_mut().append(name.clone(), value.clone());
        }
    }
    Ok(ServiceResponse::new(request, response))
}

/// actix's own short texts (a query that cannot be read, a path with a bad id).
fn is_plain(response: &ServiceResponse<BoxBody>) -> bool {
    let media = response.headers().get(actix_web::http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_api = ["/health", "/metrics", "/static"].iter().any(|path| response.request().path().starts_with(path));
    !is_api && media.is_none_or(|media| media.starts_with("text/plain"))
}

fn of_status(status: StatusCode) -> PageError {
    match status {
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => PageError::NotFound,
        StatusCode::PAYLOAD_TOO_LARGE => PageError::TooLarge,
        status if status.is_client_error() => PageError::BadForm,
        status => PageError::Internal(status.to_string()),
    }
}

fn id_of(request: &HttpRequest) -> String {
    request.extensions().get::<RequestId>().map_or_else(String::new, |id| id.0.clone())
}

async fn page(request: &HttpRequest, error: &PageError, status: StatusCode) -> Option<HttpResponse> {
    let request_id = id_of(request);
    if let PageError::Internal(text) = error {
        tracing::error!(request_id, error = text, path = request.path(), "a page could not be drawn");
    }
    let words = words(error, request.path());
    let session = request.get_session();
    let ctx = request.app_data::<web::Data<Ctx>>()?;
    let visitor = visitor::find(ctx, &session).await.ok().flatten();
    let body = match visitor {
        Some(visitor) => {
            let layout = Layout::new(&visitor, section(request.path()), words.title);
            AppPage { layout, words, request_id }.render()
        }
        None => SoloPage { layout: Solo::new(words.title, &session::csrf(&session)), words, request_id }.render(),
    };
    Some(HttpResponse::build(status).content_type("text/html; charset=utf-8").body(body.ok()?))
}

/// When nothing else can be drawn.
fn bare(request_id: &str) -> HttpResponse {
    let body = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Something went wrong</title></head><body>\
         <h1>Something went wrong</h1><p>It was written to the log. Try again. Request {request_id}</p></body></html>"
    );
    HttpResponse::InternalServerError().content_type("text/html; charset=utf-8").body(body)
}

fn section(path: &str) -> Section {
    let of = |start: &str| path.starts_with(start);
    match () {
        () if of("/sources") => Section::Sources,
        () if of("/destinations") => Section::Destinations,
        () if of("/activity") => Section::Activity,
        () if of("/requests") => Section::Requests,
        () if of("/oauth-apps") => Section::OAuthApps,
        () if of("/members") => Section::Members,
        () if of("/services") => Section::Services,
        () if of("/account") => Section::Account,
        () => Section::Authorizers,
    }
}

fn words(error: &PageError, path: &str) -> Words {
    let home = || ("Go to Authorizers", paths::authorizers().to_owned());
    let again = || ("Open the page again", path.to_owned());
    let make = |title, text: &str, way_on| Words { title, text: text.to_owned(), way_on };
    match error {
        PageError::NotFound => {
            make("This page does not exist", "It may have been deleted, or the address has a slip in it.", home())
        }
        PageError::Forbidden => {
            make("You may not do this", "Your role does not allow it. An admin can change your role, or do it for you.", home())
        }
        PageError::Csrf => make(
            "This form is too old",
            "It was opened before you signed in again, or in another browser. Open the page again and send it anew.",
            again(),
        ),
        PageError::BadForm => {
            make("This request cannot be read", "The address or the form is not in the shape that the page sends.", home())
        }
        PageError::TooLarge => make("This is too large", "A form may hold 1 MB at most, uploaded files included.", again()),
        PageError::Stale => make(
            "Somebody else was faster",
            "It was changed while you had the page open. Nothing of yours was stored. Open the page again to see the newer version.",
            again(),
        ),
        PageError::WrongState(why) => make("This is not possible now", why, again()),
        PageError::TooMany(seconds) => {
            make("Too many tries", &format!("Wait {} and try again.", super::wording::wait(*seconds)), again())
        }
        PageError::Unavailable => make("The database is busy", "Nothing was stored. Try again in a moment.", again()),
        PageError::SignIn { .. } | PageError::SetUp | PageError::Internal(_) => make(
            "Something went wrong",
            "It was written to the log. Try again; if it stays, tell whoever runs this installation.",
            again(),
        ),
    }
}
