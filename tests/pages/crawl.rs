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

    pub async fn from(client: &Client, start: &[&str]) -> Self {
        let mut crawl = Self { pages: BTreeMap::new(), found_on: BTreeMap::new() };
        let mut next: VecDeque<String> = start.iter().map(|path| (*path).to_owned()).collect();
        while let Some(path) = next.pop_front() {
            if crawl.pages.contains_key(&path) {
                continue;
            }
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
        self.pages.iter().filter(|(_, page)| page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")))
    }

    /// One page of each shape: addresses that differ in ids and services alone are drawn by the same template.
    pub fn shapes(&self) -> BTreeMap<String, String> {
        let mut shapes = BTreeMap::new();
        for (path, page) in self.drawn() {
            shapes.entry(shape(path, page)).or_insert_with(|| path.clone());
        }
        shapes
    }

    pub fn origin(&self, path: &str) -> &str {
        self.found_on.get(path).map_or("the start", String::as_str)
    }
}

/// Same-site links of a page, without fragments.
fn links(page: &Page) -> BTreeSet<String> {
    let own = page.url.origin();
    let here = page.attrs("a[href]", "href").into_iter().filter_map(|href| page.url.join(&href).ok());
    let here = here.filter(|url| url.origin() == own);
    here.map(|url| url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))).collect()
}

/// The path with ids replaced, the names of the query's parameters, and the controls that are drawn.
fn shape(path: &str, page: &Page) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let is_id = |part: &str| part.len() == 36 && part.matches('-').count() == 4;
    let parts: Vec<&str> = path.split('/').map(|part| if is_id(part) { "{id}" } else { part }).collect();
    let names: Vec<&str> = query.split('&').filter_map(|pair| pair.split('=').next()).collect();
    let kinds: BTreeSet<String> = page.attrs("main [type], main [class]", "class").into_iter().collect();
    let is_service = matches!(parts.as_slice(), ["", _, "new", _, ..] | ["", "services", _, ..] | ["", "oauth-apps", _, ..]);
    if is_service {
        format!("{}/{}?{} {kinds:?}", parts[1], parts[2], names.join("&"))
    } else {
        format!("{}?{}", parts.join("/"), names.join("&"))
    }
}
