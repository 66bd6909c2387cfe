//! This installation: whether it is the live one, for admins.
use actix_session::Session;
use actix_web::web;
use askama::Template;

use crate::domain::standing::{self, Doubt};
use crate::domain::{Ctx, Error};
use crate::model::role::Permission;

use super::csrf::{Protected, RawForm};
use super::layout::{Layout, Section};
use super::page::{self, PageResult};
use super::visitor::Visitor;
use super::{flash, paths};

#[derive(Template)]
#[template(path = "installation/show.html")]
struct ShowPage {
    layout: Layout,
    doubt: Option<Doubt>,
    public_url: String,
    database: &'static str,
    instance: String,
    retests: String,
}

pub async fn get(ctx: web::Data<Ctx>, visitor: Visitor) -> PageResult {
    visitor.actor.must(Permission::Administer).map_err(Error::from)?;
    page::ok(&ShowPage {
        layout: Layout::new(&visitor, Section::Installation, "Installation"),
        doubt: ctx.standing.doubt(),
        public_url: ctx.site.public_url.clone(),
        database: if ctx.db.is_sqlite() { "SQLite" } else { "PostgreSQL" },
        instance: ctx.site.instance.clone(),
        retests: match ctx.site.retest_every.map(|every| every.as_secs() / 3600) {
            None => "Never without being asked".to_owned(),
            Some(1) => "Every hour".to_owned(),
            Some(hours) => format!("Every {hours} hours"),
        },
    })
}

pub async fn post(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    session: Session,
    _: Protected<RawForm>,
) -> PageResult {
    standing::confirm(&ctx, &visitor.actor).await?;
    flash::success(&session, "This is the live installation. Tokens are renewed again.");
    page::see_other(paths::installation())
}
