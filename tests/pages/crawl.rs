//! Walks every link from a starting page, as a person with some role.
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::support::client::Client;
use crate::support::page::Page;

/// Every page that links lead to, by path and query, and where the link stood.
pub struct Crawl {
    pub pages: BTreeMap<String, Page>,
    pub found_on: BTreeMap<String, String>,
}

impl Crawl {
    /// More pages than this mean links that never end.
    const MOST: usize = 600;
    /// Pages of one shape: those of all services are drawn by the same few templates.
    const OF_A_SHAPE: usize = 4;

    pub async fn from(client: &Client, start: &[&str]) -> Self {
        let mut shapes: BTreeMap<String, usize> = BTreeMap::new();
        let mut crawl = Self { pages: BTreeMap::new(), found_on: BTreeMap::new() };
        let mut next: VecDeque<String> = start.iter().map(|path| (*path).to_owned()).collect();
        while let Some(path) = next.pop_front() {
            let seen = shapes.entry(shape(&path)).or_default();
            if crawl.pages.contains_key(&path) || *seen >= Self::OF_A_SHAPE {
                continue;
            }
            *seen += 1;
            assert!(crawl.pages.len() < Self::MOST, "links without end: {:?}", crawl.pages.keys());
            let page = client.get(&path).await;
            for link in links(&page) {
                crawl.found_on.entry(link.clone()).or_insert_with(|| path.clone());
                next.push_back(link);
            }
            crawl.pages.insert(path, page);
        }
        crawl
    }

    /// HTML pages that were drawn.
    pub fn drawn(&self) -> impl Iterator<Item = (&String, &Page)> {
        self.pages.iter().filter(|(_, page)| {
            page.header("content-type").is_some_and(|kind| kind.starts_with("text/html"))
        })
    }

    /// Two pages of each shape.
    pub fn samples(&self) -> Vec<String> {
        let mut shapes: BTreeMap<String, Vec<&String>> = BTreeMap::new();
        for (path, _) in self.drawn() {
            shapes.entry(shape(path)).or_default().push(path);
        }
        shapes.into_values().flat_map(|paths| paths.into_iter().take(2).cloned()).collect()
    }

    pub fn origin(&self, path: &str) -> &str {
        self.found_on.get(path).map_or("the start", String::as_str)
    }
}

/// Same-site links of a page, without fragments.
fn links(page: &Page) -> BTreeSet<String> {
    let own = page.url.origin();
    let here =
        page.attrs("a[href]", "href").into_iter().filter_map(|href| page.url.join(&href).ok());
    let here = here.filter(|url| url.origin() == own);
    here.map(|url| {
        url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
    })
    .collect()
}

/// The path with ids and services replaced, and the names of the query's parameters.
fn shape(path: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let is_id = |part: &str| {
        (part.len() == 36 && part.matches('-').count() == 4) || part.starts_with("flow-")
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        let is_service = matches!(parts.last(), Some(&"new" | &"guides" | &"services"));
        parts.push(if is_id(part) || is_service { "{}" } else { part });
    }
    let names: BTreeSet<&str> =
        query.split('&').filter_map(|pair| pair.split('=').next()).collect();
    format!("{}?{names:?}", parts.join("/"))
}
