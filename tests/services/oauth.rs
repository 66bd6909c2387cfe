//! A certified OAuth 2.0 server (npm `oidc-provider`) with log-in and consent pages and a small API behind it.
use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::support::client::{Client, http};
use crate::support::page::Page;
use crate::support::server::{Server, Signal, folder, free_port, root};

/// Another host than the app's: cookies are shared by all ports of one host.
const HOST: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

pub struct OAuthServer {
    server: Server,
}

/// A registered OAuth app.
#[derive(Clone, Debug)]
pub struct App {
    pub client_id: String,
    pub client_secret: String,
}

/// What the person does on the provider's pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    Allow,
    Deny,
    /// Allows, but takes the tick off one scope.
    Without(&'a str),
}

impl OAuthServer {
    /// The server that all tests share. Turn nothing on it but what concerns your own account.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<OAuthServer> = OnceLock::new();
        SHARED.get_or_init(Self::own)
    }

    /// A server for one test alone: to change lifetimes, to make it fail.
    pub fn own() -> Self {
        let address = free_port(HOST);
        let mut node = Command::new("node");
        node.arg(root().join("tests/services/node/oauth.mjs"))
            .arg(HOST.to_string())
            .arg(address.port().to_string());
        Self { server: Server::start(folder("oauth"), address, Signal::Term, &node) }
    }

    /// `http://127.0.0.2:12345`
    pub fn base(&self) -> String {
        format!("http://{}", self.server.address)
    }

    pub fn address(&self) -> std::net::SocketAddr {
        self.server.address
    }

    /// The service's file `acme-reports.toml` with this server's address.
    pub fn service_file(&self) -> String {
        let path = root().join("tests/data/services/acme-reports.toml");
        let text = std::fs::read_to_string(path).expect("the service's file");
        text.replace("127.0.0.2:1", &self.server.address.to_string())
    }

    /// Registers an OAuth app, as an admin does on a provider's developer pages.
    pub async fn register(&self, redirect_uri: &str) -> App {
        self.register_as(redirect_uri, "client_secret_post").await
    }

    /// The same for a client that identifies itself in this way, and in no other.
    pub async fn register_as(&self, redirect_uri: &str, method: &str) -> App {
        let order = json!({
            "redirect_uris": [redirect_uri],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": method,
        });
        let answer = self.post("/reg", &order).await;
        let text = |key: &str| {
            answer[key].as_str().unwrap_or_else(|| panic!("registration: {answer}")).to_owned()
        };
        // A public client has none.
        let client_secret = answer["client_secret"].as_str().unwrap_or_default().to_owned();
        App { client_id: text("client_id"), client_secret }
    }

    /// Signs in as `email` on the provider's pages and answers; comes back with the page that the app's callback draws.
    pub async fn walk(&self, client: &Client, url: &str, email: &str, answer: Answer<'_>) -> Page {
        let mut page = client.get(url).await;
        if page.has("input[name=email]") {
            page = client
                .submit("form[action$='/login']", &[("email", email), ("password", "right")])
                .await;
        }
        page.shows(&["Allow access?"]);
        match answer {
            Answer::Allow => client.submit("form[action$='/allow']", &[]).await,
            Answer::Deny => client.submit("form[action$='/deny']", &[]).await,
            Answer::Without(scope) => {
                client.submit_without("form[action$='/allow']", "scope", scope).await
            }
        }
    }

    /// The account's owner removes us on the provider's page: all its tokens are dead.
    pub async fn end_grants_of(&self, email: &str) {
        self.post("/test/end", &json!({ "account": email })).await;
    }

    /// The next `times` calls of `path` get this answer.
    pub async fn fail(&self, path: &str, times: u32, status: u16, body: &str) {
        self.post(
            "/test/fault",
            &json!({ "path": path, "times": times, "status": status, "body": body }),
        )
        .await;
    }

    /// The status that its API answers a token with.
    pub async fn me(&self, token: &str) -> u16 {
        let request = http()
            .get(format!("{}/api/me", self.base()))
            .header("authorization", format!("Bearer {token}"));
        request.send().await.expect("an answer").status().as_u16()
    }

    /// How often `path` was called.
    pub async fn calls(&self, path: &str) -> u64 {
        let text = http()
            .get(format!("{}/test/calls", self.base()))
            .send()
            .await
            .expect("an answer")
            .text()
            .await
            .expect("text");
        let answer: Value = serde_json::from_str(&text).expect("JSON");
        answer["calls"][path].as_u64().unwrap_or(0)
    }

    async fn post(&self, path: &str, order: &Value) -> Value {
        let request = http()
            .post(format!("{}{path}", self.base()))
            .header("content-type", "application/json");
        let text = request
            .body(order.to_string())
            .send()
            .await
            .expect("an answer")
            .text()
            .await
            .expect("text");
        serde_json::from_str(&text).expect("JSON")
    }
}

mod tests {
    use super::{Answer, OAuthServer};
    use crate::services::browser::{Browser, Scripts};
    use crate::support::client::Client;

    /// An address of the provider itself serves as the app's callback here.
    async fn authorize_url(server: &OAuthServer) -> String {
        let back = format!("{}/test/calls", server.base());
        let app = server.register(&back).await;
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        format!(
            "{}/auth?client_id={}&response_type=code&redirect_uri={back}&scope=reports.read%20offline_access&prompt=consent\
             &state=s&code_challenge={challenge}&code_challenge_method=S256",
            server.base(),
            app.client_id
        )
    }

    #[tokio::test]
    async fn the_provider_comes_back_with_a_code_or_a_denial() {
        let server = OAuthServer::shared();
        let url = authorize_url(server).await;
        let client = Client::new(&server.base());
        let back = server.walk(&client, &url, "ann@example.com", Answer::Allow).await;
        assert!(back.path().contains("code="), "{}", back.url);
        let back = server.walk(&client, &url, "ann@example.com", Answer::Deny).await;
        assert!(back.path().contains("error=access_denied"), "{}", back.url);
    }

    #[tokio::test]
    async fn the_provider_is_walked_through_without_scripts() {
        let server = OAuthServer::shared();
        let url = authorize_url(server).await;
        let browser = Browser::open("", Scripts::Off).await;
        browser.go(&url).await;
        browser.fill("email", "bob@example.com").await;
        browser.fill("password", "right").await;
        browser.click("button[value=login]").await;
        browser.sees("Allow access?").await;
        browser.click("button[value=allow]").await;
        browser.sees("calls").await;
        assert!(browser.path().await.contains("code="));
        browser.close().await;
    }
}
