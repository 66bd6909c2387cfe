//! Answers: a page, or the way to the next one.
use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use askama::Template;

use super::error::PageError;

pub type PageResult<T = HttpResponse> = Result<T, PageError>;

pub fn html(status: StatusCode, page: &impl Template) -> PageResult {
    let body = page.render().map_err(|error| PageError::internal(&error.to_string()))?;
    Ok(HttpResponse::build(status).content_type("text/html; charset=utf-8").body(body))
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
