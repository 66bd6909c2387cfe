//! Webhooks leave here: signed as Standard Webhooks has it, through the one guarded client, without redirects.
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use url::Url;

use super::Outbound;
use super::http::{HttpBody, HttpCall};
use crate::catalog::http::Method;
use crate::model::cause::Cause;
use crate::model::credentials::Secret;
use crate::model::report::Fault;
use crate::model::time::Moment;

/// A claim on a delivery lasts longer.
pub const WEBHOOK_LIMIT: Duration = Duration::from_secs(10);
const ANSWER_BYTES: usize = 1 << 20;
const PREFIX: &str = "whsec_";

/// What an endpoint said: of its answer, the status alone counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered {
    pub status: u16,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
}

/// The secret as receivers are given it. `bytes` are random.
pub fn secret(bytes: &[u8]) -> Secret {
    Secret::new(format!("{PREFIX}{}", STANDARD.encode(bytes)))
}

/// One try. `id` is the same for each.
pub async fn post(
    outbound: &Outbound,
    (url, secret): (&str, &Secret),
    (id, at): (&str, Moment),
    body: String,
) -> Result<Answered, Fault> {
    let url = Url::parse(url)
        .map_err(|_| Fault::new(Cause::RequestRejected).detail("the address is no URL"))?;
    let timestamp = at.micros() / 1_000_000;
    let signature = sign(secret, &format!("{id}.{timestamp}.{body}")).ok_or_else(|| {
        Fault::new(Cause::RequestRejected).detail("the secret is not one of a webhook")
    })?;
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", timestamp.to_string()),
        ("webhook-signature", format!("v1,{signature}")),
    ];
    let answer = outbound
        .http()
        .send(HttpCall {
            method: Method::Post,
            url,
            headers: headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            body: HttpBody::Bytes(body.into_bytes()),
            limit: WEBHOOK_LIMIT,
            max_bytes: ANSWER_BYTES,
        })
        .await?;
    Ok(Answered {
        status: answer.status,
        retry_after: answer.header("retry-after").and_then(|wait| wait.trim().parse().ok()),
    })
}

fn sign(secret: &Secret, content: &str) -> Option<String> {
    let key = STANDARD.decode(secret.expose().strip_prefix(PREFIX)?).ok()?;
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), content.as_bytes());
    Some(STANDARD.encode(tag.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks specification.
    #[test]
    fn a_signature_is_that_of_the_specification() {
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let content = r#"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}"#;
        assert_eq!(sign(&secret, content).unwrap(), "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(sign(&Secret::new("no secret"), content), None);
    }
}
