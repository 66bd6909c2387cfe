//! Every request that the embedded files describe can be put together, and stays within the hosts of its file.
use std::collections::BTreeMap;

use authorizers::catalog::auth::{AuthSpec, Pkce};
use authorizers::catalog::chosen::Chosen;
use authorizers::catalog::field::{FieldKind, FieldSpec};
use authorizers::catalog::service::FlowSpec;
use authorizers::catalog::{Catalog, Service};
use authorizers::model::credentials::{Credentials, Secret, Tokens};
use authorizers::model::oauth_app::OAuthClient;
use authorizers::model::time::Moment;
use authorizers::model::values::Values;
use authorizers::outbound::Account;
use authorizers::outbound::api::{self, Ask};
use authorizers::outbound::http::HttpCall;
use authorizers::outbound::policy::Policy;

/// A value that fits the field.
fn sample(spec: &FieldSpec) -> String {
    let known = [
        ("login_host", "login.salesforce.com"),
        ("connected_account", "acct_1"),
        ("dc", "us21"),
        ("subdomain", "acme"),
        ("shop", "my-store"),
        ("test_path", "/me?full=1"),
        ("identity_pointer", "/id"),
        ("label_pointer", "/email"),
        ("repository", "acme/shop"),
    ];
    let known =
        known.iter().find(|(key, _)| *key == spec.key).map(|(_, value)| (*value).to_owned());
    let kind = match spec.kind {
        FieldKind::Url => "https://api.example.com/v1",
        _ => "1234567890",
    };
    known
        .or_else(|| spec.default.clone())
        .or_else(|| spec.options.first().map(|one| one.value.clone()))
        .unwrap_or_else(|| kind.to_owned())
}

fn credentials(auth: &AuthSpec) -> Credentials {
    let values = auth
        .fields
        .iter()
        .filter(|field| !field.is_note())
        .map(|field| (field.key.clone(), Secret::new(sample(field))));
    let kept = auth.oauth2.iter().flat_map(|oauth| {
        let keep = oauth.keep.iter().map(|keep| keep.to.clone());
        keep.chain(oauth.calls.iter().flat_map(|call| call.keep.values().cloned()))
    });
    let value = |name: &str| match name {
        "instance_url" => "https://acme.my.salesforce.com",
        "dc" => "us21",
        _ => "9341453474484455",
    };
    let tokens = auth.oauth2.as_ref().map(|_| Tokens {
        access: Secret::new("access"),
        refresh: Some(Secret::new("refresh")),
        expires_at: None,
        refresh_expires_at: None,
        issued_at: Moment::from_micros(0),
        scopes: Vec::new(),
    });
    Credentials {
        values: values.collect(),
        kept: kept.map(|name| (name.clone(), Secret::new(value(&name)))).collect(),
        tokens,
    }
}

/// What a source needs that reads this data set.
fn settings(flow: &FlowSpec, dataset: &str) -> Values {
    let mut values: Values =
        flow.settings.iter().map(|field| (field.key.clone(), sample(field))).collect();
    values.insert("dataset".to_owned(), dataset.to_owned());
    values
}

