//! Every lint, by a file that is fine but for one thing. The file is the worked example of `docs/service-files.md`.
use authorizers::catalog::http::Method;
use authorizers::catalog::{BrokenService, Catalog};

const DOC: &str = include_str!("../../docs/service-files.md");

pub fn example() -> String {
    let (_, rest) = DOC.split_once("```toml\n").unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

pub fn broken(text: &str) -> Vec<BrokenService> {
    Catalog::of(&[("acme-crm.toml", text)], false).broken().to_vec()
}

/// Puts `new` in the place of the first `old`; the fault must be found on the line where `at` stands, and say `says`.
#[track_caller]
pub fn refused(old: &str, new: &str, at: &str, says: &str) {
    let text = example();
    assert!(text.contains(old), "the example has no {old:?}");
    let text = text.replacen(old, new, 1);
    let found = broken(&text);
    let line = text[..text.find(at).unwrap()].matches('\n').count() + 1;
    let fits = |fault: &&BrokenService| fault.line == Some(line) && fault.problem.contains(says);
    let all: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert!(
        found.iter().any(|fault| fits(&fault)),
        "wanted line {line}: {says}\nfound:\n{}",
        all.join("\n")
    );
    assert_eq!(found.iter().filter(|fault| fault.file == "acme-crm.toml").count(), found.len());
}

#[test]
fn the_worked_example_of_the_guide_is_fine() {
    assert_eq!(broken(&example()), []);
    let text = example();
    let catalog = Catalog::of(&[("acme-crm.toml", &text)], false);
    assert_eq!(catalog.get("acme-crm").unwrap().auths.len(), 2);
}

#[test]
fn what_is_not_toml_is_refused_with_its_line() {
    refused("schema = 1 ", "schema = = 1 ", "schema =", "");
}

#[test]
fn an_unknown_key_is_refused() {
    refused("summary = ", "sumary = ", "sumary = ", "unknown field");
    refused("idle_days = 90", "idle_day = 90", "idle_day = 90", "unknown field");
}

#[test]
fn a_field_that_does_not_say_whether_it_is_secret_is_refused() {
    let old = "kind = \"text\"\nsecret = false\n";
    refused(old, "kind = \"text\"\n", "[[auth.field]]\nkey = \"tenant\"", "secret");
}

#[test]
fn what_sounds_like_a_secret_must_be_one_or_say_why_not() {
    let old = "kind = \"secret\"\nsecret = true\n";
    refused(
        old,
        "kind = \"text\"\nsecret = false\n",
        "secret = false\nhelp",
        "sounds like a secret",
    );
    let text = example().replacen(
        old,
        "kind = \"text\"\nsecret = false\nnot_secret_because = \"it is printed on the box\"\n",
        1,
    );
    assert_eq!(broken(&text), []);
}

#[test]
fn kind_and_mark_of_a_secret_must_agree() {
    refused(
        "kind = \"secret\"\nsecret = true",
        "kind = \"secret\"\nsecret = false",
        "secret = false\nhelp",
        "is secret",
    );
    refused(
        "kind = \"secret\"\nsecret = true",
        "kind = \"text\"\nsecret = true",
        "kind = \"text\"\nsecret = true",
        "needs the kind",
    );
}

#[test]
fn a_secret_with_a_default_is_refused() {
    refused(
        "secret = true\n",
        "secret = true\ndefault = \"x\"\n",
        "default = \"x\"",
        "cannot have a default",
    );
}

#[test]
fn a_host_a_port_and_an_address_must_say_whether_secrets_go_there() {
    for kind in ["host", "port", "url"] {
        let new = format!("kind = \"{kind}\"\nsecret = false\n");
        refused("kind = \"text\"\nsecret = false\n", &new, &new, "destination");
    }
}

#[test]
fn an_address_with_a_password_in_it_is_not_asked_for() {
    refused(
        "label = \"Tenant\"\n",
        "label = \"Tenant\"\nhelp = \"https://me:pw@x.example\"\n",
        "help = \"https",
        "password in it",
    );
}

#[test]
fn an_endpoint_must_be_https() {
    refused("token = \"https://login", "token = \"http://login", "token = \"http:", "https://");
    refused("url = \"https://login", "url = \"login", "url = \"login", "https://");
    refused("base = \"https://api", "base = \"http://api", "base = \"http:", "https://");
    refused("docs = \"https://", "docs = \"http://", "docs = \"http", "https://");
}

#[test]
fn the_call_that_ends_a_key_is_held_to_the_same_rules() {
    let path = "path = \"/keys/current\"";
    refused(
        path,
        "path = \"https://elsewhere.example/keys\"",
        "path = \"https://else",
        "not among `hosts`",
    );
    refused(path, "path = \"http://api.eu.acme.example/keys\"", "path = \"http://api", "https://");
    refused(path, "path = \"/keys/{nobody}\"", "path = \"/keys/", "{nobody}");
    refused(path, &format!("{path}\nbody = {{ key = \"{{nobody}}\" }}"), "body = ", "{nobody}");
    let misplaced = "revoke = { path = \"/tokens\" }\nlabel = \"Sign in with Acme\"";
    refused("label = \"Sign in with Acme\"", misplaced, "revoke = ", "[auth.oauth2.revoke]");
}

#[test]
fn what_signs_must_be_filled_by_something() {
    let signed = "oauth1 = { consumer_key = \"{api_key}\", consumer_secret = \"{api_key}\", token = \"{tenant}\", token_secret = \"{nobody}\" }";
    refused(
        "headers = { X-Acme-Key",
        &format!("{signed}\nheaders = {{ X-Acme-Key"),
        "oauth1",
        "{nobody}",
    );
}

#[test]
fn the_hosts_must_cover_the_endpoints() {
    refused(
        "hosts = [\"*.acme.example\"]  ",
        "hosts = [\"*.other.example\"]  ",
        "authorize = ",
        "not among `hosts`",
    );
    refused(
        "get = \"https://api.{region}.acme.example/v2/me\"",
        "get = \"https://evil.example/me\"",
        "get = \"https://evil",
        "not among",
    );
    refused(
        "path = \"/deals\"",
        "path = \"https://evil.example/deals\"",
        "path = \"https://evil",
        "not among",
    );
}

#[test]
fn hosts_must_be_hosts() {
    refused(
        "hosts = [\"*.acme.example\"]  ",
        "hosts = [\"*\"]  ",
        "hosts = [\"*\"]",
        "opens every host",
    );
    refused(
        "hosts = [\"*.acme.example\"]  ",
        "hosts = [\"https://acme.example\"]  ",
        "hosts = [\"https",
        "neither a host",
    );
    refused("hosts = [\"*.acme.example\"]  ", "hosts = []  ", "hosts = []", "empty");
}

#[test]
fn every_placeholder_must_be_filled_by_something() {
    refused(
        "authorize = \"https://login.{region}.",
        "authorize = \"https://login.{regin}.",
        "authorize = ",
        "{regin}",
    );
    refused(
        "bearer = \"{access_token}\"",
        "bearer = \"{acess_token}\"",
        "bearer = ",
        "{acess_token}",
    );
    refused(
        "params = { token = \"{token}\" }",
        "params = { token = \"{tokn}\" }",
        "params = ",
        "{tokn}",
    );
    refused(
        "path = \"/contacts\"",
        "path = \"/contacts/{nobody}\"",
        "path = \"/contacts",
        "{nobody}",
    );
    refused(
        "Accept = \"application/json\"",
        "Accept = \"{nobody}\"",
        "headers = { Accept",
        "{nobody}",
    );
    refused(
        "\"https://login.{region}.acme.example/token\"",
        "\"https://login.{region.acme.example/token\"",
        "token = \"https",
        "{region",
    );
}

#[test]
fn each_way_to_authorize_must_fill_the_placeholders() {
    refused(
        "base = \"https://api.{region}",
        "base = \"https://{api_key}.{region}",
        "base = ",
        "{api_key}",
    );
}

#[test]
fn a_setting_must_be_asked_for_when_its_data_set_is_chosen() {
    refused("is = [\"deals\"]", "is = [\"contacts\"]", "path = \"/pipelines/", "not asked for");
}

#[test]
fn keys_and_ids_are_there_once() {
    refused(
        "key = \"tenant\"",
        "key = \"region\"",
        "key = \"region\"\nlabel = \"Tenant\"",
        "twice",
    );
    refused("id = \"key\"", "id = \"oauth\"", "id = \"oauth\"\nlabel = \"API key\"", "twice");
    refused(
        "id = \"deals\"",
        "id = \"contacts\"",
        "[[source.dataset]]\nid = \"contacts\"",
        "twice",
    );
    refused("value = \"us\"", "value = \"eu\"", "options = [", "twice");
}

#[test]
fn keys_are_plain_and_not_those_of_the_account() {
    refused("key = \"tenant\"", "key = \"Tenant-Id\"", "key = \"Tenant-Id\"", "is not a key");
    refused(
        "key = \"tenant\"",
        "key = \"access_token\"",
        "key = \"access_token\"",
        "account itself",
    );
}

#[test]
fn when_must_name_another_field_and_its_values() {
    refused("when = { field = \"dataset\"", "when = { field = \"datset\"", "when = ", "datset");
    refused("is = [\"deals\"]", "is = [\"deal\"]", "when = ", "cannot be `deal`");
    refused("is = [\"deals\"]", "is = []", "when = ", "never be asked");
}

#[test]
fn a_select_needs_something_to_select() {
    let old = "load = { get = \"/pipelines\", items = \"/pipelines\", value = \"/id\", label = \"/title\" }\n";
    refused(old, "", "kind = \"select\"\nsecret = false\nwhen", "needs `options` or `load`");
    refused(old, "load = { list = \"tabels\" }\n", "load = ", "no driver knows");
    refused(
        old,
        "load = { list = \"tables\", get = \"/x\", value = \"/y\" }\n",
        "load = ",
        "either",
    );
    refused(
        "kind = \"text\"\nsecret = false\n",
        "kind = \"text\"\nsecret = false\noptions = [{ value = \"a\", label = \"A\" }]\n",
        "options = [{ value = \"a\"",
        "only",
    );
}

#[test]
fn a_default_must_be_among_the_options() {
    refused(
        "destination = true   ",
        "default = \"asia\"\ndestination = true   ",
        "default = ",
        "not among",
    );
}

#[test]
fn a_pattern_must_be_one_and_have_a_hint() {
    refused(
        "pattern = \"[a-z0-9-]{3,40}\" ",
        "pattern = \"[a-z\" ",
        "pattern = ",
        "regular expression",
    );
    refused(
        "pattern_hint = \"3 to 40 small letters, digits and dashes\"\n",
        "",
        "pattern = ",
        "pattern_hint",
    );
}

#[test]
fn oauth_needs_an_identity() {
    refused("id = \"/user/id\"", "id = \"\"", "id = \"\"", "who the service says");
    refused("id = \"/user/id\"", "id = \"user.id\"", "id = \"user.id\"", "JSON pointer");
    refused(
        "[auth.oauth2.identity]\n",
        "[auth.oauth2.identiti]\n",
        "[auth.oauth2.identiti]",
        "identit",
    );
}

#[test]
fn a_test_must_prove_something() {
    refused(
        "path = \"/me\"\nhas = \"/user/id\"\n",
        "path = \"/me\"\n",
        "[[test]]",
        "proves nothing",
    );
    refused("identity_id = \"/user/id\"\n", "", "[[test]]", "identity_id");
}

#[test]
fn a_test_tells_the_same_account_as_signing_in() {
    refused(
        "identity_id = \"/user/id\"",
        "identity_id = \"/user/number\"",
        "identity_id = ",
        "must tell the same",
    );
}

#[test]
fn what_is_kept_must_come_from_somewhere() {
    refused(
        "from = \"token:/tenant/id\"",
        "from = \"answer:/x\"",
        "[[auth.oauth2.keep]]",
        "neither",
    );
}

#[test]
fn a_field_set_must_be_known() {
    refused(
        "field_sets = [\"request\"] ",
        "field_sets = [\"reqest\"] ",
        "field_sets = ",
        "no field set",
    );
}

#[test]
fn an_http_source_needs_a_data_set_to_choose() {
    refused("field_sets = [\"request\"] ", "field_sets = [] ", "[source]", "dataset");
}

#[test]
fn the_file_is_called_like_its_service() {
    refused("id = \"acme-crm\"", "id = \"acme\"", "id = \"acme\"", "must be the same");
}

#[test]
fn guide_and_lifetime_must_be_told() {
    refused("steps = [\"Sign in", "notes2 = [\"Sign in", "notes2", "unknown field");
    refused(
        "steps = [\"Sign in with an Acme account that may install apps.\"]",
        "",
        "[guide]",
        "`steps`",
    );
    refused(
        "note = \"Is renewed by itself; ends after 90 days without use.\"\n",
        "",
        "[lifetime]",
        "how long",
    );
    refused(
        "permission = \"A member who may install apps.\"",
        "permission = \" \"",
        "permission = ",
        "empty",
    );
}

#[test]
fn a_rule_must_say_when_it_holds() {
    refused("error = \"tenant_suspended\"\n", "", "[[auth.oauth2.error]]", "every answer");
    refused(
        "cause = \"forbidden\"\ncure = \"Acme",
        "cause = \"forbiden\"\ncure = \"Acme",
        "cause = \"forbiden\"",
        "unknown variant",
    );
}

#[test]
fn a_newer_vocabulary_is_not_guessed_at() {
    refused("schema = 1 ", "schema = 2 ", "schema = 2", "not known");
}

#[test]
fn own_app_and_its_fields_belong_together() {
    refused(
        "client_auth = \"basic\" ",
        "own_app = true\nclient_auth = \"basic\" ",
        "[auth.oauth2]",
        "own_app",
    );
}

#[test]
fn a_driver_needs_its_fields() {
    let text = include_str!("../../src/catalog/services/postgresql.toml").replacen(
        "key = \"database\"",
        "key = \"catalogue\"",
        1,
    );
    let found = Catalog::of(&[("postgresql.toml", &text)], false).broken().to_vec();
    assert!(
        found.iter().any(|fault| fault.problem.contains("needs a field `database`")),
        "{found:?}"
    );
}

#[test]
fn a_body_that_would_not_be_sent_is_refused() {
    let body = "body = { page = 1 }";
    for method in ["GET", "HEAD"] {
        let method = format!("method = \"{method}\"");
        let with = |line: &str| format!("{line}\n{method}\n{body}");
        let identity = "get = \"https://api.{region}.acme.example/v2/me\"";
        for line in ["rows = \"/contacts\"", "has = \"/deals\"", identity] {
            refused(line, &with(line), &method, "carry no body");
        }
        let key = format!("{method}\n{body}");
        refused("method = \"DELETE\"", &key, &method, "carry no body");
    }
    // Without a method, a data set with a body is sent by POST.
    let text =
        example().replacen("rows = \"/contacts\"", &format!("rows = \"/contacts\"\n{body}"), 1);
    assert_eq!(broken(&text), []);
    let catalog = Catalog::of(&[("acme-crm.toml", &text)], false);
    let source = catalog.get("acme-crm").unwrap().source.as_ref().unwrap();
    assert_eq!(source.datasets[0].method(), Method::Post);
    assert_eq!(source.datasets[1].method(), Method::Get);
}
