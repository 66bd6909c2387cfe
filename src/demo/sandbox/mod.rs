//! Sandbox: a small real OAuth 2.0 server with a reports API, on a port of its own. It exists in `demo` alone.
//!
//! Authorization code with PKCE (RFC 7636), rotation with reuse detection (RFC 9700 §4.14), revocation (RFC 7009), `iss` (RFC 9207).
mod api;
mod consent;
mod grants;
mod token;

use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use actix_web::{App, HttpServer, web};

use crate::clock::Clock;
pub use grants::Grants;

pub const CLIENT_ID: &str = "sandbox-client";
pub const CLIENT_SECRET: &str = "sandbox-secret-for-the-demo";
/// Anybody's password there.
pub const PASSWORD: &str = "sandbox";
pub const PEOPLE: [(&str, &str); 2] =
    [("anna@harbourpine.example", "Anna Kovács"), ("ben@harbourpine.example", "Ben Okafor")];

/// What its handlers share.
#[derive(Clone)]
pub struct Sandbox {
    pub clock: Clock,
    /// Its own address, `http://127.0.0.1:54321`.
    pub issuer: String,
    /// The only address that it sends a browser back to.
    pub redirect_uri: String,
    pub grants: Arc<Mutex<Grants>>,
}

/// Serves until `server` is stopped.
pub fn server(listener: TcpListener, sandbox: Sandbox) -> std::io::Result<actix_web::dev::Server> {
    let data = web::Data::new(sandbox);
    let app = move || {
        App::new()
            .app_data(data.clone())
            .route("/", web::get().to(consent::home))
            .route("/authorize", web::get().to(consent::ask))
            .route("/authorize", web::post().to(consent::answer))
            .route("/sign-in", web::post().to(consent::sign_in))
            .route("/access", web::get().to(consent::access))
            .route("/access", web::post().to(consent::remove_access))
            .route("/style.css", web::get().to(consent::style))
            .route("/token", web::post().to(token::token))
            .route("/revoke", web::post().to(token::revoke))
            .route("/api/me", web::get().to(api::me))
            .route("/api/reports", web::get().to(api::reports))
            .route("/api/reports/{id}/rows", web::get().to(api::rows))
    };
    Ok(HttpServer::new(app)
        .workers(1)
        .shutdown_timeout(1)
        .disable_signals()
        .listen(listener)?
        .run())
}

/// The state behind its lock; a poisoned lock is still good data here.
fn grants(sandbox: &Sandbox) -> std::sync::MutexGuard<'_, Grants> {
    sandbox.grants.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
