//! The one HTTP client. Addresses are checked after the name is resolved, and what was checked is what is connected to;
//! redirects are never followed; time and size have limits, the size after unpacking.
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::{Host, Url};

use super::body::{Body, SMALL_BYTES};
use super::policy::{Kind, Policy};
use crate::catalog::http::Method;
use crate::model::cause::Cause;
use crate::model::report::Fault;

/// A token call may take this long: its answer may hold the only token that works from then on. A refresh runs under a
/// lease that is longer (`domain::authorizers::refresh`).
pub const TOKEN_LIMIT: Duration = Duration::from_secs(25);
/// A call that gives nothing which could be lost.
pub const CALL_LIMIT: Duration = Duration::from_secs(10);
pub const TOKEN_BYTES: usize = 1 << 20;
pub const DATA_BYTES: usize = 8 << 20;
/// The most answers that may be large (over `SMALL_BYTES`) at once, in the whole process: it bounds their memory.
const LARGE_ANSWERS: usize = 4;
/// How long a large answer waits for its place.
const PLACE_WAIT: Duration = Duration::from_secs(5);

/// One request. Never `Debug`: it carries secrets.
pub struct HttpCall {
    pub method: Method,
    pub url: Url,
    pub headers: Vec<(String, String)>,
    pub body: HttpBody,
    pub limit: Duration,
    pub max_bytes: usize,
}

pub enum HttpBody {
    Empty,
    Form(Vec<(String, String)>),
    Json(serde_json::Value),
    Bytes(Vec<u8>),
}

pub struct HttpAnswer {
    pub status: u16,
    pub headers: HeaderMap,
    body: Body,
    /// The place of a large answer, until it is dropped.
    place: Option<OwnedSemaphorePermit>,
}

impl HttpAnswer {
    pub fn text(&self) -> String {
        self.body.text().into_owned()
    }

