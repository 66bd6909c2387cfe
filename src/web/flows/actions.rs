//! The buttons of a source's or destination's form: what each one does with what was typed.
use actix_session::Session;
use actix_web::http::StatusCode;

use super::form::{self, Place, Shown};
use super::notice::{self, Notice};
use super::panel::{self, Added};
use super::state::{ACCOUNT, ACCOUNT_BEFORE, NEW_ACCOUNT, State, named};
use super::words;
use crate::domain::flows::{change, create, find, read};
use crate::domain::{Ctx, Error};
use crate::model::role::Permission;
use crate::web::csrf::RawForm;
use crate::web::error::PageError;
use crate::web::page::{self, PageResult};
use crate::web::visitor::Visitor;
use crate::web::{flash, paths};

/// Boxed where it goes on: a page's future would hold all of these ways at once, and a thread's stack is small.
pub async fn pressed(
    ctx: &Ctx,
    visitor: &Visitor,
    session: &Session,
    place: Place<'_>,
    raw: &RawForm,
) -> PageResult {
    let mut state = State::of_body(ctx, &visitor.actor, place, raw).await?;
    let wants_new = state.text("authorizer") == NEW_ACCOUNT;
    let is_panel_drawn = raw.pairs().iter().any(|(name, _)| name.starts_with(ACCOUNT));
    match raw.text("action") {
        "cancel_account" => Box::pin(cancel(ctx, visitor, place, state)).await,
        "add_account" => Box::pin(open_panel(ctx, visitor, session, place, state)).await,
        "add" => Box::pin(add(ctx, visitor, session, place, (state, true))).await,
        "add_untested" => Box::pin(add(ctx, visitor, session, place, (state, false))).await,
        // The drop-down's last entry and the button do the same.
        _ if wants_new && !is_panel_drawn => {
            Box::pin(open_panel(ctx, visitor, session, place, state)).await
        }
        // Enter in a field of the panel means the panel.
        _ if wants_new => Box::pin(add(ctx, visitor, session, place, (state, true))).await,
        "create" | "save" => Box::pin(save(ctx, visitor, session, place, state)).await,
        "test" => Box::pin(test(ctx, visitor, place, state)).await,
        _ => {
            keep_secrets(ctx, visitor, place, &mut state).await?;
            let shown = Shown { is_loading: true, ..Shown::default() };
            page::ok(&form::draw(ctx, visitor, place, &state, shown).await?)
        }
    }
}

/// Back to the list of accounts, with the one that was chosen before. What was typed for a new one stays in the draft.
async fn cancel(ctx: &Ctx, visitor: &Visitor, place: Place<'_>, mut state: State) -> PageResult {
    keep_secrets(ctx, visitor, place, &mut state).await?;
    state.drop_account();
    let before = state.text(ACCOUNT_BEFORE).to_owned();
    state.set("authorizer", &before);
    let shown = Shown { is_loading: true, ..Shown::default() };
    page::ok(&form::draw(ctx, visitor, place, &state, shown).await?)
}

/// A typed secret is never drawn: it lies in the draft until the account is added.
async fn keep_secrets(
    ctx: &Ctx,
    visitor: &Visitor,
    place: Place<'_>,
    state: &mut State,
) -> Result<(), PageError> {
    if state.has_secrets(place.service) {
        state
            .keep(ctx, &visitor.actor, (place.kind, place.service), place.target.map(|(id, _)| id))
            .await?;
    }
    Ok(())
}

/// A service whose only way is OAuth without fields leaves at once.
async fn open_panel(
    ctx: &Ctx,
    visitor: &Visitor,
    session: &Session,
    place: Place<'_>,
    mut state: State,
) -> PageResult {
    visitor.must(Permission::EditAuthorizers)?;
    if let Some(chosen) = state.authorizer() {
        state.set(ACCOUNT_BEFORE, chosen.as_str());
    }
    let goes_at_once = match place.service.auths.as_slice() {
        [only] => only.oauth2.is_some() && only.fields.is_empty(),
        _ => false,
    };
    if goes_at_once {
        return add(ctx, visitor, session, place, (state, true)).await;
    }
    keep_secrets(ctx, visitor, place, &mut state).await?;
    let shown = Shown { is_panel_open: true, ..Shown::default() };
    page::ok(&form::draw(ctx, visitor, place, &state, shown).await?)
}

