//! *What you are mailed*: which notices, how often, and what was mailed of late.
use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::web;
use askama::Template;

use crate::domain::notices::{self, letter, settings};
use crate::domain::{Actor, Ctx, Error};
use crate::model::delivery::Carried;
use crate::model::notice::{NoticeSettings, Topic};
use crate::model::problems::Problems;
use crate::model::role::Permission;
use crate::model::time::Moment;
use crate::web::csrf::{Protected, RawForm};
use crate::web::forms::{FieldState, FormState, InputKind};
use crate::web::layout::{Layout, Section};
use crate::web::page::{self, PageResult};
use crate::web::ui::{Crumbs, When};
use crate::web::visitor::Visitor;
use crate::web::wording_notice::{self, Standing};
use crate::web::{flash, paths};

#[derive(Template)]
#[template(path = "account/notices.html")]
struct NoticesPage {
    layout: Layout,
    crumbs: Crumbs,
    email: String,
    has_mail: bool,
    may_set_up: bool,
    form: FormState,
    topics: FormState,
    rows: Vec<RowView>,
}

struct RowView {
    text: String,
    path: Option<String>,
    progress: String,
    standing: Standing,
    time: When,
}

pub async fn get(ctx: web::Data<Ctx>, visitor: Visitor) -> PageResult {
    let own = settings::own(&ctx, &visitor.actor).await?;
    draw(&ctx, &visitor, (own.settings.mode.code(), &own.settings), (own.recent, &Problems::new()))
}

pub async fn post(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    session: Session,
    Protected(form): Protected<RawForm>,
) -> PageResult {
    let topics = topics_of(&form);
    match settings::change(&ctx, &visitor.actor, form.text("mode"), topics.clone()).await {
        Ok(()) => {
            flash::success(&session, "Saved.");
            page::see_other(paths::account_notices())
        }
        Err(Error::Problems(problems)) => {
            let own = settings::own(&ctx, &visitor.actor).await?;
            let typed = NoticeSettings { topics, ..own.settings };
            draw(&ctx, &visitor, (form.text("mode"), &typed), (own.recent, &problems))
        }
        Err(other) => Err(other.into()),
    }
}

/// The ticks of a form.
pub fn topics_of(form: &RawForm) -> Vec<Topic> {
    Topic::ALL.iter().copied().filter(|topic| form.get(&name_of(*topic)).is_some()).collect()
}

/// A box for each topic.
pub fn topic_fields(offered: impl Iterator<Item = Topic>, chosen: &[Topic]) -> FormState {
    let field = |topic: Topic| {
        let (label, hint) = wording_notice::topic(topic);
        let value = if chosen.contains(&topic) { "true" } else { "false" };
        FieldState::new(InputKind::Checkbox, &name_of(topic), label)
            .hint(hint)
            .value(value)
            .optional()
    };
    FormState::new(offered.map(field).collect())
}

fn name_of(topic: Topic) -> String {
    format!("topic_{}", topic.code())
}

fn mode_field(mode: &str, problems: &Problems) -> FieldState {
    let choices = [("at_once", "At once"), ("daily", "Once a day"), ("never", "Never")];
    let mut field = FieldState::new(InputKind::Choice, "mode", "How often")
        .choices(choices)
        .value(mode)
        .problems(problems);
    let hints = [
        "Many at the same time come in one mail.",
        "At 07:00 UTC, if there is anything to tell.",
        "The Authorizers page shows what needs somebody.",
    ];
    for (choice, hint) in field.choices.iter_mut().zip(hints) {
        choice.hint = Some(hint.to_owned());
    }
    field
}

fn draw(
    ctx: &Ctx,
    visitor: &Visitor,
    (mode, settings): (&str, &NoticeSettings),
    (recent, problems): (Vec<Carried>, &Problems),
) -> PageResult {
    let (now, actor) = (ctx.clock.now(), &visitor.actor);
    let form = FormState::new(vec![mode_field(mode, problems)]).problems(problems);
    let offered = Topic::ALL.iter().copied().filter(|topic| settings::may_choose(actor, *topic));
    let status =
        if form.error_count() == 0 { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let body = NoticesPage {
        layout: Layout::new(
            visitor,
            Section::Account,
            &format!("{}What you are mailed", form.title_prefix()),
        ),
        crumbs: Crumbs::new(&[("Your account", paths::account())], "What you are mailed"),
        email: actor.email.clone(),
        has_mail: notices::has_mail(ctx),
        may_set_up: actor.may(Permission::ManageWebhooks),
        topics: topic_fields(offered, &settings.topics),
        rows: recent.into_iter().map(|carried| row_view(ctx, actor, carried, now)).collect(),
        form,
    };
    page::html(status, &body)
}

fn row_view(ctx: &Ctx, actor: &Actor, (delivery, notice): Carried, now: Moment) -> RowView {
    let link = letter::link(&notice, actor.role);
    RowView {
        text: wording_notice::notice(&notice, &letter::service_name(ctx, &notice)),
        path: link.map(|link| crate::web::letters::path(&link)),
        standing: wording_notice::standing(&delivery),
        progress: wording_notice::progress(&delivery, delivery.said.clone()),
        time: When::ago(notice.created_at, now),
    }
}
