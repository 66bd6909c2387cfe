//! Signed requests to S3 or what speaks its protocol, and what its errors mean.
//!
//! With a client of its own: storage may be on a private network, which HTTP services may not, and the beginning of an
//! object is read however large it is.
use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::sign::{self, Key, Request};
use super::xml;
use crate::clock::Clock;
use crate::model::cause::Cause;
use crate::model::report::Fault;
use crate::outbound::body::Body;
use crate::outbound::compute::Compute;
use crate::outbound::dial::{self, Marks};
use crate::outbound::http::too_large;
use crate::outbound::policy::Policy;
use crate::outbound::probe::road::need;
use crate::outbound::tls;
use crate::outbound::{Account, Outbound};

pub(super) const AT: Marks = Marks { host: "endpoint", port: "endpoint" };
const CALL_LIMIT: Duration = Duration::from_secs(8);
/// The most bytes of a list: a thousand names of a kilobyte, with what is said of each.
const MAX_LIST: usize = 4 << 20;
/// What went wrong stands at the beginning.
const MAX_REFUSAL: usize = 64 << 10;

/// Where the storage is and who asks.
pub(super) struct Store<'a> {
    pub scheme: String,
    pub host: String,
    pub port: Option<u16>,
    path: String,
    is_path_style: bool,
    pub key: Key<'a>,
    client: reqwest::Client,
    compute: Compute,
}

/// What is asked for.
#[derive(Default)]
pub(super) struct Ask<'a> {
    pub method: &'static str,
    pub bucket: Option<&'a str>,
    pub object: &'a str,
    pub query: &'a [(&'a str, &'a str)],
    pub body: &'static [u8],
    /// Only the first bytes, this many.
    pub head: Option<usize>,
}

pub(super) struct Answer {
    pub status: u16,
    pub body: Body,
    /// `Content-Range`, `x-amz-version-id`, `x-amz-bucket-region`.
    pub range: Option<String>,
    pub version: Option<String>,
    region: Option<String>,
}

impl<'a> Store<'a> {
    pub fn of(out: &Outbound, account: &'a Account<'_>) -> Result<Self, Fault> {
        let region = account
            .value("region")
            .map(str::trim)
            .filter(|region| !region.is_empty())
            .unwrap_or("us-east-1");
        let china = if region.starts_with("cn-") { ".cn" } else { "" };
        let default = format!("https://s3.{region}.amazonaws.com{china}");
        let typed = account
            .value("endpoint")
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .unwrap_or(&default);
        let bad = |said: &str| {
            Fault::new(Cause::RequestRejected)
                .marks(&["endpoint"])
                .detail(format!("{typed}: {said}"))
        };
        let url = url::Url::parse(typed).map_err(|error| bad(&error.to_string()))?;
        if !["http", "https"].contains(&url.scheme()) {
            return Err(bad("must begin with https://"));
        }
        let host = url.host_str().ok_or_else(|| bad("has no host"))?.to_owned();
        let is_name = matches!(url.host(), Some(url::Host::Domain(_)));
        let is_path_style =
            !is_name || matches!(account.value("path_style"), Some("true" | "on" | "1" | "yes"));
        let key = Key {
            id: need(account, "access_key_id")?.trim(),
            secret: need(account, "secret_access_key")?.trim(),
            token: account.value("session_token"),
            region,
        };
        let path = url.path().trim_end_matches('/').to_owned();
        let client = client(out, url.scheme() == "http")?;
        Ok(Self {
            scheme: url.scheme().to_owned(),
            host,
            port: url.port(),
            path,
            is_path_style,
            key,
            client,
            compute: out.compute().clone(),
        })
    }

    /// The host that is called: the bucket may stand in its name.
    pub fn host_of(&self, bucket: Option<&str>) -> String {
        match bucket {
            Some(bucket) if !self.is_in_path(bucket) => format!("{bucket}.{}", self.host),
            _ => self.host.clone(),
        }
    }

    /// A name with dots is not covered by the certificate of `*.host`, and what is no name at all would be another host.
    fn is_in_path(&self, bucket: &str) -> bool {
        self.is_path_style || !bucket.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    }

    pub fn port_of(&self) -> u16 {
        self.port.unwrap_or(if self.scheme == "http" { 80 } else { 443 })
    }

