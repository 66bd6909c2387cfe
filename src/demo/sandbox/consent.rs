//! Log-in and consent: what a person sees at the provider. A consent can be denied, and given in part.
use actix_web::cookie::{Cookie, SameSite};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::grants::Consent;
use super::{CLIENT_ID, PASSWORD, PEOPLE, Sandbox, grants};

const COOKIE: &str = "sandbox_log_in";
const SCOPES: [(&str, &str); 2] =
    [("profile", "See who you are"), ("reports.read", "Read your reports")];

/// The authorization request (RFC 6749 §4.1.1), carried along by the forms.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct Request {
    client_id: String,
    redirect_uri: String,
    response_type: String,
    scope: String,
    state: String,
    code_challenge: String,
    code_challenge_method: String,
}

#[derive(Template)]
#[template(path = "sandbox/sign_in.html")]
struct SignInPage<'a> {
    request: &'a Request,
    is_wrong: bool,
    people: &'a [(&'a str, &'a str)],
    password: &'a str,
}

#[derive(Template)]
#[template(path = "sandbox/consent.html")]
struct ConsentPage<'a> {
    request: &'a Request,
    email: &'a str,
    scopes: Vec<(&'a str, &'a str)>,
}

#[derive(Template)]
#[template(path = "sandbox/message.html")]
struct MessagePage<'a> {
    title: &'a str,
    text: &'a str,
    email: Option<&'a str>,
    living: usize,
}

#[derive(Deserialize)]
pub struct SignIn {
    email: String,
    password: String,
    #[serde(flatten)]
    request: Request,
}

pub async fn home(sandbox: web::Data<Sandbox>, request: HttpRequest) -> HttpResponse {
    access(sandbox, request).await
}

pub async fn ask(
    sandbox: web::Data<Sandbox>,
    http: HttpRequest,
    query: web::Query<Request>,
) -> HttpResponse {
    let request = query.into_inner();
    if request.client_id != CLIENT_ID || request.redirect_uri != sandbox.redirect_uri {
        // Never send a browser to an address that was not registered (RFC 6749 §4.1.2.1).
        return message(
            400,
            "This request is not right",
            "The client ID or the redirect URL is not registered here.",
        );
    }
    if request.response_type != "code"
        || request.code_challenge.is_empty()
        || request.code_challenge_method != "S256"
    {
        return back(&sandbox, &request, &[("error", "invalid_request")]);
    }
    match who(&sandbox, &http) {
        Some(email) => consent_page(&request, &email),
        None => sign_in_page(&request, false),
    }
}

pub async fn sign_in(sandbox: web::Data<Sandbox>, form: web::Form<SignIn>) -> HttpResponse {
    let form = form.into_inner();
    let is_known = PEOPLE.iter().any(|(email, _)| *email == form.email);
    if !is_known || form.password != PASSWORD {
        return sign_in_page(&form.request, true);
    }
    let cookie = grants(&sandbox).log_in(&form.email);
    let mut response = consent_page(&form.request, &form.email);
    let cookie =
        Cookie::build(COOKIE, cookie).http_only(true).same_site(SameSite::Lax).path("/").finish();
    response.add_cookie(&cookie).ok();
    response
}

/// *Allow* or *Deny*. Strings as sent: ticked scopes come as `scope:<name>`.
pub async fn answer(sandbox: web::Data<Sandbox>, http: HttpRequest, body: String) -> HttpResponse {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(&body).unwrap_or_default();
    let request: Request = serde_urlencoded::from_str(&body).unwrap_or_default();
    let of =
        |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let Some(email) = who(&sandbox, &http) else {
        return sign_in_page(&request, false);
    };
    if of("action") == Some("other") {
        return sign_in_page(&request, false);
    }
    if request.redirect_uri != sandbox.redirect_uri {
        return message(
            400,
            "This request is not right",
            "The redirect URL is not registered here.",
        );
    }
    if of("action") != Some("allow") {
        return back(
            &sandbox,
            &request,
            &[("error", "access_denied"), ("error_description", "The person said no.")],
        );
    }
    let scopes =
        pairs.iter().filter_map(|(key, _)| key.strip_prefix("scope:")).map(str::to_owned).collect();
    let consent = Consent {
        email,
        scopes,
        challenge: request.code_challenge.clone(),
        redirect_uri: request.redirect_uri.clone(),
    };
    let code = grants(&sandbox).code(consent, sandbox.clock.now());
    back(&sandbox, &request, &[("code", &code)])
}

/// Where people see and remove the access that they gave.
pub async fn access(sandbox: web::Data<Sandbox>, http: HttpRequest) -> HttpResponse {
    let email = who(&sandbox, &http);
    let living = email.as_deref().map_or(0, |email| grants(&sandbox).living(email));
    html(
        200,
        &MessagePage {
            title: "Sandbox",
            text: "A small service to try Authorizers with.",
            email: email.as_deref(),
            living,
        },
    )
}

pub async fn remove_access(sandbox: web::Data<Sandbox>, http: HttpRequest) -> HttpResponse {
    if let Some(email) = who(&sandbox, &http) {
        grants(&sandbox).end_all(&email);
    }
    HttpResponse::SeeOther().insert_header(("Location", "/access")).finish()
}

pub async fn style() -> HttpResponse {
    HttpResponse::Ok().content_type("text/css; charset=utf-8").body(include_str!("sandbox.css"))
}

fn who(sandbox: &Sandbox, http: &HttpRequest) -> Option<String> {
    let cookie = http.cookie(COOKIE)?;
    grants(sandbox).who(cookie.value()).map(str::to_owned)
}

fn back(sandbox: &Sandbox, request: &Request, params: &[(&str, &str)]) -> HttpResponse {
    let Ok(mut url) = url::Url::parse(&sandbox.redirect_uri) else {
        return message(500, "Sandbox", "Its redirect URL is broken.");
    };
    url.query_pairs_mut()
        .extend_pairs(params)
        .append_pair("state", &request.state)
        .append_pair("iss", &sandbox.issuer);
    HttpResponse::SeeOther().insert_header(("Location", url.as_str())).finish()
}

fn sign_in_page(request: &Request, is_wrong: bool) -> HttpResponse {
    html(
        if is_wrong { 422 } else { 200 },
        &SignInPage { request, is_wrong, people: &PEOPLE, password: PASSWORD },
    )
}

fn consent_page(request: &Request, email: &str) -> HttpResponse {
    let asked: Vec<&str> = request.scope.split(' ').collect();
    let scopes = SCOPES.into_iter().filter(|(scope, _)| asked.contains(scope)).collect();
    html(200, &ConsentPage { request, email, scopes })
}

fn message(status: u16, title: &str, text: &str) -> HttpResponse {
    html(status, &MessagePage { title, text, email: None, living: 0 })
}

fn html(status: u16, page: &impl Template) -> HttpResponse {
    let status = actix_web::http::StatusCode::from_u16(status).unwrap_or_default();
    match page.render() {
        Ok(body) => HttpResponse::build(status)
            .insert_header((
                "Content-Security-Policy",
                "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'",
            ))
            .content_type("text/html; charset=utf-8")
            .body(body),
        Err(error) => HttpResponse::InternalServerError().body(error.to_string()),
    }
}
