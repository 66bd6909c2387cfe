use std::collections::BTreeMap;

use scraper::{Html, Selector};

use crate::catalog::Catalog;
use crate::catalog::field::FieldSpec;
use crate::domain::fields::{self, Asked};
use crate::model::problems::{Complaint, Problems};
use crate::model::table::LoadedChoice;
use crate::model::values::Values;
use crate::web::forms::{FieldState, Fill, FormState, InputKind, read, spec};

fn postgres() -> Vec<FieldSpec> {
    Catalog::load(None, false).get("postgresql").unwrap().auths.first().unwrap().fields.clone()
}

fn values(pairs: &[(&str, &str)]) -> Values {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn all<'a>(html: &'a Html, selector: &str) -> Vec<scraper::ElementRef<'a>> {
    html.select(&Selector::parse(selector).unwrap()).collect()
}

fn count(html: &Html, selector: &str) -> usize {
    all(html, selector).len()
}

fn body(form: &FormState) -> Html {
    Html::parse_fragment(&format!("<form>{}</form>", form.body()))
}

#[test]
fn a_database_form_has_its_sections_rows_cards_and_a_closed_tunnel() {
    let problems = Problems::new();
    let form = spec::form(&postgres(), &Fill::nothing(&problems));
    let html = body(&form);
    let heads: Vec<String> = all(&html, "h2").iter().map(|head| head.text().collect()).collect();
    assert_eq!(heads, ["Server", "Login"]);
    assert_eq!(count(&html, ".field-row-port #port[value='5432'][inputmode=numeric]"), 2 - 1);
    assert_eq!(count(&html, ".choice input[name=tls]"), 3);
    assert_eq!(count(&html, "input#tls[value=verify_full][checked]"), 1);
    assert_eq!(count(&html, ".choice .sub textarea[name=ca]"), 1);
    assert_eq!(count(&html, ".choice .sub input[type=file][name=ca__file][accept='.pem,.crt']"), 1);
    assert_eq!(
        count(&html, "details.disclosure:not([open]) input[name=ssh_host]:not([required])"),
        1
    );
    let legends: Vec<String> =
        all(&html, "details legend").iter().map(|legend| legend.text().collect()).collect();
    assert_eq!(legends, ["SSH tunnel", "Unless “No tunnel”"]);
    assert_eq!(count(&html, "input[type=password][name=password][autocomplete=new-password]"), 1);
    assert!(form.is_multipart());
    let mut ids: Vec<&str> =
        all(&html, "[id]").iter().filter_map(|element| element.attr("id")).collect();
    let before = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), before, "an id is there twice");
    for label in all(&html, "label[for]") {
        assert_eq!(count(&html, &format!("#{}", label.attr("for").unwrap())), 1);
    }
}

#[test]
fn a_secret_never_comes_back() {
    let problems = Problems::new();
    let typed = values(&[("password", "hunter2"), ("ssh_key", "PRIVATE"), ("host", "db1")]);
    let html = spec::form(&postgres(), &Fill::with(&typed, &problems)).body().to_string();
    assert!(html.contains("db1"));
    assert!(!html.contains("hunter2") && !html.contains("PRIVATE\""), "{html}");
}

#[test]
fn complaints_are_tied_to_their_fields_and_listed_on_top() {
    let specs = postgres();
    let typed = values(&[
        ("host", "https://db1"),
        ("port", "54322x"),
        ("database", "w"),
        ("user", "u"),
        ("ssh", "key"),
        ("ssh_key", "ssh-rsa AAAA"),
    ]);
    let problems = fields::check(&specs, &typed, &Asked::default()).unwrap_err();
    let form = spec::form(&specs, &Fill::with(&typed, &problems));
    assert_eq!(form.title_prefix(), "6 errors: ");
    let html = body(&form);
    assert_eq!(
        count(&html, "#host[aria-invalid=true][aria-describedby='host-hint host-error']"),
        1
    );
    assert_eq!(count(&html, "details.disclosure[open] #ssh_key-error"), 1);
    let summary = Html::parse_fragment(&form.summary().to_string());
    assert_eq!(count(&summary, ".error-summary[autofocus] li a"), 6);
    for link in all(&summary, "li a") {
        assert_eq!(count(&html, link.attr("href").unwrap()), 1);
    }
    assert!(form.summary().to_string().contains("Password: Enter the password."));
}

