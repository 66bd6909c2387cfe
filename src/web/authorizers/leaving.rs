//! The way out to a provider. Not a redirect: `form-action 'self'` would stop it, silently.
use actix_web::http::header::{HeaderName, HeaderValue};
use askama::Template;

use crate::catalog::Service;
use crate::web::error::PageError;
use crate::web::layout::Solo;
use crate::web::page::{self, PageResult};
use crate::web::ui::Tile;
use crate::web::visitor::Visitor;

#[derive(Template)]
#[template(path = "authorizers/leaving.html")]
struct LeavingPage {
    layout: Solo,
    tile: Tile,
    service_name: String,
    url: String,
    cancel: String,
}

/// 200 with a `Refresh` header and a plain link, whichever the browser takes.
pub fn page(visitor: &Visitor, service: &Service, url: &str, cancel: &str) -> PageResult {
    let body = LeavingPage {
        layout: Solo::of(visitor, &format!("Taking you to {}", service.head.name)),
        tile: Tile::of(Some(service), service.id()),
        service_name: service.head.name.clone(),
        url: url.to_owned(),
        cancel: cancel.to_owned(),
    };
    let mut response = page::ok(&body)?;
    let refresh = HeaderValue::from_str(&format!("0; url={url}"))
        .map_err(|_| PageError::internal("an address is no header"))?;
    response.headers_mut().insert(HeaderName::from_static("refresh"), refresh);
    Ok(response)
}
