//! All members.
use actix_web::web;
use askama::Template;

use crate::domain::Ctx;
use crate::domain::members::list;
use crate::model::time::Moment;
use crate::model::user::User;
use crate::web::layout::{Layout, Section};
use crate::web::page::{self, PageResult};
use crate::web::ui::When;
use crate::web::visitor::Visitor;
use crate::web::wording;

#[derive(Template)]
#[template(path = "members/list.html")]
struct ListPage {
    layout: Layout,
    rows: Vec<RowView>,
}

struct RowView {
    id: String,
    name: String,
    email: String,
    role: &'static str,
    standing: (&'static str, &'static str, &'static str),
    seen: Option<When>,
    is_you: bool,
}

pub async fn get(ctx: web::Data<Ctx>, visitor: Visitor) -> PageResult {
    let now = ctx.clock.now();
    let all = list::list(&ctx, &visitor.actor).await?;
    page::ok(&ListPage {
        layout: Layout::new(&visitor, Section::Members, "Members"),
        rows: all.into_iter().map(|user| row_view(&visitor, user, now)).collect(),
    })
}

fn row_view(visitor: &Visitor, user: User, now: Moment) -> RowView {
    RowView {
        standing: super::standing(&user),
        role: wording::role(user.role),
        seen: user.last_seen_at.map(|at| When::ago(at, now)),
        is_you: user.id == visitor.actor.user_id,
        id: user.id.to_string(),
        name: user.name,
        email: user.email,
    }
}
