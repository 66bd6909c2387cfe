//! The adapter under the `oauth2` crate: it speaks the service's dialect on the wire and plain RFC 6749 to the crate.
//!
//! Out: the form of client authentication, of the body, names of parameters. Back: nested or renamed members, lifetimes in
//! other units, scopes as lists, a missing `token_type`, errors that come with HTTP 200, form-encoded answers.
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use oauth2::{AsyncHttpClient, HttpRequest, HttpResponse};
use serde_json::{Map, Value, json};

use super::errors;
use crate::catalog::auth::{ClientAuth, OAuth2Spec, TokenBody};
use crate::catalog::http::Method;
use crate::model::credentials::Secret;
use crate::model::oauth_app::OAuthClient;
use crate::model::report::Fault;
use crate::model::time::Moment;
use crate::outbound::api;
use crate::outbound::http::{
    Http, HttpAnswer, HttpBody, HttpCall, TOKEN_BYTES, TOKEN_LIMIT, place,
};
use crate::outbound::json;

/// Where the whole answer is kept for `keep` and the like.
pub const WHOLE: &str = "authorizers_whole_answer";
/// A form-encoded answer has no more members.
const MAX_MEMBERS: usize = 100;
/// The end of the refresh token, in microseconds.
pub const REFRESH_END: &str = "authorizers_refresh_end";

pub struct Dialect<'a> {
    pub http: &'a Http,
    pub spec: &'a OAuth2Spec,
    pub app: &'a OAuthClient,
    pub client_auth: ClientAuth,
    /// Rendered headers of token calls.
    pub headers: Vec<(String, String)>,
    pub now: Moment,
    /// A refresh token that came with an answer which was no success otherwise: the one before it may be dead.
    pub rotated: Mutex<Option<Secret>>,
}

/// A fault on the crate's way.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.cause.code())]
pub struct Failed(pub Fault);

impl<'c> AsyncHttpClient<'c> for Dialect<'_> {
    type Error = Failed;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Failed>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move { self.speak(request).await.map_err(Failed) })
    }
}

impl Dialect<'_> {
    async fn speak(&self, request: HttpRequest) -> Result<HttpResponse, Fault> {
        let url = url::Url::parse(&request.uri().to_string())
            .map_err(|_| errors::malformed("the token address is no address"))?;
        let pairs: Vec<(String, String)> =
            url::form_urlencoded::parse(request.body()).into_owned().collect();
        let call = self.request(url, pairs);
        let place = place(call.method, &call.url);
        let answer = self.http.send(call).await?;
        let standard = self.standard(&place, &answer)?;
        let body = serde_json::to_vec(&standard).unwrap_or_default();
        oauth2::http::Response::builder()
            .status(200)
            .header("content-type", "application/json")
            .body(body)
            .map_err(|_| errors::malformed("the answer cannot be passed on"))
    }

    fn request(&self, mut url: url::Url, pairs: Vec<(String, String)>) -> HttpCall {
        let mut headers = self.headers.clone();
        headers.push(("Accept".to_owned(), "application/json".to_owned()));
        let pairs = authenticate(self.app, self.client_auth, pairs, &mut headers);
        let named = |name: String| self.spec.rename.get(&name).cloned().unwrap_or(name);
        let pairs: Vec<(String, String)> =
            pairs.into_iter().map(|(name, value)| (named(name), value)).collect();
        let body = match self.spec.body {
            TokenBody::Form => HttpBody::Form(pairs),
            TokenBody::Json => HttpBody::Json(
                pairs.into_iter().map(|(name, value)| (name, Value::String(value))).collect(),
            ),
            TokenBody::Query => {
                url.query_pairs_mut().extend_pairs(&pairs);
                HttpBody::Empty
            }
        };
        HttpCall {
            method: Method::Post,
            url,
            headers,
            body,
            limit: TOKEN_LIMIT,
            max_bytes: TOKEN_BYTES,
        }
    }

    /// The answer as RFC 6749 §5.1 has it, or the fault that it is.
    fn standard(&self, place: &str, answer: &HttpAnswer) -> Result<Value, Fault> {
        let text = answer.text();
        // A refusal brings no token: what it says is read if it is small, and its status counts.
        if answer.is_success() {
            json::check_small(&text)?;
        }
        let parsed = parse(&text);
        let said = || api::said(place, answer, &text);
        let soft = self
            .spec
            .soft_error
            .as_ref()
            .zip(parsed.as_ref())
            .and_then(|(soft, value)| api::soft_code(soft, value));
        if !answer.is_success() || soft.is_some() {
            return Err(errors::of(self.spec, answer, (parsed.as_ref(), soft.as_deref()), said()));
        }
        let whole = parsed.ok_or_else(|| errors::malformed(&said()))?;
        let object = whole.pointer(&self.spec.answer_at).cloned().unwrap_or(Value::Null);
        let member = |standard: &str| {
            let name = self.spec.answer_names.get(standard).map_or(standard, String::as_str);
            object.get(name).filter(|value| !value.is_null())
        };
        let token = |name: &str| {
            let found = member(name).filter(|value| value.is_string() || value.is_number());
            found.map(api::plain).filter(|token| !token.is_empty())
        };
        let Some(access) = token("access_token") else {
            let rotated = token("refresh_token").map(Secret::new);
            *self.rotated.lock().unwrap_or_else(PoisonError::into_inner) = rotated;
            let fault = errors::of(self.spec, answer, (Some(&whole), None), said());
            let is_no = whole.get("error").is_some();
            return Err(if is_no {
                fault
            } else {
                fault.detail(errors::without_token(place, &whole))
            });
        };
        let mut standard = Map::new();
        standard.insert("token_type".to_owned(), json!("bearer"));
        if let Some(refresh) = token("refresh_token") {
            standard.insert("refresh_token".to_owned(), json!(refresh));
        }
        if let Some(scope) = member("scope").map(scopes).filter(|scopes| !scopes.is_empty()) {
            standard.insert("scope".to_owned(), json!(scope.join(" ")));
        }
        let lifetime = super::expiry::lifetime(self.spec, &object, &access, self.now);
        if let Some(seconds) = lifetime {
            standard.insert("expires_in".to_owned(), json!(seconds));
        }
        if let Some(end) = super::expiry::refresh_end(&object, self.now) {
            standard.insert(REFRESH_END.to_owned(), json!(end.micros()));
        }
        standard.insert("access_token".to_owned(), json!(access));
        standard.insert(WHOLE.to_owned(), whole);
        Ok(Value::Object(standard))
    }
}