fn each_account(mut look: impl FnMut(&Service, &Account<'_>)) {
    let catalog = Catalog::load(None, false);
    let app = OAuthClient { client_id: "app".to_owned(), client_secret: Some(Secret::new("shh")) };
    for service in catalog.all().iter().filter(|service| service.http.is_some()) {
        for auth in &service.auths {
            let credentials = credentials(auth);
            look(
                service,
                &Account {
                    service,
                    auth,
                    credentials: &credentials,
                    app: auth.oauth2.as_ref().map(|_| &app),
                },
            );
        }
    }
}

#[track_caller]
fn built(account: &Account<'_>, settings: &Values, ask: &Ask<'_>) -> HttpCall {
    let name = format!("{} by {}: {}", account.service.id(), account.auth.id, ask.path);
    let call =
        api::call(account, settings, ask).unwrap_or_else(|fault| panic!("{name}: {fault:?}"));
    assert_eq!(call.url.scheme(), "https", "{name}");
    let opens = |(name, value): &(String, String)| {
        name.eq_ignore_ascii_case("authorization")
            || name.to_lowercase().contains("token")
            || name.to_lowercase().contains("key")
            || value == "access"
    };
    assert!(call.headers.iter().any(opens), "{name} carries no authorization: {:?}", call.headers);
    for (header, value) in &call.headers {
        assert!(!value.contains(['{', '}', '\n']), "{name}: {header}: {value}");
    }
    call
}

#[test]
fn every_test_and_every_data_set_becomes_a_request() {
    each_account(|service, account| {
        for test in &service.tests {
            let ask = Ask {
                method: test.method,
                query: &test.query,
                headers: &test.headers,
                body: test.body.as_ref(),
                ..Ask::get(&test.path)
            };
            built(account, &Values::new(), &ask);
        }
        for dataset in service.source.iter().flat_map(|flow| &flow.datasets) {
            let settings = settings(service.source.as_ref().unwrap(), &dataset.id);
            let ask = Ask {
                query: &dataset.query,
                headers: &dataset.headers,
                body: dataset.body.as_ref(),
                ..Ask::get(&dataset.path)
            };
            let call = built(account, &settings, &ask);
            assert!(!call.url.as_str().contains("%7B"), "{}: {}", service.id(), call.url);
        }
    });
}

#[test]
fn every_list_of_choices_becomes_a_request() {
    each_account(|service, account| {
        for flow in service.source.iter().chain(&service.destination) {
            for load in flow.settings.iter().filter_map(|field| field.load.as_ref()) {
                let settings = settings(flow, "");
                let needed: Values = load
                    .needs
                    .iter()
                    .filter_map(|key| settings.get_key_value(key))
                    .map(|(k, v)| (k.clone(), v.clone()))
                    .collect();
                built(
                    account,
                    &needed,
                    &Ask { body: load.body.as_ref(), ..Ask::get(load.get.as_deref().unwrap()) },
                );
            }
        }
    });
}

#[test]
fn a_request_of_ones_own_carries_what_the_source_has_chosen() {
    each_account(|service, account| {
        if service.id().as_str() == "xero" {
            let settings = BTreeMap::from([("organisation".to_owned(), "tenant-1".to_owned())]);
            let call = built(account, &settings, &Ask::get("/api.xro/2.0/Items"));
            assert!(call.headers.contains(&("xero-tenant-id".to_owned(), "tenant-1".to_owned())));
            let call = built(account, &Values::new(), &Ask::get("/connections"));
            assert!(call.headers.iter().all(|(name, _)| name != "xero-tenant-id"));
        }
        if service.id().as_str() == "custom-http" {
            let call = built(account, &Values::new(), &Ask::get("{test_path}"));
            assert_eq!(call.url.as_str(), "https://api.example.com/v1/me?full=1");
        }
    });
}

#[test]
fn custom_ways_are_chosen_by_a_field() {
    let catalog = Catalog::load(None, false);
    let service = catalog.get("custom-http").unwrap();
    let auth = service.auths.first().unwrap();
    for (method, header, value) in [
        ("bearer", "Authorization", "Bearer 1234567890"),
        ("x_api_key", "X-API-Key", "1234567890"),
        ("header", "Authorization", "1234567890"),
        ("basic", "Authorization", "Basic MTIzNDU2Nzg5MDoxMjM0NTY3ODkw"),
    ] {
        let mut credentials = credentials(auth);
        credentials.values.insert("method".to_owned(), Secret::new(method));
        let account = Account { service, auth, credentials: &credentials, app: None };
        let call = api::call(&account, &Values::new(), &Ask::get("/x")).unwrap();
        assert!(
            call.headers.contains(&(header.to_owned(), value.to_owned())),
            "{method}: {:?}",
            call.headers
        );
    }
}

#[test]
fn every_sign_in_page_has_an_address() {
    let outbound = authorizers::outbound::Outbound::new(Policy::default());
    each_account(|service, account| {
        let Some(oauth) = &account.auth.oauth2 else {
            return;
        };
        let departure = outbound
            .depart(account, "https://us.example/oauth/callback", &[])
            .unwrap_or_else(|fault| panic!("{}: {fault:?}", service.id()));
        let url = url::Url::parse(&departure.url).unwrap();
        let sent: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!(url.scheme(), "https", "{url}");
        assert_eq!(sent.get("redirect_uri").unwrap(), "https://us.example/oauth/callback");
        assert_eq!(
            sent.contains_key("code_challenge"),
            oauth.pkce != Chosen::Fixed(Pkce::Off),
            "{url}"
        );
        assert!(sent.get("state").is_some_and(|state| state.len() >= 43), "{url}");
        let scope = sent.get("scope").cloned().unwrap_or_default();
        for wanted in oauth.scopes.iter().filter(|scope| !scope.contains('{')) {
            assert!(
                scope.contains(wanted.as_str()),
                "{}: {wanted} is not asked for in {url}",
                service.id()
            );
        }
        assert_eq!(
            sent.contains_key("scope"),
            !oauth.scope_param.is_empty() && !scope.is_empty(),
            "{url}"
        );
        for (name, value) in &oauth.authorize_extra {
            assert_eq!(sent.get(name), Some(value), "{}", service.id());
        }
    });
}
