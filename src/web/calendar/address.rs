//! *Make the address*, *Renew address*, *Stop*: the forecast page shows a fresh address once.
use actix_session::Session;
use actix_web::web;

use crate::domain::{Ctx, calendar};
use crate::web::csrf::{Protected, RawForm};
use crate::web::page::{self, PageResult};
use crate::web::visitor::Visitor;
use crate::web::{flash, paths};

/// Where the cookie, which is encrypted, carries a fresh address to the page that shows it once.
const FRESH: &str = "fresh_calendar";

pub async fn make(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    session: Session,
    _: Protected<RawForm>,
) -> PageResult {
    let secret = calendar::make(&ctx, &visitor.actor).await?;
    if let Err(error) = session.insert(FRESH, (visitor.actor.user_id.as_str(), secret.expose())) {
        tracing::error!(%error, "a fresh address could not be kept for its page");
    }
    page::see_other(paths::forecast())
}

pub async fn stop(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    session: Session,
    _: Protected<RawForm>,
) -> PageResult {
    calendar::stop(&ctx, &visitor.actor).await?;
    flash::success(&session, "The calendar is stopped: its address opens nothing any more.");
    page::see_other(paths::forecast())
}

/// The fresh address, whole, for the one page that shows it.
pub fn take(ctx: &Ctx, visitor: &Visitor, session: &Session) -> Option<String> {
    let (of, token) = session.remove_as::<(String, String)>(FRESH)?.ok()?;
    (of == visitor.actor.user_id.as_str())
        .then(|| format!("{}{}", ctx.site.public_url, paths::calendar(token)))
}