/// RFC 6749 §2.3.1 and its variations. `pairs` have the `client_id` already.
pub fn authenticate(
    app: &OAuthClient,
    client_auth: ClientAuth,
    mut pairs: Vec<(String, String)>,
    headers: &mut Vec<(String, String)>,
) -> Vec<(String, String)> {
    let secret = app.client_secret.as_ref().map(crate::model::credentials::Secret::expose);
    let Some(secret) = secret else { return pairs };
    match client_auth {
        ClientAuth::Body => pairs.push(("client_secret".to_owned(), secret.to_owned())),
        ClientAuth::Basic => {
            pairs.retain(|(name, _)| name != "client_id");
            headers.push(("Authorization".to_owned(), basic(&app.client_id, secret)));
        }
        ClientAuth::SecretAsUser => {
            pairs.retain(|(name, _)| name != "client_id");
            headers.push((
                "Authorization".to_owned(),
                format!("Basic {}", STANDARD.encode(format!("{secret}:"))),
            ));
        }
        ClientAuth::None => {}
    }
    pairs
}

pub fn basic(user: &str, password: &str) -> String {
    let encode =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", encode(user), encode(password))))
}

/// JSON, or a form where a service answers so.
pub fn parse(text: &str) -> Option<Value> {
    if let Some(value) = json::parse_small(text) {
        return Some(value).filter(Value::is_object);
    }
    if !text.contains("access_token=") && !text.starts_with("error=") {
        return None;
    }
    let pairs = url::form_urlencoded::parse(text.trim().as_bytes()).into_owned();
    let pairs: BTreeMap<String, String> = pairs.take(MAX_MEMBERS).collect();
    serde_json::to_value(pairs).ok()
}

/// A list, or a text parted by spaces or commas.
fn scopes(value: &Value) -> Vec<String> {
    match value {
        Value::Array(list) => list.iter().map(api::plain).collect(),
        other => api::plain(other)
            .split([' ', ','])
            .filter(|scope| !scope.is_empty())
            .map(str::to_owned)
            .collect(),
    }
}
