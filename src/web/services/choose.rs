//! Which service? One page for authorizers, sources and destinations alike; only where it leads differs.
use actix_web::web;
use askama::Template;
use serde::Deserialize;

use crate::catalog::Service;
use crate::catalog::search::Wanted;
use crate::catalog::service::Category;
use crate::domain::Ctx;
use crate::model::flow::FlowKind;
use crate::model::role::Permission;
use crate::web::layout::{Layout, Section};
use crate::web::page::{self, PageResult};
use crate::web::paths;
use crate::web::ui::{Crumbs, Tile};
use crate::web::visitor::Visitor;

#[derive(Deserialize)]
pub struct Query {
    #[serde(default)]
    q: String,
    #[serde(default)]
    category: String,
}

/// Where a chosen service leads.
struct Target {
    section: Section,
    permission: Permission,
    kind: Option<FlowKind>,
    /// This page.
    path: &'static str,
    above: (&'static str, &'static str),
    here: &'static str,
    lead: &'static str,
    steps: &'static [&'static str],
    link: fn(&Service) -> String,
}

const AUTHORIZER: Target = Target {
    section: Section::Authorizers,
    permission: Permission::EditAuthorizers,
    kind: None,
    path: "/authorizers/new",
    above: ("Authorizers", "/authorizers"),
    here: "Authorize New Service",
    lead: "Next we tell you what the account needs, then you sign in or enter credentials.",
    steps: &["Choose a service", "Set up", "Sign in or test"],
    link: |service| paths::set_up_authorizer(service.id()),
};
const SOURCE: Target = Target {
    section: Section::Sources,
    permission: Permission::EditFlows,
    kind: Some(FlowKind::Source),
    path: "/sources/new",
    above: ("Sources", "/sources"),
    here: "New source",
    lead: "Where is the data that you want to read?",
    steps: &["Choose a service", "Choose the account and what to read"],
    link: |service| paths::set_up_source(service.id()),
};
const DESTINATION: Target = Target {
    section: Section::Destinations,
    permission: Permission::EditFlows,
    kind: Some(FlowKind::Destination),
    path: "/destinations/new",
    above: ("Destinations", "/destinations"),
    here: "New destination",
    lead: "Where is the data to be written?",
    steps: &["Choose a service", "Choose the account and where to write"],
    link: |service| paths::set_up_destination(service.id()),
};

#[derive(Template)]
#[template(path = "services/choose.html")]
struct ChoosePage {
    layout: Layout,
    crumbs: Crumbs,
    path: &'static str,
    lead: &'static str,
    steps: &'static [&'static str],
    words: String,
    category: &'static str,
    /// All of them, whatever the category.
    total: usize,
    chips: Vec<Chip>,
    groups: Vec<Group>,
    may_administer: bool,
}

struct Chip {
    category: Category,
    count: usize,
    path: String,
    is_chosen: bool,
}

struct Group {
    category: Category,
    services: Vec<Card>,
}

struct Card {
    path: String,
    tile: Tile,
    name: String,
    note: String,
}

pub async fn authorizer(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    query: web::Query<Query>,
) -> PageResult {
    choose(&ctx, &visitor, &query, &AUTHORIZER)
}

pub async fn source(ctx: web::Data<Ctx>, visitor: Visitor, query: web::Query<Query>) -> PageResult {
    choose(&ctx, &visitor, &query, &SOURCE)
}

pub async fn destination(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    query: web::Query<Query>,
) -> PageResult {
    choose(&ctx, &visitor, &query, &DESTINATION)
}

fn choose(ctx: &Ctx, visitor: &Visitor, query: &Query, target: &Target) -> PageResult {
    visitor.actor.must(target.permission).map_err(crate::domain::Error::from)?;
    let words: String = query.q.trim().chars().take(100).collect();
    let category = Category::from_code(&query.category);
    let all = Wanted { words: &words, category: None, kind: target.kind };
    let found: Vec<&Service> = ctx.catalog.search(&all).collect();
    let page = ChoosePage {
        layout: Layout::new(visitor, target.section, "Choose a service"),
        crumbs: Crumbs::new(&[target.above], target.here),
        path: target.path,
        lead: target.lead,
        steps: target.steps,
        category: category.map(Category::code).unwrap_or_default(),
        total: found.len(),
        chips: Category::ALL
            .into_iter()
            .filter_map(|one| chip(&found, (one, category), &words, target))
            .collect(),
        groups: groups(&found, category, target),
        may_administer: visitor.actor.may(Permission::Administer),
        words,
    };
    page::ok(&page)
}

fn chip(
    found: &[&Service],
    (category, chosen): (Category, Option<Category>),
    words: &str,
    target: &Target,
) -> Option<Chip> {
    let count = found.iter().filter(|service| service.head.category == category).count();
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if !words.is_empty() {
        query.append_pair("q", words);
    }
    query.append_pair("category", category.code());
    let path = format!("{}?{}", target.path, query.finish());
    (count > 0).then_some(Chip { category, count, path, is_chosen: chosen == Some(category) })
}

fn groups(found: &[&Service], category: Option<Category>, target: &Target) -> Vec<Group> {
    let wanted =
        Category::ALL.into_iter().filter(|one| category.is_none_or(|category| category == *one));
    let group = |category| Group {
        category,
        services: found
            .iter()
            .filter(|service| service.head.category == category)
            .map(|service| card(service, target))
            .collect(),
    };
    wanted.map(group).filter(|group| !group.services.is_empty()).collect()
}

fn card(service: &Service, target: &Target) -> Card {
    let ways = super::ways(service);
    Card {
        path: (target.link)(service),
        tile: Tile::of(Some(service), service.id()),
        name: service.head.name.clone(),
        note: if target.kind.is_none() {
            format!("{ways} · {}", super::roles(service))
        } else {
            ways
        },
    }
}
