//! A visitor: keeps cookies, follows redirects as a browser does, sends forms out of the pages that were drawn.
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Response};
use url::Url;

use super::form::Form;
use super::page::Page;

pub struct Client {
    base: Url,
    http: reqwest::Client,
    state: Mutex<State>,
}

#[derive(Default, Clone)]
struct State {
    /// By host and port, then by name.
    cookies: BTreeMap<String, BTreeMap<String, String>>,
    page: Option<Page>,
}

impl Client {
    /// A visitor with an empty cookie jar.
    pub fn new(base: &str) -> Self {
        Self { base: Url::parse(base).expect("an address"), http: http(), state: Mutex::default() }
    }

    /// A visitor who calls from this address, one of this machine.
    pub fn from_address(base: &str, address: &str) -> Self {
        let http = http_from(address.parse().expect("an address"));
        Self { http, ..Self::new(base) }
    }

    /// GET, following redirects on the way.
    pub async fn get(&self, path: &str) -> Page {
        let url = self.base.join(path).expect("a path");
        let page = self.walk(Method::GET, url, None).await;
        self.keep(page)
    }

    /// Sends a form of the page that was drawn last, and follows the redirects after it.
    #[track_caller]
    pub fn submit(&self, css: &str, changes: &[(&str, &str)]) -> impl Future<Output = Page> {
        self.send_form(Form::filled(&self.page(), css, changes))
    }

    /// Sends a form with one of its ticks taken off.
    #[track_caller]
    pub fn submit_without(&self, css: &str, name: &str, value: &str) -> impl Future<Output = Page> {
        let mut form = Form::filled(&self.page(), css, &[]);
        form.fields.retain(|field| field.name != name || field.value != value);
        self.send_form(form)
    }

    /// Presses a button of the page that was drawn last several times at the same moment, before any answer has come. No
    /// redirect is followed.
    #[track_caller]
    pub fn press_at_once(
        &self,
        css: &str,
        changes: &[(&str, &str)],
        bases: &[&str],
    ) -> impl Future<Output = Vec<Page>> {
        let form = Form::filled(&self.page(), css, changes);
        let origin = form.action.origin().ascii_serialization();
        let urls: Vec<Url> = bases
            .iter()
            .map(|base| {
                let mut url = Url::parse(base).expect("an address");
                url.set_path(form.action.path());
                url.set_query(form.action.query());
                url
            })
            .collect();
        let (kind, body) = form.body();
        async move {
            let presses = urls.iter().map(|url| {
                let mut request = self
                    .http
                    .post(url.clone())
                    .header("origin", &origin)
                    .header("sec-fetch-site", "same-origin")
                    .header("content-type", &kind)
                    .body(body.clone());
                if let Some(cookies) = self.cookies(&self.base) {
                    request = request.header("cookie", cookies);
                }
                async move {
                    let answer = request.send().await.expect("an answer");
                    self.take_cookies(&self.base, answer.headers());
                    read(url.clone(), answer).await
                }
            });
            futures_util::future::join_all(presses).await
        }
    }

    /// A POST that no page offered: content type and body as given, no redirect followed.
    pub async fn post(&self, path: &str, content_type: &str, body: &str) -> Page {
        let url = self.base.join(path).expect("a path");
        self.send(Method::POST, &url, Some(&(content_type.to_owned(), body.to_owned()))).await
    }

