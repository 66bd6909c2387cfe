//! A call of a service's HTTP API: address, headers and authorization by its file, and what the answer means.
use std::collections::BTreeMap;

use serde_json::Value;
use url::Url;

use super::http::{HttpAnswer, HttpBody, HttpCall, place};
use super::json::{self, Json};
use super::{Account, Outbound, oauth1, redact, render};
use crate::catalog::auth::{Apply, SoftError};
use crate::catalog::http::{ErrorRule, Method};
use crate::catalog::template;
use crate::model::cause::Cause;
use crate::model::report::Fault;
use crate::model::values::Values;

/// What is asked; templates.
pub struct Ask<'a> {
    pub method: Method,
    /// Path under the base, or a whole address.
    pub path: &'a str,
    pub query: &'a BTreeMap<String, String>,
    pub headers: &'a BTreeMap<String, String>,
    pub body: Option<&'a Value>,
    /// A query string of a person's own, without the question mark.
    pub raw_query: Option<&'a str>,
    pub errors: &'a [ErrorRule],
    pub limit: std::time::Duration,
    pub max_bytes: usize,
}

/// No error code is longer.
const CODE_CHARS: usize = 200;

pub static NOTHING: BTreeMap<String, String> = BTreeMap::new();

impl<'a> Ask<'a> {
    pub fn get(path: &'a str) -> Self {
        Self {
            method: Method::Get,
            path,
            query: &NOTHING,
            headers: &NOTHING,
            body: None,
            raw_query: None,
            errors: &[],
            limit: super::http::CALL_LIMIT,
            max_bytes: super::http::TOKEN_BYTES,
        }
    }
}

/// Asks for a small answer, and takes anything but proper JSON as a fault.
pub async fn ask(
    out: &Outbound,
    account: &Account<'_>,
    settings: &Values,
    ask: Ask<'_>,
) -> Result<Value, Fault> {
    let call = call(account, settings, &ask)?;
    let place = place(call.method, &call.url);
    let answer = out.http().send(call).await.map_err(|fault| clean(account, fault))?;
    let judge = Judge::of(account, &ask, place, &answer);
    let text = answer.into_text();
    let is_fit = judge.read(&text).and_then(|_| json::check_small(&text));
    let tree = is_fit.and_then(|()| json::parse_small(&text).ok_or_else(|| judge.malformed(&text)));
    tree.map_err(|fault| clean(account, fault))
}

/// Asks for an answer that may be large, and gives it to `read` on a thread for computing: no tree is made of it.
pub async fn ask_data<T: Send + 'static>(
    out: &Outbound,
    account: &Account<'_>,
    settings: &Values,
    ask: Ask<'_>,
    read: impl FnOnce(Json<'_>) -> T + Send + 'static,
) -> Result<T, Fault> {
    let call = call(account, settings, &ask)?;
    let place = place(call.method, &call.url);
    let answer = out.http().send(call).await.map_err(|fault| clean(account, fault))?;
    let judge = Judge::of(account, &ask, place, &answer);
    let text = answer.into_text();
    let work = move || judge.read(&text).map(read);
    out.compute().run(work).await?.map_err(|fault| clean(account, fault))
}

/// The request of it.
pub fn call(account: &Account<'_>, settings: &Values, ask: &Ask<'_>) -> Result<HttpCall, Fault> {
    let lookup = |name: &str| value(account, settings, name);
    let mut url = address(account, ask.path, &lookup)?;
    let mut headers: Vec<(String, String)> =
        vec![("Accept".to_owned(), "application/json".to_owned())];
    let mut query: Vec<(String, String)> = Vec::new();
    let shared = account.service.http.iter().flat_map(|http| &http.headers);
    add(&mut headers, shared, &lookup);
    add(&mut query, ask.query.iter(), &lookup);
    apply(&account.auth.apply, &lookup, &mut headers, &mut query);
    // Last, so that one call may be authorized otherwise than the rest (Mailchimp's metadata).
    add(&mut headers, ask.headers.iter(), &lookup);
    if let Some(raw) = ask.raw_query.filter(|raw| !raw.is_empty()) {
        query.extend(url::form_urlencoded::parse(raw.as_bytes()).into_owned());
    }
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(&query);
    }
    if let Some(signed) = oauth1::header(&account.auth.apply, &lookup, ask.method, &url) {
        headers.retain(|(name, _)| name != "Authorization");
        headers.push(("Authorization".to_owned(), signed));
    }
    let body = ask.body.map_or(HttpBody::Empty, |body| HttpBody::Json(render::json(body, &lookup)));
    Ok(HttpCall {
        method: ask.method,
        url,
        headers,
        body,
        limit: ask.limit,
        max_bytes: ask.max_bytes,
    })
}

