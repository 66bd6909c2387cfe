//! Pages and forms. The whole route table is `routes`.
pub mod account;
pub mod activity;
pub mod assets;
pub mod authorizers;
pub mod calendar;
pub mod caller;
pub mod csrf;
pub mod error;
pub mod error_page;
pub mod flash;
pub mod flows;
pub mod forms;
pub mod fragment;
pub mod headers;
pub mod installation;
pub mod layout;
pub mod letters;
pub mod limits;
pub mod members;
pub mod metrics;
pub mod needs;
pub mod oauth_apps;
pub mod packing;
pub mod page;
pub mod paths;
pub mod report;
pub mod requests;
pub mod resend;
pub mod services;
pub mod session;
pub mod swaps;
pub mod ui;
pub mod versions;
pub mod visitor;
pub mod webhooks;
pub mod wording;
mod wording_activity;
mod wording_cause;
mod wording_ends;
mod wording_notice;

use actix_web::HttpRequest;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::{App, Resource, Route, guard, web};
use ipnet::IpNet;
use zeroize::Zeroizing;

use crate::domain::Ctx;

use error::PageError;
use limits::Limits;

/// What the web needs beside `Ctx`: made once, shared by all threads.
pub struct Frame {
    cookie_key: Zeroizing<Vec<u8>>,
    /// The public address is https: cookies are sent over it alone.
    is_secure: bool,
    /// Reverse proxies whose word on the caller's address is taken.
    trusted_proxies: Vec<IpNet>,
    sign_in_limits: Limits,
    /// Apart from those of signing in: a calendar asks again and again, with an old address too.
    calendar_limits: Limits,
    fragments: fragment::Fragments,
}

/// Lists that are held drawn and packed.
const LISTS: usize = 16;

impl Frame {
    pub fn new(ctx: &Ctx, trusted_proxies: Vec<IpNet>) -> web::Data<Self> {
        web::Data::new(Self {
            cookie_key: Zeroizing::new(ctx.cipher.ring().cookie().to_vec()),
            is_secure: ctx.site.public_url.starts_with("https://"),
            trusted_proxies,
            sign_in_limits: Limits::default(),
            calendar_limits: Limits::default(),
            fragments: fragment::Fragments::new(LISTS),
        })
    }
}

/// What `HttpServer` takes: the pages with everything that is wrapped around them.
pub trait Stack:
    ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse<Self::Body>, Error = actix_web::Error, InitError = ()>
{
    type Body: MessageBody;
}

impl<T, B> Stack for T
where
    T: ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse<B>, Error = actix_web::Error, InitError = ()>,
    B: MessageBody,
{
    type Body = B;
}

/// The whole app, for `HttpServer::new(move || web::app(&ctx, &frame))`.
pub fn app(ctx: &Ctx, frame: &web::Data<Frame>) -> App<impl Stack + use<>> {
    let pages = web::scope("")
        .configure(routes)
        .default_service(web::to(nothing_here))
        .wrap(from_fn(csrf::guard))
        .wrap(from_fn(error_page::render))
        .wrap(session::middleware(&frame.cookie_key, frame.is_secure))
        .wrap(from_fn(packing::pack));
    App::new()
        .app_data(web::Data::new(ctx.clone()))
        .app_data(frame.clone())
        .configure(files)
        .service(pages)
        .wrap(from_fn(headers::apply))
}

/// What answers for itself: no session, no page.
fn files(cfg: &mut web::ServiceConfig) {
    cfg.service(at("/static/{name}").route(get().to(assets::get)))
        .service(at("/favicon.ico").route(get().to(assets::favicon)))
        .service(at("/robots.txt").route(get().to(assets::robots)))
        .service(at("/health/live").route(get().to(metrics::live)))
        .service(at("/health/ready").route(get().to(metrics::ready)))
        .service(at("/metrics").route(get().to(metrics::get)))
        .service(at("/calendar/{token}.ics").route(get().to(calendar::feed::get)));
}