    /// Sends it; a refusal is a fault.
    pub async fn ask(&self, ask: Ask<'_>) -> Result<Answer, Fault> {
        let answer = self.send(&ask).await?;
        if (200..300).contains(&answer.status) {
            Ok(answer)
        } else {
            Err(answer.fault(&ask, self.key.region))
        }
    }

    /// Asks for a list and gives its text to `read` on a thread for computing.
    pub async fn list<T: Send + 'static>(
        &self,
        ask: Ask<'_>,
        read: impl FnOnce(&str) -> T + Send + 'static,
    ) -> Result<T, Fault> {
        let answer = self.ask(ask).await?;
        self.compute.run(move || read(&answer.text())).await
    }

    async fn send(&self, ask: &Ask<'_>) -> Result<Answer, Fault> {
        let segments: Vec<String> = ask.object.split('/').map(sign::encoded).collect();
        if ask.object.split('/').any(|segment| segment == "." || segment == "..") {
            return Err(Fault::new(Cause::RequestRejected)
                .marks(&["path"])
                .detail("A name must not have . or .. between slashes."));
        }
        let in_path = ask
            .bucket
            .filter(|bucket| self.is_in_path(bucket))
            .map(|bucket| format!("/{}", sign::encoded(bucket)))
            .unwrap_or_default();
        let path = format!("{}{in_path}/{}", self.path, segments.join("/"));
        let query = sign::query(ask.query);
        let host = self.host_of(ask.bucket);
        let place = self.port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
        let request = Request {
            method: ask.method,
            host: &place,
            path: &path,
            query: &query,
            body: ask.body,
        };
        let headers = sign::sign(&request, &self.key, Clock::System.now());
        let mark = if query.is_empty() { "" } else { "?" };
        let method = reqwest::Method::from_bytes(ask.method.as_bytes()).unwrap_or_default();
        let mut call =
            self.client.request(method, format!("{}://{place}{path}{mark}{query}", self.scheme));
        for (name, value) in headers {
            call = call.header(name, value);
        }
        if let Some(most) = ask.head {
            call = call.header("range", format!("bytes=0-{}", most.saturating_sub(1)));
        }
        if !ask.body.is_empty() {
            call = call.body(ask.body);
        }
        let answer = call.send().await.map_err(|error| not_sent(&error))?;
        read(answer, ask.head).await
    }
}

/// Reads the beginning of an object, this many bytes, or all of a list.
async fn read(answer: reqwest::Response, head: Option<usize>) -> Result<Answer, Fault> {
    let header = |name: &str| {
        answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    };
    let (status, range) = (answer.status().as_u16(), header("content-range"));
    let (version, region) = (
        header("x-amz-version-id").filter(|version| version != "null"),
        header("x-amz-bucket-region"),
    );
    let is_list = answer.status().is_success() && head.is_none();
    let most = if is_list { MAX_LIST } else { head.unwrap_or(MAX_REFUSAL) };
    let mut body = Body::new(most);
    let mut pieces = answer.bytes_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| not_sent(&error))?;
        if is_list && body.len() + piece.len() > most {
            return Err(too_large(most));
        }
        let no_memory =
            |error: std::io::Error| Fault::new(Cause::AnswerTooLarge).detail(error.to_string());
        body.push(&piece).map_err(no_memory)?;
        if !is_list && body.len() == most {
            break;
        }
    }
    Ok(Answer { status, body, range, version, region })
}

