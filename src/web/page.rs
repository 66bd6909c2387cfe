//! Answers: a page, or the way to the next one.
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use askama::Template;

use super::error::PageError;

/// No more room than this is made ahead.
const MOST_AHEAD: usize = 96 * 1024;

pub type PageResult<T = HttpResponse> = Result<T, PageError>;

/// The longest page so far: room for the next one at once, in place of moving it as it grows.
static LONGEST: AtomicUsize = AtomicUsize::new(16 * 1024);

pub fn html(status: StatusCode, page: &impl Template) -> PageResult {
    Ok(answer(status, draw(page)?))
}

pub fn draw(page: &impl Template) -> PageResult<String> {
    let mut body = String::with_capacity(LONGEST.load(Ordering::Relaxed));
    page.render_into(&mut body).map_err(|error| PageError::internal(&error.to_string()))?;
    LONGEST.fetch_max(body.len().min(MOST_AHEAD), Ordering::Relaxed);
    Ok(body)
}

pub fn answer(status: StatusCode, body: String) -> HttpResponse {
    HttpResponse::build(status).content_type("text/html; charset=utf-8").body(body)
}

pub fn ok(page: &impl Template) -> PageResult {
    html(StatusCode::OK, page)
}

/// The same form again, with what is wrong.
pub fn unprocessable(page: &impl Template) -> PageResult {
    html(StatusCode::UNPROCESSABLE_ENTITY, page)
}

/// After a POST: the browser asks for the next page, and a reload repeats nothing.
pub fn see_other(path: &str) -> PageResult {
    Ok(HttpResponse::SeeOther().insert_header((header::LOCATION, path)).finish())
}
