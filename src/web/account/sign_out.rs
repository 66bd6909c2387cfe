//! *Sign out*: the session's row goes, so a copied cookie opens nothing.
use actix_session::Session;
use actix_web::web;
use serde::Deserialize;

use crate::domain::{Ctx, account};
use crate::web::csrf::Protected;
use crate::web::page::{self, PageResult};
use crate::web::{flash, paths, session, visitor};

#[derive(Deserialize)]
pub struct Nothing {}

pub async fn post(ctx: web::Data<Ctx>, session: Session, _: Protected<Nothing>) -> PageResult {
    // Somebody whose session has ended elsewhere wants the same: to be out.
    if let Some(visitor) = visitor::find(&ctx, &session).await? {
        account::sign_out(&ctx, &visitor.actor).await?;
    }
    session::end(&session);
    flash::success(&session, "You are signed out.");
    page::see_other(paths::sign_in())
}
