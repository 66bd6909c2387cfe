//! All services, and which files are broken and why: for admins.
use actix_web::web;
use askama::Template;

use crate::catalog::{BrokenService, Service};
use crate::domain::Ctx;
use crate::model::role::Permission;
use crate::web::layout::{Layout, Section};
use crate::web::page::{self, PageResult};
use crate::web::ui::Tile;
use crate::web::visitor::Visitor;

#[derive(Template)]
#[template(path = "services/list.html")]
struct ListPage {
    layout: Layout,
    broken: Vec<BrokenFile>,
    rows: Vec<Row>,
}

struct BrokenFile {
    file: String,
    problems: Vec<BrokenService>,
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
    let page = ListPage {
        layout: Layout::new(&visitor, Section::Services, "Services"),
        broken: by_file(ctx.catalog.broken()),
        rows: ctx.catalog.all().iter().map(row).collect(),
    };
    page::ok(&page)
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
