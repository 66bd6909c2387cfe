//! The route table: every address, by feature.
use actix_web::{FromRequest, Handler, HttpRequest, Resource, Responder, Route, guard, web};

use super::error::PageError;
use super::page::{PageResult, see_other};
use super::{
    account, activity, assets, authorizers, calendar, flows, installation, members, metrics,
    oauth_apps, paths, requests, services, swaps, webhooks,
};

/// What answers for itself: no session, no page.
pub fn files(cfg: &mut web::ServiceConfig) {
    cfg.service(page("/static/{name}", assets::get))
        .service(page("/favicon.ico", assets::favicon))
        .service(page("/robots.txt", assets::robots))
        .service(page("/health/live", metrics::live))
        .service(page("/health/ready", metrics::ready))
        .service(page("/metrics", metrics::get))
        .service(page("/calendar/{token}.ics", calendar::feed::get));
}

/// Every page, by feature.
pub fn pages(cfg: &mut web::ServiceConfig) {
    cfg.service(page("/", home));

    cfg.service(form("/set-up", account::set_up::get, account::set_up::post))
        .service(form("/sign-in", account::sign_in::get, account::sign_in::post))
        .service(action("/sign-out", account::sign_out::post));

    people(cfg);
    notices(cfg);
    takeovers(cfg);

    // `new` before any `{id}` of the same place.
    cfg.service(form("/installation", installation::get, installation::post))
        .service(page("/services", services::list::get))
        .service(action("/services/{id}/hosts", services::list::confirm))
        .service(page("/guides/{service}", services::guide::get))
        .service(page("/authorizers/new", services::choose::authorizer))
        .service(page("/sources/new", services::choose::source))
        .service(page("/destinations/new", services::choose::destination));

    cfg.service(page("/authorizers", authorizers::list::get))
        .service(page("/authorizers/queue", authorizers::queue::get))
        .service(form(
            "/authorizers/new/{service}",
            authorizers::set_up::get,
            authorizers::set_up::post,
        ))
        .service(page("/authorizers/{id}", authorizers::show::get))
        .service(form("/authorizers/{id}/edit", authorizers::edit::get, authorizers::edit::post))
        .service(form(
            "/authorizers/{id}/reauthorize",
            authorizers::reauthorize::get,
            authorizers::reauthorize::post,
        ))
        .service(button("/authorizers/{id}/test", authorizers::test::post))
        .service(form(
            "/authorizers/{id}/revoke",
            authorizers::revoke::get,
            authorizers::revoke::post,
        ))
        .service(page("/authorizers/{id}/receipt", authorizers::revoke::receipt))
        .service(form(
            "/authorizers/{id}/delete",
            authorizers::delete::get,
            authorizers::delete::post,
        ))
        .service(page("/tests/{id}", authorizers::test::get))
        .service(page("/forecast", authorizers::forecast::get))
        .service(action("/forecast/calendar", calendar::address::make))
        .service(action("/forecast/calendar/stop", calendar::address::stop));

    for list in [paths::sources(), paths::destinations()] {
        let at = |rest: &str| format!("{list}{rest}");
        cfg.service(page(&at(""), flows::list::get))
            .service(form(&at("/new/{service}"), flows::edit::get_new, flows::edit::post_new))
            .service(action(&at("/drafts/{id}/discard"), flows::drafts::discard))
            .service(page(&at("/{id}"), flows::show::get))
            .service(form(&at("/{id}/edit"), flows::edit::get_edit, flows::edit::post_edit))
            .service(button(&at("/{id}/test"), flows::show::test))
            .service(form(&at("/{id}/delete"), flows::delete::get, flows::delete::post));
    }

    cfg.service(page("/oauth/callback", authorizers::callback::get))
        .service(page("/oauth/attempts/{id}", authorizers::attempt::get))
        .service(action("/oauth/attempts/{id}/again", authorizers::attempt::again))
        .service(form(
            "/oauth/attempts/{id}/other-account",
            authorizers::other_account::get,
            authorizers::other_account::post,
        ));

    cfg.service(page("/oauth-apps", oauth_apps::list::get))
        .service(form("/oauth-apps/new/{service}", oauth_apps::edit::new, oauth_apps::edit::create))
        .service(form("/oauth-apps/{id}", oauth_apps::edit::get, oauth_apps::edit::post))
        .service(action("/oauth-apps/{id}/delete", oauth_apps::edit::delete));
}

