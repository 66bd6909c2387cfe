//! The part of a page that is the same for everybody of a role. It is drawn and packed once, until something is written.
use std::sync::Arc;

use actix_web::http::StatusCode;
use askama::Template;

use super::error::PageError;
use super::packing::{Packed, Part};
use super::page::{self, PageResult};
use crate::domain::memo::Memo;
use crate::model::role::Role;

/// Which part, for whom, asked for how.
#[derive(PartialEq, Eq, Hash)]
pub struct Key {
    pub part: &'static str,
    pub role: Role,
    pub query: String,
}

pub type Fragments = Memo<Key, Arc<Fragment>>;

pub struct Fragment {
    pub html: String,
    packed: Arc<Packed>,
}

impl Fragment {
    pub fn draw(part: &impl Template) -> Result<Arc<Self>, PageError> {
        let mut html = page::draw(part)?;
        html.shrink_to_fit();
        let packed =
            Packed::of(html.as_bytes()).map_err(|error| PageError::internal(&error.to_string()))?;
        Ok(Arc::new(Self { html, packed: Arc::new(packed) }))
    }
}

/// A page around a fragment: what is packed already is told to whoever packs the rest.
pub fn page(page: &impl Template, fragment: &Fragment) -> PageResult {
    let body = page::draw(page)?;
    let at = place(&body, &fragment.html);
    let mut answer = page::answer(StatusCode::OK, body);
    if let Some(at) = at {
        answer.extensions_mut().insert(Part { at, packed: Arc::clone(&fragment.packed) });
    }
    Ok(answer)
}

/// Looking for all of a long text would take longer than packing it anew: its beginning is looked for.
fn place(body: &str, part: &str) -> Option<usize> {
    let beginning = part.get(..part.len().min(48))?;
    body.match_indices(beginning)
        .map(|(at, _)| at)
        .find(|at| body.get(*at..).is_some_and(|rest| rest.starts_with(part)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_found_where_all_of_it_stands() {
        let part = format!("{}<b>one</b>", "<p>".repeat(30));
        let body = format!("<html>{}<b>two</b>{part}</html>", "<p>".repeat(31));
        assert_eq!(place(&body, &part), Some(6 + 93 + 10));
        assert_eq!(place(&body, "<p>nowhere"), None);
        assert_eq!(place(&body, ""), Some(0));
    }
}