/// Every page, by feature.
pub fn routes(cfg: &mut web::ServiceConfig) {
    cfg.service(at("/").route(get().to(home)));

    cfg.service(at("/set-up").route(get().to(account::set_up::get)).route(post().to(account::set_up::post)))
        .service(at("/sign-in").route(get().to(account::sign_in::get)).route(post().to(account::sign_in::post)))
        .service(at("/sign-out").route(post().to(account::sign_out::post)));

    people(cfg);
    notices(cfg);
    takeovers(cfg);

    // `new` before any `{id}` of the same place.
    cfg.service(at("/installation").route(get().to(installation::get)).route(post().to(installation::post)))
        .service(at("/services").route(get().to(services::list::get)))
        .service(at("/guides/{service}").route(get().to(services::guide::get)))
        .service(at("/authorizers/new").route(get().to(services::choose::authorizer)))
        .service(at("/sources/new").route(get().to(services::choose::source)))
        .service(at("/destinations/new").route(get().to(services::choose::destination)));

    cfg.service(at("/authorizers").route(get().to(authorizers::list::get)))
        .service(at("/authorizers/queue").route(get().to(authorizers::queue::get)))
        .service(
            at("/authorizers/new/{service}").route(get().to(authorizers::set_up::get)).route(post().to(authorizers::set_up::post)),
        )
        .service(at("/authorizers/{id}").route(get().to(authorizers::show::get)))
        .service(at("/authorizers/{id}/edit").route(get().to(authorizers::edit::get)).route(post().to(authorizers::edit::post)))
        .service(
            at("/authorizers/{id}/reauthorize")
                .route(get().to(authorizers::reauthorize::get))
                .route(post().to(authorizers::reauthorize::post)),
        )
        .service(at("/authorizers/{id}/test").route(get().to(up)).route(post().to(authorizers::test::post)))
        .service(
            at("/authorizers/{id}/revoke").route(get().to(authorizers::revoke::get)).route(post().to(authorizers::revoke::post)),
        )
        .service(at("/authorizers/{id}/receipt").route(get().to(authorizers::revoke::receipt)))
        .service(
            at("/authorizers/{id}/delete").route(get().to(authorizers::delete::get)).route(post().to(authorizers::delete::post)),
        )
        .service(at("/tests/{id}").route(get().to(authorizers::test::get)))
        .service(at("/forecast").route(get().to(authorizers::forecast::get)))
        .service(at("/forecast/calendar").route(post().to(calendar::address::make)))
        .service(at("/forecast/calendar/stop").route(post().to(calendar::address::stop)));

    for list in [paths::sources(), paths::destinations()] {
        let at_list = |rest: &str| at(&format!("{list}{rest}"));
        cfg.service(at_list("").route(get().to(flows::list::get)))
            .service(at_list("/new/{service}").route(get().to(flows::edit::get_new)).route(post().to(flows::edit::post_new)))
            .service(at_list("/drafts/{id}/discard").route(post().to(flows::drafts::discard)))
            .service(at_list("/{id}").route(get().to(flows::show::get)))
            .service(at_list("/{id}/edit").route(get().to(flows::edit::get_edit)).route(post().to(flows::edit::post_edit)))
            .service(at_list("/{id}/test").route(get().to(up)).route(post().to(flows::show::test)))
            .service(at_list("/{id}/delete").route(get().to(flows::delete::get)).route(post().to(flows::delete::post)));
    }

    cfg.service(at("/oauth/callback").route(get().to(authorizers::callback::get)))
        .service(at("/oauth/attempts/{id}").route(get().to(authorizers::attempt::get)))
        .service(at("/oauth/attempts/{id}/again").route(post().to(authorizers::attempt::again)))
        .service(
            at("/oauth/attempts/{id}/other-account")
                .route(get().to(authorizers::other_account::get))
                .route(post().to(authorizers::other_account::post)),
        );

    cfg.service(at("/oauth-apps").route(get().to(oauth_apps::list::get)))
        .service(at("/oauth-apps/new/{service}").route(get().to(oauth_apps::edit::new)).route(post().to(oauth_apps::edit::create)))
        .service(at("/oauth-apps/{id}").route(get().to(oauth_apps::edit::get)).route(post().to(oauth_apps::edit::post)))
        .service(at("/oauth-apps/{id}/delete").route(post().to(oauth_apps::edit::delete)));
}