fn value(account: &Account<'_>, settings: &Values, name: &str) -> Option<String> {
    let own = account.value(name).map(str::to_owned);
    own.or_else(|| settings.get(name).filter(|value| !value.is_empty()).cloned())
}

/// `path` under the service's base; a whole address must be on one of its hosts.
pub fn address(
    account: &Account<'_>,
    path: &str,
    lookup: render::Lookup<'_>,
) -> Result<Url, Fault> {
    let http = account.service.http.as_ref();
    let oauth_hosts = account.auth.oauth2.iter().flat_map(|oauth2| oauth2.hosts.iter().cloned());
    let mut hosts: Vec<String> = http.map(|http| http.hosts.clone()).unwrap_or_default();
    hosts.extend(oauth_hosts);
    if http.is_some_and(|http| http.any_host) {
        hosts.push("*".to_owned());
    }
    let name = template::whole(path);
    let typed = name.and_then(lookup).filter(|typed| typed.starts_with('/'));
    if template::has_dot_segments(typed.as_deref().unwrap_or(path)) {
        return Err(Fault::new(Cause::RequestRejected)
            .marks(&[name.unwrap_or("path")])
            .detail("A path can't contain . or .. between slashes."));
    }
    // What a person typed is a path, not a template.
    let typed = typed.map(|typed| typed.replace(['{', '}'], ""));
    let path = typed.as_deref().unwrap_or(path);
    let is_whole =
        path.starts_with("http://") || path.starts_with("https://") || path.starts_with('{');
    let Some(base) = http.map(|http| http.base.as_str()).filter(|_| !is_whole) else {
        return render::url(path, lookup, &hosts);
    };
    // The base's own host is the service's, if its file names it; if it came from somewhere, it must be listed.
    if !base.starts_with('{')
        && let Some(host) = base.split("://").nth(1).and_then(|rest| rest.split(['/', ':']).next())
        && !host.contains('{')
    {
        hosts.push(host.to_owned());
    }
    render::url(&format!("{}{path}", base.trim_end_matches('/')), lookup, &hosts)
}

/// A header or parameter with a placeholder that has no value is left out.
fn add<'a>(
    to: &mut Vec<(String, String)>,
    from: impl Iterator<Item = (&'a String, &'a String)>,
    lookup: render::Lookup<'_>,
) {
    for (name, template) in from {
        if let Some(value) = render::text(template, lookup) {
            to.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            to.push((name.clone(), value));
        }
    }
}

fn apply(
    apply_to: &Apply,
    lookup: render::Lookup<'_>,
    headers: &mut Vec<(String, String)>,
    query: &mut Vec<(String, String)>,
) {
    use base64::Engine;
    if let Some(choice) = &apply_to.choose {
        let chosen = lookup(&choice.field).and_then(|value| choice.by.get(&value));
        return chosen.map_or((), |chosen| apply(chosen, lookup, headers, query));
    }
    add(headers, apply_to.headers.iter(), lookup);
    add(query, apply_to.query.iter(), lookup);
    if let Some(token) =
        apply_to.bearer.as_ref().and_then(|template| render::text(template, lookup))
    {
        headers.push(("Authorization".to_owned(), format!("Bearer {token}")));
    }
    if let Some((user, password)) = &apply_to.basic {
        let part = |template: &str| render::text(template, lookup).unwrap_or_default();
        let pair = format!("{}:{}", part(user), part(password));
        let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
        headers.push(("Authorization".to_owned(), format!("Basic {encoded}")));
    }
}

/// What tells a yes from a no. It owns all of it: large answers are judged on a thread of their own.
struct Judge {
    place: String,
    status: u16,
    retry_after: Option<u64>,
    rules: Vec<ErrorRule>,
    soft: Option<SoftError>,
    /// What its status means where no rule says more.
    general: Cause,
}

impl Judge {
    fn of(account: &Account<'_>, ask: &Ask<'_>, place: String, answer: &HttpAnswer) -> Self {
        let http = account.service.http.as_ref();
        let rules = ask.errors.iter().chain(http.iter().flat_map(|http| &http.errors));
        Self {
            place,
            status: answer.status,
            retry_after: answer.retry_after(),
            rules: rules.cloned().collect(),
            soft: http.and_then(|http| http.soft_error.clone()),
            general: general(answer, account),
        }
    }