    /// Returns the text without a copy, however large it is: bytes that are not UTF-8 become question marks.
    pub fn into_text(mut self) -> AnswerText {
        self.body.mask_invalid();
        AnswerText { body: self.body, _place: self.place }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Seconds that the service asks us to wait (RFC 9110 §10.2.3). A date is read by the service's own clock: ours
    /// may go differently.
    pub fn retry_after(&self) -> Option<u64> {
        let told = self.header("retry-after")?.trim();
        let by_date = || {
            let (until, now) = (
                httpdate::parse_http_date(told).ok()?,
                httpdate::parse_http_date(self.header("date")?).ok()?,
            );
            until.duration_since(now).ok().map(|wait| wait.as_secs())
        };
        told.parse().ok().or_else(by_date)
    }

    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// The text of an answer, with its place among the large ones.
pub struct AnswerText {
    body: Body,
    _place: Option<OwnedSemaphorePermit>,
}

impl std::ops::Deref for AnswerText {
    type Target = str;

    fn deref(&self) -> &str {
        std::str::from_utf8(self.body.bytes()).unwrap_or_default()
    }
}

#[derive(Clone)]
pub struct Http {
    /// For https.
    client: Option<reqwest::Client>,
    /// For plain HTTP: dials only what the operator opened.
    plain: Option<reqwest::Client>,
    policy: Arc<Policy>,
    /// No call takes longer, whatever it asks for.
    longest: Duration,
    large: Arc<Semaphore>,
}

/// The resolver's refusal, found again in the chain of a failed call.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("its address is closed to this installation")]
    Blocked,
    #[error("the name is not known")]
    Unknown,
}

/// Stands where names become addresses: only those that it hands on are dialled.
struct Guard {
    policy: Arc<Policy>,
    is_plain: bool,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let (policy, is_plain) = (Arc::clone(&self.policy), self.is_plain);
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0))
                .await
                .map_err(|_| Refused::Unknown)?
                .collect();
            if found.is_empty() {
                return Err(Refused::Unknown.into());
            }
            let allowed: Vec<SocketAddr> =
                found.into_iter().filter(|at| may_dial(&policy, at.ip(), is_plain)).collect();
            if allowed.is_empty() {
                return Err(Refused::Blocked.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

fn may_dial(policy: &Policy, ip: IpAddr, is_plain: bool) -> bool {
    if is_plain { policy.opens(ip) } else { policy.allows(ip, Kind::Http) }
}

fn guarded(policy: &Arc<Policy>, is_plain: bool) -> Option<reqwest::Client> {
    #[expect(clippy::disallowed_methods, reason = "this is the one guarded client")]
    let built = reqwest::Client::builder()
        .dns_resolver(Arc::new(Guard { policy: Arc::clone(policy), is_plain }))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(Duration::from_secs(5))
        .pool_idle_timeout(Duration::from_secs(30))
        .user_agent(concat!("Authorizers/", env!("CARGO_PKG_VERSION")))
        .build();
    built.inspect_err(|error| tracing::error!(%error, "no HTTP client could be built")).ok()
}

impl Http {
    pub fn new(policy: Arc<Policy>, longest: Duration) -> Self {
        // The client finds its cryptography by the process's default.
        rustls::crypto::ring::default_provider().install_default().ok();
        Self {
            client: guarded(&policy, false),
            plain: guarded(&policy, true),
            policy,
            longest,
            large: Arc::new(Semaphore::new(LARGE_ANSWERS)),
        }
    }

    pub fn longest(&self) -> Duration {
        self.longest
    }

    /// An answer of any status. A fault is of the network alone.
    pub async fn send(&self, call: HttpCall) -> Result<HttpAnswer, Fault> {
        let is_plain = call.url.scheme() == "http";
        let client = if is_plain { &self.plain } else { &self.client };
        let client = client
            .as_ref()
            .ok_or_else(|| Fault::new(Cause::ProviderDown).detail("no HTTP client"))?;
        self.check(&call.url, is_plain)?;
        let place = place(call.method, &call.url);
        let (limit, max_bytes) = (call.limit.min(self.longest), call.max_bytes);
        let request = build(client, call)?;
        let work = async { receive(request.send().await, max_bytes, &self.large).await };
        match tokio::time::timeout(limit, work).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(fault)) => {
                Err(Fault { detail: fault.detail.map(|said| format!("{place}: {said}")), ..fault })
            }
            Err(_) => {
                let said = format!("{place}: no answer within {} seconds", limit.as_secs());
                Err(Fault { is_in_doubt: true, ..Fault::new(Cause::Timeout).detail(said) })
            }
        }
    }

    /// What the resolver does not see: addresses written as numbers.
    fn check(&self, url: &Url, is_plain: bool) -> Result<(), Fault> {
        let is_open = |ip: IpAddr| may_dial(&self.policy, ip, is_plain);
        let is_fine = match url.host() {
            Some(Host::Ipv4(ip)) => is_open(IpAddr::V4(ip)),
            Some(Host::Ipv6(ip)) => is_open(IpAddr::V6(ip)),
            Some(Host::Domain(_)) => true,
            None => false,
        };
        if is_fine && (is_plain || url.scheme() == "https") {
            return Ok(());
        }
        Err(Fault::new(Cause::BlockedAddress)
            .detail(format!("{} may not be called", url.host_str().unwrap_or_default())))
    }
}

fn build(client: &reqwest::Client, call: HttpCall) -> Result<reqwest::RequestBuilder, Fault> {
    let method = match call.method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
        Method::Delete => reqwest::Method::DELETE,
        Method::Head => reqwest::Method::HEAD,
    };
    let mut headers = HeaderMap::new();
    for (name, value) in &call.headers {
        let name = HeaderName::try_from(name.as_str());
        let value = HeaderValue::from_str(value);
        let (Ok(name), Ok(mut value)) = (name, value) else {
            return Err(Fault::new(Cause::RequestRejected)
                .detail("a header holds a character that no header may hold"));
        };
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    let request = client.request(method, call.url).headers(headers);
    Ok(match call.body {
        HttpBody::Empty => request,
        HttpBody::Form(pairs) => request.form(&pairs),
        HttpBody::Json(value) => request.json(&value),
        HttpBody::Bytes(bytes) => request.body(bytes),
    })
}

