//! Sources and destinations: the same pages for both; the address says which.
pub mod accounts;
mod actions;
pub mod delete;
pub mod drafts;
pub mod edit;
pub mod form;
pub mod list;
pub mod notice;
pub mod panel;
pub mod rows;
pub mod show;
pub mod state;

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use crate::model::flow::FlowKind;
use crate::web::error::PageError;
use crate::web::layout::Section;
use crate::web::paths;

/// Read from the address: `/sources/…` or `/destinations/…`.
#[derive(Clone, Copy)]
pub struct Kind(pub FlowKind);

impl FromRequest for Kind {
    type Error = PageError;
    type Future = Ready<Result<Self, PageError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let is_source = request.path().starts_with(paths::sources());
        ready(Ok(Self(if is_source { FlowKind::Source } else { FlowKind::Destination })))
    }
}

/// The words and addresses of a kind.
pub struct Words {
    /// `Source`
    pub one: &'static str,
    /// `source`
    pub small: &'static str,
    /// `Sources`
    pub many: &'static str,
    pub icon: &'static str,
    pub list: &'static str,
    pub new: &'static str,
    pub section: Section,
}

pub fn words(kind: FlowKind) -> Words {
    match kind {
        FlowKind::Source => Words {
            one: "Source",
            small: "source",
            many: "Sources",
            icon: "database-export",
            list: paths::sources(),
            new: paths::new_source(),
            section: Section::Sources,
        },
        FlowKind::Destination => Words {
            one: "Destination",
            small: "destination",
            many: "Destinations",
            icon: "database-import",
            list: paths::destinations(),
            new: paths::new_destination(),
            section: Section::Destinations,
        },
    }
}