    /// The answer, if it is a yes in JSON.
    fn read<'a>(&self, text: &'a str) -> Result<Json<'a>, Fault> {
        let json = Json::parse(text).ok();
        let soft_code = self.soft.as_ref().zip(json).and_then(|(soft, json)| {
            let find = |pointer: &str| Some(json.find(pointer, 1).first()?.cell(CODE_CHARS));
            soft_code_by(soft, find)
        });
        if (200..300).contains(&self.status) && soft_code.is_none() {
            let unreadable =
                || json::check_depth(text).err().unwrap_or_else(|| self.malformed(text));
            return json.ok_or_else(unreadable);
        }
        let error = json.and_then(error_code);
        let fits = |rule: &&ErrorRule| {
            rule.status.is_none_or(|status| status == self.status)
                && rule
                    .error
                    .as_ref()
                    .is_none_or(|code| [&soft_code, &error].contains(&&Some(code.clone())))
                && rule.contains.as_ref().is_none_or(|part| text.contains(part.as_str()))
        };
        let mut fault = match self.rules.iter().find(fits) {
            Some(rule) => Fault {
                fields: rule.fields.clone(),
                cure: rule.cure.clone(),
                ..Fault::new(rule.cause)
            },
            None => Fault::new(self.general),
        };
        fault.retry_after = self.retry_after;
        fault.detail = Some(quoted(&self.place, self.status, text));
        Err(fault)
    }

    fn malformed(&self, text: &str) -> Fault {
        Fault::new(Cause::MalformedAnswer).detail(quoted(&self.place, self.status, text))
    }
}

/// The error of an answer that says 200 and means no.
pub fn soft_code(soft: &SoftError, value: &Value) -> Option<String> {
    soft_code_by(soft, |pointer| {
        value.pointer(pointer).map(|found| (!found.is_null()).then(|| plain(found)))
    })
}

/// `find` returns what is at a pointer: `None` for nothing, `Some(None)` for null.
fn soft_code_by(soft: &SoftError, find: impl Fn(&str) -> Option<Option<String>>) -> Option<String> {
    let is_ok = match (&soft.ok, find(&soft.at)) {
        (Some(ok), Some(found)) => found.as_deref().unwrap_or("null") == ok,
        (Some(_), None) => false,
        (None, found) => found.flatten().is_none(),
    };
    let code = || find(&soft.code).map(|code| code.unwrap_or_else(|| "null".to_owned()));
    if is_ok { None } else { Some(code().unwrap_or_default()) }
}

/// A text without its quotes.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn error_code(json: Json<'_>) -> Option<String> {
    let found = json.find("/error", 1);
    found.first().filter(|error| error.is_text()).map(|error| error.plain(CODE_CHARS))
}

pub fn general(answer: &HttpAnswer, account: &Account<'_>) -> Cause {
    match answer.status {
        401 if account.auth.oauth2.is_some() => Cause::TokenExpired,
        401 => Cause::SecretRejected,
        403 => Cause::Forbidden,
        404 => Cause::UnknownObject,
        429 => Cause::RateLimited,
        500.. => Cause::ProviderDown,
        // Never followed: a redirected token would go to whoever is at the other end.
        300..=399 => Cause::MalformedAnswer,
        _ => Cause::RequestRejected,
    }
}

/// `GET https://host/path → 401 Unauthorized {"error":…}`
pub fn said(place: &str, answer: &HttpAnswer, text: &str) -> String {
    quoted(place, answer.status, text)
}

fn quoted(place: &str, status: u16, text: &str) -> String {
    let reason = reqwest::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or_default();
    format!("{place} → {status} {reason} {}", redact::beginning(text.trim()))
}

/// Takes everything secret of the account out of a fault.
pub fn clean(account: &Account<'_>, fault: Fault) -> Fault {
    clean_also(account, fault, &[])
}

/// As [`clean`], and `more` in the same go: what is cut already hides halves of them.
pub fn clean_also(account: &Account<'_>, mut fault: Fault, more: &[&str]) -> Fault {
    let open = account
        .auth
        .fields
        .iter()
        .filter(|spec| !spec.secret)
        .filter_map(|spec| account.credentials.get(&spec.key));
    let kept = account.auth.oauth2.iter().flat_map(|oauth2| &oauth2.keep);
    let addresses = kept
        .filter(|keep| keep.is_host)
        .filter_map(|keep| account.credentials.kept.get(&keep.to))
        .map(crate::model::credentials::Secret::expose);
    let open: Vec<&str> = open.chain(addresses).collect();
    let mut secrets: Vec<&str> =
        account.credentials.texts().into_iter().filter(|text| !open.contains(text)).collect();
    secrets.extend(
        account
            .app
            .and_then(|app| app.client_secret.as_ref())
            .map(crate::model::credentials::Secret::expose),
    );
    secrets.extend(more);
    fault.detail = fault.detail.map(|said| redact::clean(&said, &secrets));
    fault
}
