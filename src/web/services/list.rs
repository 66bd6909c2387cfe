//! All services, and which files are broken and why: for admins.
use actix_session::Session;
use actix_web::web;
use askama::Template;
use serde::Deserialize;

use crate::catalog::{BrokenService, Service};
use crate::domain::Ctx;
use crate::domain::service_files::{self, ChangedFile};
use crate::model::ids::ServiceId;
use crate::model::role::Permission;
use crate::web::csrf::Protected;
use crate::web::layout::{Layout, Section};
use crate::web::page::{self, PageResult};
use crate::web::ui::Tile;
use crate::web::visitor::Visitor;
use crate::web::{flash, paths, wording};

#[derive(Template)]
#[template(path = "services/list.html")]
struct ListPage {
    layout: Layout,
    broken: Vec<BrokenFile>,
    changed: Vec<ChangedView>,
    missing: Vec<String>,
    rows: Vec<Row>,
}

struct BrokenFile {
    file: String,
    problems: Vec<BrokenService>,
}

/// A file that names hosts that stored secrets were not entered for.
struct ChangedView {
    id: String,
    name: String,
    new_hosts: Vec<String>,
    known_hosts: String,
    held_back: String,
}

/// The hosts that the admin was shown.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct ConfirmForm {
    hosts: String,
}

struct Row {
    id: String,
    tile: Tile,
    name: String,
    category: &'static str,
    roles: String,
    ways: String,
    tests: String,
}

pub async fn get(ctx: web::Data<Ctx>, visitor: Visitor) -> PageResult {
    visitor.actor.must(Permission::Administer).map_err(crate::domain::Error::from)?;
    let files = service_files::compare(&ctx, &visitor.actor).await?;
    let changed = files.changed.into_iter().map(|(id, file)| changed_view(&ctx, &id, file));
    let missing = files.missing.into_iter().filter(|(id, _)| !ctx.catalog.is_broken(id.as_str()));
    let page = ListPage {
        layout: Layout::new(&visitor, Section::Services, "Services"),
        broken: by_file(ctx.catalog.broken()),
        changed: changed.collect(),
        missing: missing.map(|(id, count)| format!("{id}.toml: {}", authorizers(count))).collect(),
        rows: ctx.catalog.all().iter().map(row).collect(),
    };
    page::ok(&page)
}

/// *Send them there, too*.
pub async fn confirm(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    id: web::Path<String>,
    session: Session,
    Protected(form): Protected<ConfirmForm>,
) -> PageResult {
    let hosts = form.hosts.split_whitespace().map(str::to_owned).collect();
    let id = ServiceId::from(id.as_str());
    service_files::confirm(&ctx, &visitor.actor, &id, &hosts).await?;
    flash::success(&session, "Confirmed. The secrets are sent to these hosts again.");
    page::see_other(paths::services())
}

fn changed_view(ctx: &Ctx, id: &ServiceId, file: ChangedFile) -> ChangedView {
    let name = ctx.catalog.get(id.as_str()).map(|service| service.head.name.clone());
    let app = file.has_app.then(|| "its OAuth app".to_owned());
    let rows = (file.authorizer_count > 0).then(|| authorizers(file.authorizer_count));
    ChangedView {
        id: id.to_string(),
        name: name.unwrap_or_else(|| id.to_string()),
        new_hosts: file.new_hosts.into_iter().collect(),
        known_hosts: file.known_hosts.into_iter().collect::<Vec<_>>().join(", "),
        held_back: rows.into_iter().chain(app).collect::<Vec<_>>().join(" and "),
    }
}

fn authorizers(count: i64) -> String {
    wording::count(usize::try_from(count).unwrap_or(0), "authorizer")
}

fn by_file(broken: &[BrokenService]) -> Vec<BrokenFile> {
    let mut files: Vec<BrokenFile> = Vec::new();
    for problem in broken {
        match files.iter_mut().find(|file| file.file == problem.file) {
            Some(file) => file.problems.push(problem.clone()),
            None => files
                .push(BrokenFile { file: problem.file.clone(), problems: vec![problem.clone()] }),
        }
    }
    files
}

fn row(service: &Service) -> Row {
    Row {
        id: service.id().to_string(),
        tile: Tile::of(Some(service), service.id()),
        name: service.head.name.clone(),
        category: service.head.category.label(),
        roles: super::roles(service),
        ways: super::ways(service),
        tests: match service.tests.len() {
            0 => "built in".to_owned(),
            count => count.to_string(),
        },
    }
}
