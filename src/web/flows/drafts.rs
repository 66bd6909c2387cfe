//! *Discard* of an unfinished form.
use actix_session::Session;
use actix_web::web;

use super::{Kind, words};
use crate::domain::{Ctx, drafts};
use crate::model::ids::DraftId;
use crate::model::role::Permission;
use crate::web::csrf::{Protected, RawForm};
use crate::web::flash;
use crate::web::page::{self, PageResult};
use crate::web::visitor::Visitor;

/// Somebody else's draft is as good as none: nothing happens to it.
pub async fn discard(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    (Kind(kind), id): (Kind, web::Path<String>),
    session: Session,
    _: Protected<RawForm>,
) -> PageResult {
    visitor.must(Permission::EditFlows)?;
    drafts::delete(&ctx, &visitor.actor, &DraftId::from(id.as_str())).await?;
    flash::success(&session, "Discarded.");
    page::see_other(words(kind).list)
}
