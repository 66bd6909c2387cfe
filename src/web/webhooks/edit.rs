//! Adds or changes a webhook: its name, its address, what it is told of.
use actix_session::Session;
use actix_web::web;
use askama::Template;

use crate::domain::webhooks::find;
use crate::domain::webhooks::save::{self, WebhookForm};
use crate::domain::{Ctx, Error};
use crate::model::ids::WebhookId;
use crate::model::notice::{Topic, Webhook};
use crate::model::problems::Problems;
use crate::model::role::Permission;
use crate::web::account::notices::{topic_fields, topics_of};
use crate::web::csrf::{Protected, RawForm};
use crate::web::error::PageError;
use crate::web::forms::{FieldState, FormState, InputKind};
use crate::web::layout::{Layout, Section};
use crate::web::page::{self, PageResult};
use crate::web::ui::Crumbs;
use crate::web::visitor::Visitor;
use crate::web::{flash, paths};

use super::show;

#[derive(Template)]
#[template(path = "webhooks/edit.html")]
struct EditPage {
    layout: Layout,
    crumbs: Crumbs,
    heading: String,
    lead: &'static str,
    action: String,
    cancel: String,
    version: Option<i64>,
    primary: &'static str,
    form: FormState,
    topics: FormState,
}

pub async fn new(visitor: Visitor) -> PageResult {
    visitor.must(Permission::ManageWebhooks)?;
    let blank = WebhookForm {
        name: String::new(),
        url: String::new(),
        topics: Topic::ALL.to_vec(),
        is_active: true,
    };
    page::ok(&new_page(&visitor, &blank, &Problems::new()))
}

pub async fn create(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    session: Session,
    Protected(raw): Protected<RawForm>,
) -> PageResult {
    match save::create(&ctx, &visitor.actor, typed(&raw, true)).await {
        Ok((id, secret)) => {
            show::keep_secret(&session, &id, &secret);
            page::see_other(&paths::webhook(&id))
        }
        Err(Error::Problems(problems)) => {
            page::unprocessable(&new_page(&visitor, &typed(&raw, true), &problems))
        }
        Err(other) => Err(other.into()),
    }
}

pub async fn get(ctx: web::Data<Ctx>, visitor: Visitor, id: web::Path<String>) -> PageResult {
    let webhook = find::one(&ctx, &visitor.actor, &WebhookId::from(id.as_str())).await?;
    let stored = WebhookForm {
        name: webhook.name.clone(),
        url: webhook.url.clone(),
        topics: webhook.topics.clone(),
        is_active: webhook.is_active,
    };
    page::ok(&edit_page(&visitor, &webhook, &stored, (webhook.version, &Problems::new())))
}

pub async fn post(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    (id, session): (web::Path<String>, Session),
    Protected(raw): Protected<RawForm>,
) -> PageResult {
    let id = WebhookId::from(id.as_str());
    let version = raw.text("version").parse().unwrap_or(0);
    let form = |raw: &RawForm| typed(raw, raw.get("is_active").is_some());
    match save::change(&ctx, &visitor.actor, &id, (version, form(&raw))).await {
        Ok(()) => {
            flash::success(&session, "Saved.");
            page::see_other(&paths::webhook(&id))
        }
        Err(Error::Problems(problems)) => {
            let webhook = find::one(&ctx, &visitor.actor, &id).await?;
            page::unprocessable(&edit_page(&visitor, &webhook, &form(&raw), (version, &problems)))
        }
        Err(other) => Err(PageError::from(other)),
    }
}

fn typed(raw: &RawForm, is_active: bool) -> WebhookForm {
    WebhookForm {
        name: raw.text("name").to_owned(),
        url: raw.text("url").to_owned(),
        topics: topics_of(raw),
        is_active,
    }
}

fn fields(form: &WebhookForm, problems: &Problems) -> Vec<FieldState> {
    let mut url = FieldState::text("url", "Address").value(&form.url).problems(problems);
    url.inputmode = Some("url".to_owned());
    let said = "It gets a POST with JSON. It must begin with https://, and be reachable from this installation.";
    vec![
        FieldState::text("name", "Name")
            .hint("As you call it: Team chat, Pager.")
            .value(&form.name)
            .problems(problems),
        url.hint(said),
    ]
}

fn new_page(visitor: &Visitor, typed: &WebhookForm, problems: &Problems) -> EditPage {
    let form = FormState::new(fields(typed, problems)).problems(problems);
    EditPage {
        layout: Layout::new(
            visitor,
            Section::Webhooks,
            &format!("{}Add a webhook", form.title_prefix()),
        ),
        crumbs: Crumbs::new(&[("Mail and webhooks", paths::webhooks())], "Add a webhook"),
        heading: "Add a webhook".to_owned(),
        lead: "The next page shows the secret that every message is signed with, once.",
        action: paths::new_webhook().to_owned(),
        cancel: paths::webhooks().to_owned(),
        version: None,
        primary: "Add the webhook",
        topics: topic_fields(Topic::ALL.iter().copied(), &typed.topics),
        form,
    }
}

fn edit_page(
    visitor: &Visitor,
    webhook: &Webhook,
    typed: &WebhookForm,
    (version, problems): (i64, &Problems),
) -> EditPage {
    let mut fields = fields(typed, problems);
    let active = FieldState::new(InputKind::Checkbox, "is_active", "Switched on");
    fields.push(active.value(if typed.is_active { "true" } else { "false" }).optional());
    let form = FormState::new(fields).problems(problems);
    let up = paths::webhook(&webhook.id);
    EditPage {
        layout: Layout::new(
            visitor,
            Section::Webhooks,
            &format!("{}Edit {}", form.title_prefix(), webhook.name),
        ),
        crumbs: Crumbs::new(
            &[("Mail and webhooks", paths::webhooks()), (&webhook.name, &up)],
            "Edit",
        ),
        heading: format!("Edit {}", webhook.name),
        lead: "What waits for it goes to the new address.",
        action: paths::edit_webhook(&webhook.id),
        cancel: up,
        version: Some(version),
        primary: "Save",
        topics: topic_fields(Topic::ALL.iter().copied(), &typed.topics),
        form,
    }
}