    /// A request with headers of its own; no redirect followed, nothing kept.
    pub async fn with(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Page {
        let url = self.base.join(path).expect("a path");
        let mut request = self.http.request(method, url.clone()).body(body.to_owned());
        if let Some(cookies) = self.cookies(&url) {
            request = request.header("cookie", cookies);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        read(url, request.send().await.expect("an answer")).await
    }

    /// The page that was drawn last.
    #[track_caller]
    pub fn page(&self) -> Page {
        self.lock().page.clone().expect("a page was opened before")
    }

    /// The same browser in a second tab: the same cookies, its own page.
    pub fn tab(&self) -> Self {
        Self {
            base: self.base.clone(),
            http: self.http.clone(),
            state: Mutex::new(self.lock().clone()),
        }
    }

    pub fn cookie(&self, name: &str) -> Option<String> {
        self.lock().cookies.get(authority(&self.base).as_str())?.get(name).cloned()
    }

    /// Drops the cookies of a site: signed out there.
    pub fn forget(&self, base: &str) {
        let url = Url::parse(base).expect("an address");
        self.lock().cookies.remove(&authority(&url));
    }

    async fn send_form(&self, form: Form) -> Page {
        let page = if form.is_get {
            let mut url = form.action.clone();
            url.set_query(Some(&form.query()));
            self.walk(Method::GET, url, None).await
        } else {
            self.walk(Method::POST, form.action.clone(), Some(form.body())).await
        };
        self.keep(page)
    }

    async fn walk(&self, method: Method, url: Url, body: Option<(String, String)>) -> Page {
        let mut page = self.send(method, &url, body.as_ref()).await;
        let mut hops = Vec::new();
        while let Some(next) = page.header("location").filter(|_| (300..400).contains(&page.status))
        {
            assert!(hops.len() < 20, "{url} redirects without end: {hops:?}");
            let next = page.url.join(next).expect("an address");
            hops.push((page.status, page.url.clone()));
            page = self.send(Method::GET, &next, None).await;
        }
        Page { hops, ..page }
    }

    async fn send(&self, method: Method, url: &Url, body: Option<&(String, String)>) -> Page {
        let mut request =
            self.http.request(method.clone(), url.clone()).header("accept", "text/html,*/*;q=0.8");
        if let Some(cookies) = self.cookies(url) {
            request = request.header("cookie", cookies);
        }
        if method == Method::POST {
            request = request
                .header("origin", url.origin().ascii_serialization())
                .header("sec-fetch-site", "same-origin");
        }
        if let Some((kind, body)) = body {
            request = request.header("content-type", kind).body(body.clone());
        }
        let answer =
            request.send().await.unwrap_or_else(|error| panic!("{method} {url}: {error:?}"));
        self.take_cookies(url, answer.headers());
        read(url.clone(), answer).await
    }

    fn keep(&self, page: Page) -> Page {
        self.lock().page = Some(page.clone());
        page
    }

    fn cookies(&self, url: &Url) -> Option<String> {
        let state = self.lock();
        let jar = state.cookies.get(&authority(url)).filter(|jar| !jar.is_empty())?;
        Some(
            jar.iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>()
                .join("; "),
        )
    }

    fn take_cookies(&self, url: &Url, headers: &HeaderMap) {
        let mut state = self.lock();
        let jar = state.cookies.entry(authority(url)).or_default();
        for line in headers.get_all("set-cookie") {
            let line = line.to_str().expect("a cookie of plain text");
            let (name, value) = line
                .split(';')
                .next()
                .and_then(|pair| pair.split_once('='))
                .expect("a name and a value");
            let is_gone = line.to_ascii_lowercase().contains("max-age=0") || value.is_empty();
            if is_gone {
                jar.remove(name)
            } else {
                jar.insert(name.to_owned(), value.to_owned())
            };
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn read(url: Url, answer: Response) -> Page {
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let body = String::from_utf8_lossy(&answer.bytes().await.expect("a whole answer")).into_owned();
    Page { status, url, hops: Vec::new(), headers, body }
}

fn authority(url: &Url) -> String {
    format!(
        "{}:{}",
        url.host_str().unwrap_or_default(),
        url.port_or_known_default().unwrap_or_default()
    )
}

/// A bare client for tests: follows nothing, keeps nothing.
pub fn http() -> reqwest::Client {
    http_from(std::net::Ipv4Addr::UNSPECIFIED.into())
}

#[expect(clippy::disallowed_methods, reason = "tests stand outside: they are not the app's calls")]
fn http_from(address: std::net::IpAddr) -> reqwest::Client {
    rustls::crypto::ring::default_provider().install_default().ok();
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::from_static("user-agent"), HeaderValue::from_static("Test browser"));
    reqwest::Client::builder()
        .default_headers(headers)
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(60))
        .local_address(Some(address).filter(|address| !address.is_unspecified()))
        .build()
        .expect("a client")
}
