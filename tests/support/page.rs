//! An answer, read as a person reads it: by selectors and by visible text.
use reqwest::header::HeaderMap;
use scraper::{ElementRef, Html, Node, Selector};
use url::Url;

#[derive(Clone, Debug)]
pub struct Page {
    pub status: u16,
    /// Where it was drawn: the last address after redirects.
    pub url: Url,
    /// The redirects on the way here, each with its status.
    pub hops: Vec<(u16, Url)>,
    pub headers: HeaderMap,
    pub body: String,
}

impl Page {
    pub fn path(&self) -> String {
        match self.url.query() {
            Some(query) => format!("{}?{query}", self.url.path()),
            None => self.url.path().to_owned(),
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("a header of plain text"))
    }

    /// Where the page sends the browser by itself, if it does.
    pub fn refresh(&self) -> Option<Url> {
        let target = self.header("refresh")?.split_once("url=").map_or("", |(_, target)| target);
        Some(self.url.join(target).expect("an address"))
    }

    /// Fails with the page's text if the status is another.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        let log = if self.status >= 500 { super::logs::warnings() } else { String::new() };
        assert!(
            self.status == status,
            "{} answered {}, not {status}:\n{}\n{log}",
            self.url,
            self.status,
            self.shown()
        );
        self
    }

    pub fn has(&self, css: &str) -> bool {
        self.count(css) > 0
    }

    pub fn count(&self, css: &str) -> usize {
        Html::parse_document(&self.body).select(&selector(css)).count()
    }

    /// The visible text of the first match; fails if there is none.
    #[track_caller]
    pub fn text(&self, css: &str) -> String {
        let texts = self.texts(css);
        texts
            .into_iter()
            .next()
            .unwrap_or_else(|| panic!("{} has no {css}:\n{}", self.url, self.shown()))
    }

    pub fn texts(&self, css: &str) -> Vec<String> {
        Html::parse_document(&self.body)
            .select(&selector(css))
            .map(|element| text_of(&element))
            .collect()
    }

    /// An attribute of the first match that has it.
    pub fn attr(&self, css: &str, name: &str) -> Option<String> {
        self.attrs(css, name).into_iter().next()
    }

    pub fn attrs(&self, css: &str, name: &str) -> Vec<String> {
        let html = Html::parse_document(&self.body);
        html.select(&selector(css))
            .filter_map(|element| element.attr(name).map(str::to_owned))
            .collect()
    }

    /// Everything that a person sees, in one line.
    pub fn shown(&self) -> String {
        if self.body.trim_start().starts_with('<') {
            self.texts("body").join(" ")
        } else {
            self.body.clone()
        }
    }

    /// Fails with the page's text unless all of these are to be seen.
    #[track_caller]
    pub fn shows(&self, words: &[&str]) -> &Self {
        let shown = self.shown();
        for word in words {
            assert!(shown.contains(word), "{} does not show {word:?}:\n{shown}", self.url);
        }
        self
    }
}

/// Text with its white space folded, without what only screen readers skip anyway (`script`, `style`).
pub fn text_of(element: &ElementRef<'_>) -> String {
    let mut text = String::new();
    for node in element.descendants() {
        match node.value() {
            Node::Text(piece) => {
                text.push_str(piece);
                text.push(' ');
            }
            // A place where a long word may break is not a space.
            Node::Element(inner) if inner.name() == "wbr" && text.ends_with(' ') => {
                text.pop();
            }
            _ => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
pub fn selector(css: &str) -> Selector {
    Selector::parse(css).unwrap_or_else(|error| panic!("{css} is no selector: {error}"))
}