async fn add(
    ctx: &Ctx,
    visitor: &Visitor,
    session: &Session,
    place: Place<'_>,
    (mut state, is_tested): (State, bool),
) -> PageResult {
    visitor.must(Permission::EditAuthorizers)?;
    let target = place.target.map(|(id, _)| id);
    let added = panel::add(
        ctx,
        visitor,
        (session, &mut state),
        (place.kind, place.service, target),
        is_tested,
    )
    .await?;
    match added {
        Added::Leaving(response) => Ok(response),
        Added::Chosen => {
            flash::success(session, "The account is added and chosen.");
            // A reload must not add it twice.
            let draft = state.draft.as_ref().map(ToString::to_string).unwrap_or_default();
            let path = paths::flow_form(place.kind, place.service.id(), target);
            page::see_other(&format!(
                "{path}?draft={draft}&authorizer={}",
                state.text("authorizer")
            ))
        }
        Added::Failed { problems, report } => {
            let shown = Shown {
                problems,
                is_panel_open: true,
                may_skip_test: report.is_some(),
                report,
                ..Shown::default()
            };
            page::unprocessable(&form::draw(ctx, visitor, place, &state, shown).await?)
        }
        Added::Refused(notice) => {
            let shown = Shown { is_panel_open: true, notice: Some(notice), ..Shown::default() };
            page::unprocessable(&form::draw(ctx, visitor, place, &state, shown).await?)
        }
    }
}

async fn test(ctx: &Ctx, visitor: &Visitor, place: Place<'_>, state: State) -> PageResult {
    let asked = state.form(place.kind, place.service, place.flow);
    let account = asked.authorizer_id.as_ref();
    let shown = match Box::pin(read::test(ctx, &visitor.actor, &asked)).await {
        Ok(tested) => Shown {
            is_loading: tested.is_let_in(),
            notice: tested.fault.map(|fault| notice::fault(&fault, place.service, account)),
            table: tested.table,
            report: tested.report,
            needs: tested.needs,
            ..Shown::default()
        },
        Err(Error::Problems(problems)) => {
            Shown { problems: named(&problems), is_loading: true, ..Shown::default() }
        }
        // What was just refused is not asked again.
        Err(other) => {
            Shown { notice: Some(notice::of(other, place.service, account)?), ..Shown::default() }
        }
    };
    let is_answered = shown.table.is_some() || shown.report.is_some();
    let page = form::draw(ctx, visitor, place, &state, shown).await?;
    if is_answered { page::ok(&page) } else { page::unprocessable(&page) }
}

async fn save(
    ctx: &Ctx,
    visitor: &Visitor,
    session: &Session,
    place: Place<'_>,
    state: State,
) -> PageResult {
    let asked = state.form(place.kind, place.service, place.flow);
    let saved = match place.target {
        Some((id, version)) => {
            change::change(ctx, &visitor.actor, (id, version), &asked).await.map(|()| id.to_owned())
        }
        None => create::create(ctx, &visitor.actor, &asked).await,
    };
    match saved {
        Ok(id) => {
            state.forget(ctx, &visitor.actor).await?;
            let what = if place.target.is_some() { "saved" } else { "created" };
            flash::success(session, format!("{} {what}.", words(place.kind).one));
            page::see_other(&paths::flow(place.kind, id))
        }
        Err(Error::Problems(problems)) => {
            let shown = Shown { problems: named(&problems), is_loading: true, ..Shown::default() };
            page::unprocessable(&form::draw(ctx, visitor, place, &state, shown).await?)
        }
        Err(Error::Stale) => stale(ctx, visitor, place, &state).await,
        Err(other) => Err(other.into()),
    }
}

/// Somebody else saved in between: both versions are shown, nothing is overwritten; *Save* again means it.
async fn stale(ctx: &Ctx, visitor: &Visitor, place: Place<'_>, state: &State) -> PageResult {
    let Some((id, _)) = place.target else {
        return Err(PageError::Stale);
    };
    let stored = find::one(ctx, &visitor.actor, place.kind, id).await?;
    let place = Place { target: Some((id, stored.version)), ..place };
    let notice = Notice {
        kind: "warn",
        title: "Somebody else saved this in between".to_owned(),
        text: "Nothing of yours was saved yet. Compare, correct what you typed, and save again: then yours replaces theirs."
            .to_owned(),
        link: None,
    };
    let shown =
        Shown { is_loading: true, notice: Some(notice), stale: Some(stored), ..Shown::default() };
    page::html(StatusCode::CONFLICT, &form::draw(ctx, visitor, place, state, shown).await?)
}
