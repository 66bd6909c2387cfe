//! Turns what went wrong into a page: in the visitor's layout, with a way on and a request id. Logged once, here.
use std::panic::AssertUnwindSafe;

use actix_session::{Session, SessionExt};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{ConnectionType, Method, StatusCode, header};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use askama::Template;
use futures_util::FutureExt;

use crate::domain::Ctx;
use crate::model::outage::Outage;

use super::account::sign_in;
use super::csrf::{MAX_BODY_BYTES, Sent};
use super::error::PageError;
use super::flash;
use super::headers::{self, RequestId};
use super::layout::{self, Layout, Section, Solo};
use super::page::PageResult;
use super::resend::{Resend, Why};
use super::{outage, paths, session, ui, visitor, wording};

struct Words {
    title: &'static str,
    text: String,
    icon: &'static str,
    way_on: (&'static str, String),
}

/// What stands under the words, for whoever is asked for help.
struct Facts {
    status: u16,
    request_id: String,
    time: Option<ui::When>,
}

#[derive(Template)]
#[template(path = "errors/app.html")]
struct AppPage {
    layout: Layout,
    words: Words,
    facts: Facts,
}

#[derive(Template)]
#[template(path = "errors/solo.html")]
struct SoloPage {
    layout: Solo,
    words: Words,
    facts: Facts,
}

/// Middleware around all pages.
pub async fn render(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let request_id = id_of(request.request());
    let answered = AssertUnwindSafe(next.call(request)).catch_unwind().await;
    let Ok(answered) = answered else {
        tracing::error!(request_id, "a handler panicked");
        let response = crashed(request_id);
        return Err(
            actix_web::error::InternalError::from_response("a handler panicked", response).into()
        );
    };
    let answered = answered?.map_into_boxed_body();
    let status = answered.status();
    if !(status.is_client_error() || status.is_server_error()) || is_drawn(&answered) {
        return Ok(answered);
    }
    let error = answered
        .response()
        .extensions()
        .get::<PageError>()
        .cloned()
        .unwrap_or_else(|| of_status(status));
    let (request, old) = answered.into_parts();
    log(&request, &error);
    let mut response = match page(&request, &error).await {
        Ok(response) => response,
        Err(second) => {
            tracing::error!(request_id = id_of(&request), error = %second, "an error page could not be drawn");
            crashed(id_of(&request))
        }
    };
    for (name, value) in old.headers() {
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            response.headers_mut().append(name.clone(), value.clone());
        }
    }
    if error.ends_connection() {
        response.head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(ServiceResponse::new(request, response))
}

/// A page of its own: the same form again with what is wrong, for example.
fn is_drawn(answered: &ServiceResponse<BoxBody>) -> bool {
    let media = answered.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    media.is_some_and(|media| !media.starts_with("text/plain"))
}

/// What actix refuses by itself: an address, a query or a method.
fn of_status(status: StatusCode) -> PageError {
    match status {
        StatusCode::NOT_FOUND => PageError::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => PageError::WrongMethod,
        StatusCode::PAYLOAD_TOO_LARGE => PageError::TooLarge(MAX_BODY_BYTES),
        status if status.is_client_error() => PageError::BadForm,
        status => PageError::Internal(status.to_string()),
    }
}

fn log(request: &HttpRequest, error: &PageError) {
    let (request_id, path) = (id_of(request), paths::loggable(request.path()));
    match error {
        PageError::Internal(_) => {
            tracing::error!(request_id, path, %error, "a page could not be drawn")
        }
        PageError::Unavailable(_) => {
            tracing::warn!(request_id, path, %error, "a page could not be drawn")
        }
        PageError::Csrf | PageError::TooMany(_) => {
            tracing::warn!(request_id, path, %error, "a request was refused")
        }
        _ => tracing::debug!(request_id, path, %error, "a request was refused"),
    }
}

fn id_of(request: &HttpRequest) -> String {
    request.extensions().get::<RequestId>().map_or_else(String::new, |id| id.0.clone())
}

async fn page(request: &HttpRequest, error: &PageError) -> PageResult {
    let session = request.get_session();
    let ctx = request
        .app_data::<web::Data<Ctx>>()
        .ok_or(PageError::internal("the context is not there"))?;
    layout::learn(request.resource_map());
    let visitor = match error {
        // Asking once more who it is would wait as long again.
        PageError::Unavailable(Outage::Busy | Outage::Unreachable) => None,
        _ => visitor::find(ctx, &session).await.ok().flatten(),
    };
    if let Some(sent) = sent_too_late(request, error) {
        return too_late(request, ctx, &session, sent, visitor.is_some());
    }
    let status = actix_web::ResponseError::status_code(error);
    if let PageError::Unavailable(outage) = error
        && let Some(sent) = request.extensions().get::<Sent>()
    {
        let words = outage::words(*outage);
        let why = Why {
            title: words.title,
            text: format!("{} What you typed is still here.", words.text),
        };
        return Resend::of(&address(request), &sent.raw, &ctx.catalog).page(&session, status, why);
    }
    let time = status.is_server_error().then(|| ui::When::at(ctx.clock.now()));
    let facts = Facts { status: status.as_u16(), request_id: id_of(request), time };
    let words = words(error, way_on(request));
    match visitor {
        Some(mut visitor) => {
            visitor.flash = flash::take(&session);
            let layout = Layout::new(&visitor, section(request.path()), words.title);
            super::page::html(status, &AppPage { layout, words, facts })
        }
        None => super::page::html(
            status,
            &SoloPage { layout: Solo::new(words.title, &session::csrf(&session)), words, facts },
        ),
    }
}

/// A form of one of our pages whose session is over.
fn sent_too_late(request: &HttpRequest, error: &PageError) -> Option<Sent> {
    let sent = request.extensions().get::<Sent>().cloned()?;
    (matches!(error, PageError::SignedOut) || (matches!(error, PageError::Csrf) && !sent.is_proved))
        .then_some(sent)
}

fn too_late(
    request: &HttpRequest,
    ctx: &Ctx,
    session: &Session,
    sent: Sent,
    is_signed_in: bool,
) -> PageResult {
    if request.path() == paths::sign_in() {
        return sign_in::too_old(session, sent.raw);
    }
    let again = Resend::of(&address(request), &sent.raw, &ctx.catalog);
    if is_signed_in || paths::is_public(request.path()) {
        let why = Why::new(
            "Send it again",
            "This form was opened before you signed in, or in another tab. \
             Nothing was saved so far.",
        );
        again.page(session, StatusCode::FORBIDDEN, why)
    } else {
        sign_in::ran_out(session, &again)
    }
}

/// The path with its query.
fn address(request: &HttpRequest) -> String {
    let address = request.uri().path_and_query();
    address.map_or_else(|| request.path().to_owned(), ToString::to_string)
}

/// When nothing else can be drawn.
fn crashed(request_id: String) -> HttpResponse {
    let words = words(&PageError::internal(""), paths::authorizers().to_owned());
    let facts = Facts { status: 500, request_id: request_id.clone(), time: None };
    let body =
        SoloPage { layout: Solo::new(words.title, ""), words, facts }.render().unwrap_or_default();
    let mut response =
        HttpResponse::InternalServerError().content_type("text/html; charset=utf-8").body(body);
    headers::add(response.headers_mut(), &request_id, false);
    response
}

/// The page itself; after a POST the page that the form stood on.
fn way_on(request: &HttpRequest) -> String {
    if request.method() != Method::POST {
        return request.uri().to_string();
    }
    let text = |name: header::HeaderName| {
        request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    };
    let from = url::Url::parse(text(header::REFERER))
        .ok()
        .filter(|from| from.authority() == text(header::HOST));
    let back =
        from.map(|from| from[url::Position::BeforePath..url::Position::AfterQuery].to_owned());
    back.filter(|back| paths::local(back).is_some())
        .unwrap_or_else(|| paths::authorizers().to_owned())
}

fn section(path: &str) -> Section {
    let of = |start: &str| path.starts_with(start);
    match () {
        () if of(paths::sources()) => Section::Sources,
        () if of(paths::destinations()) => Section::Destinations,
        () if of(paths::activity()) => Section::Activity,
        () if of(paths::requests()) => Section::Requests,
        () if of(paths::oauth_apps()) => Section::OAuthApps,
        () if of(paths::members()) => Section::Members,
        () if of(paths::services()) => Section::Services,
        () if of(paths::account()) => Section::Account,
        () if of(paths::authorizers()) || of("/tests/") || of("/oauth/") => Section::Authorizers,
        () => Section::Elsewhere,
    }
}

fn words(error: &PageError, here: String) -> Words {
    let home = || ("Go to Authorizers", paths::authorizers().to_owned());
    let make =
        |title, text: &str, icon, way_on| Words { title, text: text.to_owned(), icon, way_on };
    let again = ("Open the page again", here);
    match error {
        PageError::NotFound => make(
            "Page not found",
            "There is nothing at this address. What it showed may have been deleted, or the link is incomplete.",
            "help-circle",
            home(),
        ),
        PageError::WrongMethod => make(
            "This is not a page",
            "The address works only for a form that is sent to it.",
            "help-circle",
            home(),
        ),
        PageError::Forbidden => make(
            "You may not do this",
            "Your role does not allow it. An admin can change your role, or do it for you.",
            "lock",
            home(),
        ),
        PageError::Csrf | PageError::SignedOut => make(
            "This form was not accepted",
            "It did not come from a page of this installation, or it was open for too long. Open the page again and fill it in anew.",
            "shield-lock",
            again,
        ),
        PageError::BadForm => make(
            "This request cannot be read",
            "The address or the form is not in the shape that our pages send.",
            "alert-triangle",
            home(),
        ),
        PageError::TooLarge(bytes) => {
            make("This is too large", &too_large(*bytes), "alert-triangle", again)
        }
        PageError::TooSlow => make(
            "This took too long to arrive",
            "The connection may be slow. Nothing was saved. Open the page again, then send it again.",
            "hourglass",
            again,
        ),
        PageError::Stale => make(
            "Somebody else was faster",
            "It was changed while you had the page open. Nothing of yours was stored. Open the page again to see the newer version.",
            "users",
            again,
        ),
        PageError::WrongState(why) => {
            make("This is not possible now", why, "alert-triangle", again)
        }
        PageError::TooMany(seconds) => make(
            "Too many tries",
            &format!("Wait {}, then try again.", wording::wait(*seconds)),
            "hourglass",
            again,
        ),
        PageError::Unavailable(outage) => {
            let words = outage::words(*outage);
            make(words.title, words.text, words.icon, again)
        }
        PageError::SignIn { .. } | PageError::SetUp | PageError::Internal(_) => make(
            "Something went wrong on our side",
            "Your last step may not have been saved. Look at the list of authorizers before you try again.",
            "alert-octagon",
            home(),
        ),
    }
}

fn too_large(bytes: usize) -> String {
    let limit = match bytes {
        MAX_BODY_BYTES => "1 MB".to_owned(),
        fewer => format!("{} KB", fewer >> 10),
    };
    let hint = if bytes < MAX_BODY_BYTES { " Sign in first to send more." } else { "" };
    format!("You can send up to {limit} at once, files included.{hint}")
}
