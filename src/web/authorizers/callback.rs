//! `/oauth/callback`: where every provider sends people back. The one GET that changes something: OAuth wants it so;
//! it acts once, on an attempt that this person began in this browser.
use actix_session::Session;
use actix_web::{HttpRequest, web};

use super::attempt;
use crate::domain::authorizers::complete::{self, Completed};
use crate::domain::{Ctx, drafts};
use crate::model::attempt::Attempt;
use crate::model::callback::CallbackParams;
use crate::model::ids::AuthorizerId;
use crate::web::error::PageError;
use crate::web::page::{self, PageResult};
use crate::web::visitor::Visitor;
use crate::web::{flash, paths, session};

pub async fn get(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    session: Session,
    request: HttpRequest,
) -> PageResult {
    let browser = session::browser(&session);
    let kept = session::take_arrival(&session);
    // The person may have had to sign in first; what the provider sent was kept meanwhile.
    let sent = Some(request.query_string()).filter(|query| !query.is_empty());
    let params = CallbackParams::parse(sent.or(kept.as_deref()).unwrap_or_default());
    let completed = complete::complete(&ctx, &visitor.actor, params, Some(&browser)).await?;
    answer(&ctx, &visitor, &session, completed).await
}

/// Leads to where the attempt ended.
pub(super) async fn answer(
    ctx: &Ctx,
    visitor: &Visitor,
    session: &Session,
    completed: Completed,
) -> PageResult {
    match completed {
        Completed::Saved { attempt, id } => saved(ctx, visitor, session, (attempt, id)).await,
        Completed::Failed(attempt) => failed(ctx, visitor, &attempt).await,
        Completed::OtherAccount(attempt) => page::see_other(&paths::other_account(&attempt.id)),
        Completed::UnderWay(attempt) => page::see_other(&paths::attempt(&attempt.id)),
        Completed::Refused(cause) => attempt::refused(visitor, cause),
    }
}

async fn saved(
    ctx: &Ctx,
    visitor: &Visitor,
    session: &Session,
    (attempt, id): (Attempt, AuthorizerId),
) -> PageResult {
    let end = end_of(ctx, visitor, &attempt, &id).await?;
    let text = if end.is_form {
        "Connected. The new account is chosen below."
    } else if attempt.authorizer_id.is_some() {
        "Connected again."
    } else {
        "Connected. You can use it in sources and destinations now."
    };
    flash::success(session, text);
    page::see_other(&end.path)
}

/// Where an attempt leads that succeeded.
pub(super) struct AttemptEnd {
    pub path: String,
    /// It is the source or destination form that was left for it.
    pub is_form: bool,
}

pub(super) async fn end_of(
    ctx: &Ctx,
    visitor: &Visitor,
    attempt: &Attempt,
    id: &AuthorizerId,
) -> Result<AttemptEnd, PageError> {
    let form = waiting_form(ctx, visitor, attempt).await?;
    let is_form = form.is_some();
    let path = form.map_or_else(|| paths::authorizer(id), |path| format!("{path}&authorizer={id}"));
    Ok(AttemptEnd { path, is_form })
}

async fn failed(ctx: &Ctx, visitor: &Visitor, attempt: &Attempt) -> PageResult {
    match waiting_form(ctx, visitor, attempt).await? {
        Some(path) => page::see_other(&format!("{path}&attempt={}", attempt.id)),
        None => page::see_other(&paths::attempt(&attempt.id)),
    }
}

/// The source or destination form that was left for this trip.
pub(super) async fn waiting_form(
    ctx: &Ctx,
    visitor: &Visitor,
    attempt: &Attempt,
) -> Result<Option<String>, PageError> {
    let Some(id) = &attempt.draft_id else {
        return Ok(None);
    };
    let draft = drafts::find(ctx, &visitor.actor, id).await?;
    Ok(draft.and_then(|draft| paths::draft(&draft)))
}
