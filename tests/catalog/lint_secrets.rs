//! Lints about where secrets go: into nothing that people see, and to no address that the file did not name.
use super::lint::{broken, example, refused};

const REGION: &str = "secret = false                              # must be said of every field";

#[test]
fn a_secret_does_not_name_the_account() {
    for key in ["identity_id", "identity_label"] {
        let old =
            format!("{key} = \"/user/{}\"", if key == "identity_id" { "id" } else { "email" });
        for template in ["{api_key}", "key {api_key}"] {
            let new = format!("{key} = \"{template}\"");
            refused(&old, &new, &new, "`{api_key}` is a secret");
        }
        for pointer in ["/data/access_token", "/api_key", "/Token"] {
            let new = format!("{key} = \"{pointer}\"");
            refused(&old, &new, &new, "sounds like a secret");
        }
    }
}

#[test]
fn a_secret_of_the_sign_in_does_not_name_the_account_either() {
    for (old, key) in [("id = \"/user/id\"", "id"), ("label = \"/user/email\"", "label")] {
        for template in ["{client_secret}", "/id_token"] {
            let new = format!("{key} = \"{template}\"");
            refused(old, &new, &new, "secret");
        }
    }
    // Kept from the answer under another name, it is the same token.
    let text = example()
        .replacen("from = \"token:/tenant/id\"", "from = \"token:/tenant/refresh_token\"", 1)
        .replacen("label = \"/user/email\"\n", "label = \"{tenant}\"\n", 1);
    let found = broken(&text);
    assert!(
        found.iter().any(|fault| fault.problem.contains("`{tenant}` is a secret")),
        "{found:?}"
    );
}

#[test]
fn a_secret_stays_out_of_the_address_bar() {
    let secret = "[[auth.field]]\nkey = \"pin\"\nlabel = \"PIN\"\nkind = \"secret\"\nsecret = true\n\n\
                  [auth.apply]                                # how";
    let with_pin =
        example().replacen("[auth.apply]                                # how", secret, 1);
    for (old, new) in [
        ("prompt = \"consent\"", "prompt = \"{pin}\""),
        ("acme.example/authorize\"", "acme.example/authorize?pin={pin}\""),
        ("scopes = [\"contacts.read\"", "scopes = [\"{pin}\", \"contacts.read\""),
        ("prompt = \"consent\"", "prompt = \"{client_secret}\""),
    ] {
        let text = with_pin.replacen(old, new, 1);
        assert_ne!(text, with_pin);
        let found = broken(&text);
        assert!(
            found.iter().any(|fault| fault.problem.contains("address bar")),
            "{new}: {found:?}"
        );
    }
    assert_eq!(broken(&with_pin), []);
}

#[test]
fn a_shared_app_is_not_sent_to_an_address_that_a_person_types() {
    let field = "[[auth.field]]\nkey = \"server\"\nlabel = \"Server\"\nkind = \"url\"\nsecret = false\n\
                 destination = true\n\n[auth.apply]                                # how";
    let typed = example()
        .replacen("[auth.apply]                                # how", field, 1)
        .replacen(
            "token = \"https://login.{region}.acme.example/token\"",
            "token = \"{server}/token\"",
            1,
        )
        .replacen("hosts = [\"*.acme.example\"]  ", "hosts = [\"*\"]  ", 1);
    let at = typed[..typed.find("hosts = [\"*\"]").unwrap()].matches('\n').count() + 1;
    let is_refused = |text: &str| {
        broken(text).iter().any(|fault| fault.line == Some(at) && fault.problem.contains("own_app"))
    };
    assert!(is_refused(&typed), "{:?}", broken(&typed));
    let public = typed.replacen("client_auth = \"basic\" ", "client_auth = \"none\" ", 1);
    assert!(is_refused(&public), "the revocation still sends it");
    let public = public.replacen("auth = \"basic\"\nparams", "params", 1);
    assert!(!is_refused(&public), "{:?}", broken(&public));
    let smuggled = public.replacen(
        "prompt = \"consent\" }",
        "prompt = \"consent\" }\ntoken_extra = { s = \"{client_secret}\" }",
        1,
    );
    assert!(is_refused(&smuggled));
}

#[test]
fn a_field_in_a_host_says_that_secrets_go_there() {
    refused(
        "destination = true                          # decides",
        "# decides",
        "key = \"region\"",
        "`destination = true`",
    );
    assert!(example().contains(REGION));
}

#[test]
fn a_domain_under_which_anybody_can_have_a_host_is_none_of_the_service() {
    for registry in ["*.co.uk", "*.com.br", "*.com"] {
        let new = format!("hosts = [\"{registry}\"]  ");
        refused("hosts = [\"*.acme.example\"]  ", &new, &new, "");
    }
}

#[test]
fn an_address_from_the_callback_is_held_to_named_hosts() {
    let kept =
        "[[auth.oauth2.keep]]\nfrom = \"callback:server\"\nto = \"server\"\nis_host = true\n\n";
    let text = example()
        .replacen("# From the token answer", &format!("{kept}# From the token answer"), 1)
        .replacen(
            "token = \"https://login.{region}.acme.example/token\"",
            "token = \"{server}/token\"",
            1,
        );
    assert_eq!(broken(&text), [], "hosts hold it");
    let open =
        text.replacen("hosts = [\"*.acme.example\"]  ", "own_app = true\nhosts = [\"*\"]  ", 1);
    let found = broken(&open);
    assert!(found.iter().any(|fault| fault.problem.contains("to nothing")), "{found:?}");
}

#[test]
fn a_code_is_redeemed_before_there_is_an_answer() {
    refused(
        "\"https://login.{region}.acme.example/token\"",
        "\"https://login.{region}.acme.example/{tenant}/token\"",
        "token = \"https",
        "nothing fills the placeholder {tenant}",
    );
}

#[test]
fn an_issuer_is_said_where_it_is_required() {
    let old = "client_auth = \"basic\" ";
    refused(old, &format!("iss_required = true\n{old}"), "iss_required", "`issuer`");
    let known =
        format!("issuer = \"https://login.{{region}}.acme.example\"\niss_required = true\n{old}");
    assert_eq!(broken(&example().replacen(old, &known, 1)), []);
    // The callback cannot say who sent it.
    let own = format!("issuer = \"https://{{tenant}}.acme.example\"\n{old}");
    refused(old, &own, "issuer = ", "nothing fills the placeholder {tenant}");
}

#[test]
fn several_segments_stand_in_a_path_alone() {
    let path = "path = \"/pipelines/{pipeline}/deals\"";
    let fine = example().replacen(path, "path = \"/pipelines/{+pipeline}/deals?x={pipeline}\"", 1);
    assert_eq!(broken(&fine), []);
    for (old, new, at) in [
        (path, "path = \"/deals?pipeline={+pipeline}\"", "path = \"/deals?"),
        ("base = \"https://api.{region}", "base = \"https://api.{+region}", "base = "),
        ("bearer = \"{access_token}\"", "bearer = \"{+access_token}\"", "bearer = "),
    ] {
        refused(old, new, at, "only in a path");
    }
}