#[test]
fn a_form_without_complaints_has_no_summary() {
    let problems = Problems::new();
    let form = spec::form(&postgres(), &Fill::nothing(&problems));
    assert_eq!(form.summary().to_string(), "");
    assert_eq!(form.title_prefix(), "");
}

#[test]
fn an_empty_stored_secret_says_that_it_is_kept() {
    let problems = Problems::new();
    let stored = ["password".to_owned()];
    let html = body(&spec::form(&postgres(), &Fill::nothing(&problems).stored(&stored)));
    assert_eq!(count(&html, "#password:not([required])[aria-describedby=password-hint]"), 1);
    assert!(
        all(&html, "#password-hint")
            .first()
            .unwrap()
            .text()
            .collect::<String>()
            .contains("A value is stored")
    );
}

#[test]
fn a_form_inside_a_form_has_a_prefix_and_no_sections() {
    let problems = Problems::field("account.host", Complaint::NotAHost);
    let form = spec::form(&postgres(), &Fill::nothing(&problems).prefix("account."));
    let html = Html::parse_fragment(&form.flat().to_string());
    assert_eq!(count(&html, "section"), 0);
    assert_eq!(count(&html, "#account-host[name='account.host'][aria-invalid=true]"), 1);
    assert_eq!(count(&html, "input[name='account.tls']"), 3);
}

#[test]
fn choices_are_typed_until_they_are_loaded() {
    let catalog = Catalog::load(None, false);
    let specs = &catalog.get("postgresql").unwrap().source.as_ref().unwrap().settings;
    let problems = Problems::new();
    let typed = values(&[("schema", "gone")]);
    let html = body(&spec::form(specs, &Fill::with(&typed, &problems)));
    assert_eq!(count(&html, "input#schema[value=gone]"), 1);
    let loaded = BTreeMap::from([(
        "schema".to_owned(),
        vec![LoadedChoice { value: "public".to_owned(), label: "public".to_owned() }],
    )]);
    let html = body(&spec::form(specs, &Fill::with(&typed, &problems).loaded(&loaded)));
    assert_eq!(count(&html, "select#schema option"), 2);
    assert!(
        all(&html, "option[selected]")
            .first()
            .unwrap()
            .text()
            .collect::<String>()
            .contains("not in the list")
    );
}

#[test]
fn fields_behind_a_drop_down_fold_away_unless_chosen() {
    let catalog = Catalog::load(None, false);
    let specs = &catalog.get("hubspot").unwrap().source.as_ref().unwrap().settings;
    let problems = Problems::new();
    let html = body(&spec::form(specs, &Fill::nothing(&problems)));
    assert_eq!(count(&html, "option[value=contacts][selected]"), 1);
    assert_eq!(count(&html, "details:not([open]) #path"), 1);
    let html = body(&spec::form(specs, &Fill::with(&values(&[("dataset", "custom")]), &problems)));
    assert_eq!(count(&html, "details[open] #path"), 1);
}

#[test]
fn what_is_typed_is_escaped() {
    let problems = Problems::new();
    let typed = values(&[("host", "\"><script>")]);
    let html = spec::form(&postgres(), &Fill::with(&typed, &problems)).body().to_string();
    assert!(!html.contains("<script"));
}

#[test]
fn a_body_is_read_by_the_specs_alone() {
    let specs = postgres();
    let sent: BTreeMap<&str, &str> = BTreeMap::from([
        ("a.host", "db1"),
        ("a.ca", "pasted"),
        ("a.ca__file", "uploaded"),
        ("a.stray", "x"),
        ("host", "other"),
    ]);
    let read: Values = read::entries(&specs, "a.", |name| sent.get(name).copied());
    assert_eq!(read, values(&[("host", "db1"), ("ca", "uploaded")]));
}

#[test]
fn a_hand_written_form_is_drawn_alike() {
    let problems = Problems::field("role", Complaint::NotAChoice);
    let form = FormState::new(vec![
        FieldState::text("name", "Name").value("Anna").hint("As others see it."),
        FieldState::new(InputKind::Select, "role", "Role")
            .choices([("viewer", "Viewer"), ("admin", "Admin")])
            .value("admin")
            .problems(&problems),
        FieldState::new(InputKind::Password, "password", "Password").value("never"),
    ]);
    let html = body(&form);
    assert_eq!(count(&html, "#name[value=Anna][aria-describedby=name-hint]"), 1);
    assert_eq!(count(&html, "#role[aria-invalid=true] option[value=admin][selected]"), 1);
    assert!(!form.body().to_string().contains("never"));
}
