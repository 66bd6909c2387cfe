//! Finding a service by what a person types.
use super::Catalog;
use super::service::{Category, Service};
use crate::model::flow::FlowKind;

/// What the page that chooses a service asks for.
#[derive(Clone, Debug, Default)]
pub struct Wanted<'a> {
    /// Words; every one must be found in name, id, keywords or category.
    pub words: &'a str,
    pub category: Option<Category>,
    /// Only services of this role.
    pub kind: Option<FlowKind>,
}

impl Catalog {
    /// In the order of the catalogue: by name.
    pub fn search<'a>(&'a self, wanted: &'a Wanted<'a>) -> impl Iterator<Item = &'a Service> {
        self.all().iter().filter(move |service| fits(service, wanted))
    }
}

fn fits(service: &Service, wanted: &Wanted<'_>) -> bool {
    let head = &service.head;
    if wanted.category.is_some_and(|category| category != head.category) {
        return false;
    }
    if wanted.kind.is_some_and(|kind| service.flow(kind).is_none()) {
        return false;
    }
    let hay =
        format!("{} {} {} {}", head.name, head.id, head.keywords.join(" "), head.category.label())
            .to_lowercase();
    wanted.words.to_lowercase().split_whitespace().all(|word| hay.contains(word))
}