async fn receive(
    sent: Result<reqwest::Response, reqwest::Error>,
    max_bytes: usize,
    large: &Arc<Semaphore>,
) -> Result<HttpAnswer, Fault> {
    let fault = |error: reqwest::Error| Fault { is_in_doubt: !error.is_connect(), ..fault(&error) };
    let mut response = sent.map_err(fault)?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let mut answer = HttpAnswer { status, headers, body: Body::new(max_bytes), place: None };
    let announced = response.content_length().and_then(|bytes| usize::try_from(bytes).ok());
    if answer.is_success() && announced.is_some_and(|bytes| bytes > max_bytes) {
        return Err(too_large(max_bytes));
    }
    while let Some(chunk) = response.chunk().await.map_err(fault)? {
        let length = answer.body.len() + chunk.len();
        if !answer.is_success() && length > SMALL_BYTES.min(max_bytes) {
            // What went wrong stands at its beginning.
            break;
        }
        if length > max_bytes {
            return Err(too_large(max_bytes));
        }
        if length > SMALL_BYTES && max_bytes > TOKEN_BYTES && answer.place.is_none() {
            answer.place = Some(place_of(large).await?);
        }
        let no_memory =
            |error: std::io::Error| Fault::new(Cause::AnswerTooLarge).detail(error.to_string());
        answer.body.push(&chunk).map_err(no_memory)?;
    }
    Ok(answer)
}

/// Waits for a place among the large answers.
async fn place_of(large: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Fault> {
    let place = tokio::time::timeout(PLACE_WAIT, Arc::clone(large).acquire_owned()).await;
    let said = "Several large answers are being read. Try again in a moment.";
    place.ok().and_then(Result::ok).ok_or_else(|| Fault {
        is_in_doubt: true,
        ..Fault::new(Cause::AnswerTooLarge).detail(said)
    })
}

/// The fault of an answer that is larger than we read.
pub fn too_large(max_bytes: usize) -> Fault {
    let said = format!("The answer is larger than we read ({} MB).", max_bytes >> 20);
    Fault { is_in_doubt: true, ..Fault::new(Cause::AnswerTooLarge).detail(said) }
}

/// `POST https://host/path`: the query is never told, it may carry secrets.
pub fn place(method: Method, url: &Url) -> String {
    let method = match method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
        Method::Head => "HEAD",
    };
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!(
        "{method} {}://{}{port}{}",
        url.scheme(),
        url.host_str().unwrap_or_default(),
        url.path()
    )
}

/// An I/O error does not name what it wraps among its sources, and may wrap another one.
pub(super) fn tls_error<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> Option<&'a rustls::Error> {
    error.downcast_ref().or_else(|| tls_error(error.downcast_ref::<std::io::Error>()?.get_ref()?))
}

fn fault(error: &reqwest::Error) -> Fault {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut last = String::new();
    while let Some(inner) = source {
        if let Some(refused) = inner.downcast_ref::<Refused>() {
            let cause = if matches!(refused, Refused::Blocked) {
                Cause::BlockedAddress
            } else {
                Cause::HostUnknown
            };
            return Fault::new(cause).detail(refused.to_string());
        }
        if let Some(tls) = tls_error(inner) {
            let is_certificate = matches!(tls, rustls::Error::InvalidCertificate(_));
            let cause = if is_certificate { Cause::TlsUntrusted } else { Cause::TlsUnsupported };
            return Fault::new(cause).detail(tls.to_string());
        }
        if let Some(io) = inner.downcast_ref::<std::io::Error>()
            && io.kind() == std::io::ErrorKind::ConnectionRefused
        {
            return Fault::new(Cause::PortRefused).detail("the connection was refused");
        }
        last = inner.to_string();
        source = inner.source();
    }
    if error.is_timeout() {
        Fault::new(Cause::Timeout).detail("no answer in time")
    } else if error.is_connect() {
        Fault::new(Cause::Unreachable).detail(last)
    } else {
        // Cut off, reset, or not HTTP.
        Fault::new(Cause::ProviderDown).detail(last)
    }
}