/// Where notices go, beside one's own mailbox.
fn notices(cfg: &mut web::ServiceConfig) {
    cfg.service(at("/webhooks").route(get().to(webhooks::list::get)))
        .service(at("/webhooks/test-mail").route(get().to(up)).route(post().to(webhooks::list::test_mail)))
        .service(at("/webhooks/new").route(get().to(webhooks::edit::new)).route(post().to(webhooks::edit::create)))
        .service(at("/webhooks/{id}").route(get().to(webhooks::show::get)))
        .service(at("/webhooks/{id}/edit").route(get().to(webhooks::edit::get)).route(post().to(webhooks::edit::post)))
        .service(at("/webhooks/{id}/test").route(get().to(up)).route(post().to(webhooks::show::test)))
        .service(at("/webhooks/{id}/secret").route(get().to(up)).route(post().to(webhooks::show::secret)))
        .service(at("/webhooks/{id}/deliveries/{delivery}/again").route(post().to(webhooks::show::again)))
        .service(at("/webhooks/{id}/delete").route(get().to(webhooks::delete::get)).route(post().to(webhooks::delete::post)));
}

/// One account in the place of another.
fn takeovers(cfg: &mut web::ServiceConfig) {
    cfg.service(at("/authorizers/{id}/replace").route(get().to(swaps::choose::get)).route(post().to(swaps::choose::post)))
        .service(at("/swaps/{id}").route(get().to(swaps::show::get)).route(post().to(swaps::show::replace)))
        .service(at("/swaps/{id}/undo").route(get().to(up)).route(post().to(swaps::show::undo)));
}

/// Oneself, the others, what is asked of them and what they did.
fn people(cfg: &mut web::ServiceConfig) {
    cfg.service(at("/invitations/{token}").route(get().to(account::invitation::get)).route(post().to(account::invitation::post)))
        .service(at("/account").route(get().to(account::profile::get)).route(post().to(account::profile::post)))
        .service(at("/account/email").route(get().to(up)).route(post().to(account::profile::email)))
        .service(at("/account/password").route(get().to(up)).route(post().to(account::profile::password)))
        .service(at("/account/sessions").route(get().to(up)).route(post().to(account::profile::sessions)))
        .service(at("/account/notices").route(get().to(account::notices::get)).route(post().to(account::notices::post)));

    cfg.service(at("/members").route(get().to(members::list::get)))
        .service(at("/members/new").route(get().to(members::new::get)).route(post().to(members::new::post)))
        .service(at("/members/{id}").route(get().to(members::show::get)))
        .service(at("/members/{id}/role").route(post().to(members::show::role)))
        .service(at("/members/{id}/link").route(post().to(members::show::link)))
        .service(at("/members/{id}/sign-out").route(post().to(members::show::sign_out)))
        .service(at("/members/{id}/activate").route(post().to(members::show::activate)))
        .service(
            at("/members/{id}/deactivate").route(get().to(members::deactivate::get)).route(post().to(members::deactivate::post)),
        );

    cfg.service(at("/requests").route(get().to(requests::list::get)))
        .service(at("/requests/new").route(get().to(requests::new::get)).route(post().to(requests::new::post)))
        .service(at("/requests/{id}").route(get().to(requests::show::get)).route(post().to(requests::show::post)));

    cfg.service(at("/activity").route(get().to(activity::list::get)));
}

fn at(path: &str) -> Resource {
    web::resource(path)
}

/// GET, and HEAD for those who only look whether it is there.
fn get() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

fn post() -> Route {
    web::post()
}

async fn home() -> page::PageResult {
    page::see_other(paths::authorizers())
}

/// A refused form stands at an address that only takes forms: who opens that anew is led to the page that has the form.
async fn up(request: HttpRequest) -> page::PageResult {
    page::see_other(request.path().rsplit_once('/').map_or("/", |(above, _)| above))
}

async fn nothing_here() -> page::PageResult {
    Err(PageError::NotFound)
}