/// Where notices go, beside one's own mailbox.
fn notices(cfg: &mut web::ServiceConfig) {
    cfg.service(page("/webhooks", webhooks::list::get))
        .service(button("/webhooks/test-mail", webhooks::list::test_mail))
        .service(form("/webhooks/new", webhooks::edit::new, webhooks::edit::create))
        .service(page("/webhooks/{id}", webhooks::show::get))
        .service(form("/webhooks/{id}/edit", webhooks::edit::get, webhooks::edit::post))
        .service(button("/webhooks/{id}/test", webhooks::show::test))
        .service(button("/webhooks/{id}/secret", webhooks::show::secret))
        .service(action("/webhooks/{id}/deliveries/{delivery}/again", webhooks::show::again))
        .service(form("/webhooks/{id}/delete", webhooks::delete::get, webhooks::delete::post));
}

/// One account in the place of another.
fn takeovers(cfg: &mut web::ServiceConfig) {
    cfg.service(form("/authorizers/{id}/replace", swaps::choose::get, swaps::choose::post))
        .service(form("/swaps/{id}", swaps::show::get, swaps::show::replace))
        .service(button("/swaps/{id}/undo", swaps::show::undo));
}

/// Oneself, the others, what is asked of them and what they did.
fn people(cfg: &mut web::ServiceConfig) {
    cfg.service(form("/invitations/{token}", account::invitation::get, account::invitation::post))
        .service(form("/account", account::profile::get, account::profile::post))
        .service(button("/account/email", account::profile::email))
        .service(button("/account/password", account::profile::password))
        .service(button("/account/sessions", account::profile::sessions))
        .service(form("/account/notices", account::notices::get, account::notices::post));

    cfg.service(page("/members", members::list::get))
        .service(form("/members/new", members::new::get, members::new::post))
        .service(page("/members/{id}", members::show::get))
        .service(action("/members/{id}/role", members::show::role))
        .service(action("/members/{id}/link", members::show::link))
        .service(action("/members/{id}/sign-out", members::show::sign_out))
        .service(action("/members/{id}/activate", members::show::activate))
        .service(form(
            "/members/{id}/deactivate",
            members::deactivate::get,
            members::deactivate::post,
        ));

    cfg.service(page("/requests", requests::list::get))
        .service(form("/requests/new", requests::new::get, requests::new::post))
        .service(form("/requests/{id}", requests::show::get, requests::show::post));

    cfg.service(page("/activity", activity::list::get));
}

/// A page that is only read.
fn page<F, A>(path: &str, read: F) -> Resource
where
    F: Handler<A, Output: Responder + 'static>,
    A: FromRequest + 'static,
{
    web::resource(path).route(get().to(read))
}

/// A page with a form that is sent to its own address.
fn form<F, A, G, B>(path: &str, read: F, submit: G) -> Resource
where
    F: Handler<A, Output: Responder + 'static>,
    A: FromRequest + 'static,
    G: Handler<B, Output: Responder + 'static>,
    B: FromRequest + 'static,
{
    page(path, read).route(web::post().to(submit))
}

/// A button of the page one step up: GET leads there, because a refused form is drawn at this
/// address and may be reloaded.
fn button<F, A>(path: &str, submit: F) -> Resource
where
    F: Handler<A, Output: Responder + 'static>,
    A: FromRequest + 'static,
{
    form(path, redirect_to_parent, submit)
}

/// An address that takes a form and shows nothing.
fn action<F, A>(path: &str, submit: F) -> Resource
where
    F: Handler<A, Output: Responder + 'static>,
    A: FromRequest + 'static,
{
    web::resource(path).route(web::post().to(submit))
}

/// GET, and HEAD for callers that only check that the page exists.
fn get() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

async fn home() -> PageResult {
    see_other(paths::authorizers())
}

async fn redirect_to_parent(request: HttpRequest) -> PageResult {
    see_other(request.path().rsplit_once('/').map_or("/", |(parent, _)| parent))
}

pub async fn not_found() -> PageResult {
    Err(PageError::NotFound)
}
