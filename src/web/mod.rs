//! Pages and forms. The route table is in `routes`.
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
pub mod forwarded;
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
pub mod once;
pub mod outage;
pub mod packing;
pub mod page;
pub mod paths;
pub mod report;
pub mod requests;
pub mod resend;
mod routes;
pub mod services;
pub mod session;
pub mod swaps;
pub mod ui;
pub mod versions;
pub mod visitor;
pub mod webhooks;
pub mod wording;
mod wording_activity;
mod wording_attempt;
mod wording_cause;
mod wording_ends;
mod wording_notice;
mod wording_revocation;

use actix_web::App;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::web;
use ipnet::IpNet;
use zeroize::Zeroizing;

use crate::clock::Throttle;
use crate::domain::Ctx;

use limits::Limits;

/// What the web needs beside `Ctx`: made once, shared by all threads.
pub struct Frame {
    cookie_key: Zeroizing<Vec<u8>>,
    /// The public address is https: cookies are sent over it alone.
    is_secure: bool,
    /// Reverse proxies whose word on the caller's address is taken.
    trusted_proxies: Vec<IpNet>,
    /// That a proxy contradicts itself is logged once in a while.
    forwarded_warning: Throttle,
    sign_in_limits: Limits,
    /// Apart from those of signing in: a calendar asks again and again, with an old address too.
    calendar_limits: Limits,
    fragments: fragment::Fragments,
    /// Forms of those who have not signed in, while they are answered.
    visitors: once::Visitors,
}

/// Lists that are held drawn and packed.
const LISTS: usize = 16;

impl Frame {
    pub fn new(ctx: &Ctx, trusted_proxies: Vec<IpNet>) -> web::Data<Self> {
        web::Data::new(Self {
            cookie_key: Zeroizing::new(ctx.cipher.ring().cookie().to_vec()),
            is_secure: ctx.site.public_url.starts_with("https://"),
            trusted_proxies,
            forwarded_warning: Throttle::default(),
            sign_in_limits: Limits::default(),
            calendar_limits: Limits::default(),
            fragments: fragment::Fragments::new(LISTS),
            visitors: once::Visitors::default(),
        })
    }
}

/// What `HttpServer` takes: the pages with everything that is wrapped around them.
pub trait Stack:
    ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<Self::Body>,
        Error = actix_web::Error,
        InitError = (),
    >
{
    type Body: MessageBody;
}

impl<T, B> Stack for T
where
    T: ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<B>,
            Error = actix_web::Error,
            InitError = (),
        >,
    B: MessageBody,
{
    type Body = B;
}

/// The whole app, for `HttpServer::new(move || web::app(&ctx, &frame))`.
pub fn app(ctx: &Ctx, frame: &web::Data<Frame>) -> App<impl Stack + use<>> {
    let pages = web::scope("")
        .configure(routes::pages)
        .default_service(web::to(routes::not_found))
        .wrap(from_fn(csrf::guard))
        .wrap(from_fn(error_page::render))
        .wrap(session::middleware(&frame.cookie_key, frame.is_secure))
        .wrap(from_fn(packing::pack));
    App::new()
        .app_data(web::Data::new(ctx.clone()))
        .app_data(frame.clone())
        .configure(routes::files)
        .service(pages)
        .wrap(from_fn(headers::apply))
}