impl Answer {
    pub fn text(&self) -> Cow<'_, str> {
        self.body.text()
    }

    fn fault(&self, ask: &Ask<'_>, region: &str) -> Fault {
        let text = self.text();
        let code = xml::first(&text, "Code").unwrap_or_default();
        let message = xml::first(&text, "Message").unwrap_or_else(|| text.clone().into_owned());
        let place = format!("{}/{}", ask.bucket.unwrap_or_default(), ask.object);
        let said = format!("{} {place} → {} {code}: {message}", ask.method, self.status);
        let right = xml::first(&text, "Region")
            .or_else(|| self.region.clone())
            .filter(|right| right != region);
        let is_elsewhere = [
            "AuthorizationHeaderMalformed",
            "PermanentRedirect",
            "IllegalLocationConstraintException",
        ]
        .contains(&code.as_str());
        if let (true, Some(right)) = (is_elsewhere || self.status == 301, right) {
            return Fault::new(Cause::RequestRejected)
                .marks(&["region"])
                .detail(format!("{said}\nThe bucket is in {right}."))
                .cure(right);
        }
        let object = if ask.bucket.is_none() || ask.object.is_empty() { "bucket" } else { "path" };
        let fault = match code.as_str() {
            "SignatureDoesNotMatch" => {
                Fault::new(Cause::SecretRejected).marks(&["secret_access_key"])
            }
            "InvalidAccessKeyId" => Fault::new(Cause::LoginRejected).marks(&["access_key_id"]),
            "InvalidToken" => Fault::new(Cause::SecretRejected).marks(&["session_token"]),
            "ExpiredToken" | "TokenRefreshRequired" => {
                Fault::new(Cause::TokenExpired).marks(&["session_token"])
            }
            "AccessDenied" | "AllAccessDisabled" | "AccountProblem" | "NotSignedUp" => {
                Fault::new(Cause::Forbidden).marks(&[object])
            }
            "NoSuchBucket" | "InvalidBucketName" => {
                Fault::new(Cause::UnknownObject).marks(&["bucket"])
            }
            "NoSuchKey" => Fault::new(Cause::UnknownObject).marks(&["path"]),
            "SlowDown" => Fault::new(Cause::RateLimited),
            _ if is_elsewhere || self.status == 301 => {
                Fault::new(Cause::RequestRejected).marks(&["region", "endpoint"])
            }
            _ => by_status(self.status, object),
        };
        fault.detail(said)
    }
}

fn by_status(status: u16, object: &'static str) -> Fault {
    match status {
        401 | 403 => Fault::new(Cause::Forbidden).marks(&[object]),
        404 => Fault::new(Cause::UnknownObject).marks(&[object]),
        429 => Fault::new(Cause::RateLimited),
        500.. => Fault::new(Cause::ProviderDown),
        400 => Fault::new(Cause::RequestRejected),
        _ => Fault::new(Cause::MalformedAnswer).marks(&["endpoint"]),
    }
}

/// The address is not in it: it may have been typed with a secret.
fn not_sent(error: &reqwest::Error) -> Fault {
    let cause = if error.is_timeout() { Cause::Timeout } else { Cause::Unreachable };
    let inner =
        std::iter::successors(std::error::Error::source(error), |error| error.source()).last();
    let said = inner.map_or_else(|| "The call failed.".to_owned(), ToString::to_string);
    Fault::new(cause).marks(&["endpoint"]).detail(said)
}

#[expect(
    clippy::disallowed_methods,
    reason = "names are resolved by the guarded dialler; redirects are not followed"
)]
fn client(out: &Outbound, is_plain: bool) -> Result<reqwest::Client, Fault> {
    let built = reqwest::Client::builder()
        .dns_resolver(Arc::new(Checked { policy: out.policy().clone(), is_plain }))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .http1_only()
        // The beginning of a packed object cannot be unpacked.
        .no_gzip()
        .connect_timeout(dial::CONNECT_LIMIT)
        .timeout(CALL_LIMIT.min(out.longest()))
        .tls_backend_preconfigured(tls::public()?)
        .build();
    built.map_err(|error| Fault::new(Cause::TlsUnsupported).detail(error.to_string()))
}

/// Resolves names to addresses that may be called. Addresses in place of a name never come here: `dial::find`, which
/// runs before each first request, checks them.
struct Checked {
    policy: Policy,
    /// What is not encrypted stays on networks that the operator opened.
    is_plain: bool,
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let (policy, is_plain) = (self.policy.clone(), self.is_plain);
        Box::pin(async move {
            let found = dial::find(&policy, name.as_str(), 0, AT).await;
            let mut found = found.map_err(|fault| fault.detail.unwrap_or_default())?;
            found.retain(|at| !is_plain || policy.opens(at.ip()));
            let addresses: Addrs =
                Box::new(found.into_iter().collect::<Vec<SocketAddr>>().into_iter());
            Ok(addresses)
        })
    }
}
