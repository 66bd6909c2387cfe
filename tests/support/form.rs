//! A form as a browser sends it: what is drawn, changed where the test says so. A field that is not drawn cannot be sent.
use std::fmt::Write as _;

use scraper::{ElementRef, Html};
use url::Url;

use super::page::{Page, selector};

pub struct Form {
    pub action: Url,
    pub is_get: bool,
    pub is_multipart: bool,
    pub fields: Vec<Field>,
}

pub struct Field {
    pub name: String,
    pub value: String,
    pub is_file: bool,
}

impl Form {
    /// Reads the form that `css` finds on the page and sets `changes`: a drawn field's value, the value of a radio button
    /// or an option, `""` to untick a checkbox, name and value of the button that is pressed.
    #[track_caller]
    pub fn filled(page: &Page, css: &str, changes: &[(&str, &str)]) -> Self {
        let html = Html::parse_document(&page.body);
        let Some(form) = html.select(&selector(css)).next() else {
            panic!("{} has no {css}:\n{}", page.url, page.shown())
        };
        let controls = controls(&html, &form);
        let button = pressed(&controls, changes);
        let mut fields = Vec::new();
        for control in &controls {
            fields.extend(value(control, changes));
        }
        if let Some(button) = button.filter(|button| button.attr("name").is_some()) {
            fields.push(Field { name: name(button), value: attr(button, "value"), is_file: false });
        }
        for (changed, wanted) in changes {
            // A button is drawn only if one with that value is.
            let is_drawn =
                |control: &ElementRef<'_>| !is_button(control) || attr(control, "value") == *wanted;
            let drawn =
                controls.iter().any(|control| name(control) == *changed && is_drawn(control));
            assert!(
                drawn,
                "{css} on {} draws no field {changed:?} ({wanted:?}), only {:?}",
                page.url,
                controls.iter().map(name).collect::<Vec<_>>()
            );
        }
        let of = |key: &str| {
            button
                .and_then(|button| button.attr(&format!("form{key}")))
                .or_else(|| form.attr(key))
                .unwrap_or_default()
        };
        Self {
            action: page.url.join(of("action")).expect("an address"),
            is_get: !of("method").eq_ignore_ascii_case("post"),
            is_multipart: of("enctype") == "multipart/form-data",
            fields,
        }
    }

    /// Content type and body of the POST.
    pub fn body(&self) -> (String, String) {
        if !self.is_multipart {
            return ("application/x-www-form-urlencoded".to_owned(), self.query());
        }
        let boundary = "----a-form-of-a-test";
        let mut body = String::new();
        for field in &self.fields {
            let file = if field.is_file {
                format!("; filename=\"{}\"", if field.value.is_empty() { "" } else { "file.pem" })
            } else {
                String::new()
            };
            let kind =
                if field.is_file { "Content-Type: application/octet-stream\r\n" } else { "" };
            write!(
                body,
                "--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"{file}\r\n{kind}\r\n{}\r\n",
                field.name, field.value
            )
            .expect("text");
        }
        write!(body, "--{boundary}--\r\n").expect("text");
        (format!("multipart/form-data; boundary={boundary}"), body)
    }

    pub fn query(&self) -> String {
        let mut text = url::form_urlencoded::Serializer::new(String::new());
        text.extend_pairs(self.fields.iter().map(|field| (&field.name, &field.value))).finish()
    }
}

/// What belongs to the form: inside it, or pointing at it by `form=`; without what is disabled.
fn controls<'a>(html: &'a Html, form: &ElementRef<'a>) -> Vec<ElementRef<'a>> {
    let id = form.attr("id");
    let all = selector("input, select, textarea, button");
    let own = |control: &ElementRef<'_>| match control.attr("form") {
        Some(other) => Some(other) == id,
        None => control.ancestors().any(|above| above.id() == form.id()),
    };
    html.select(&all).filter(own).filter(|control| control.attr("disabled").is_none()).collect()
}

fn is_button(control: &ElementRef<'_>) -> bool {
    let kind = attr(control, "type");
    match control.value().name() {
        "button" => kind.is_empty() || kind == "submit",
        "input" => kind == "submit" || kind == "image",
        _ => false,
    }
}

/// The button that a change names, or the first one (what Enter presses).
fn pressed<'a, 'b>(
    controls: &'b [ElementRef<'a>],
    changes: &[(&str, &str)],
) -> Option<&'b ElementRef<'a>> {
    let is_named = |button: &&ElementRef<'_>| {
        changes.iter().any(|(key, value)| name(button) == *key && attr(button, "value") == *value)
    };
    let mut buttons = controls.iter().filter(|control| is_button(control));
    buttons.clone().find(is_named).or_else(|| buttons.next())
}

fn value(control: &ElementRef<'_>, changes: &[(&str, &str)]) -> Option<Field> {
    let name = name(control);
    let kind = attr(control, "type").to_lowercase();
    if name.is_empty()
        || is_button(control)
        || control.value().name() == "button"
        || kind == "button"
        || kind == "reset"
    {
        return None;
    }
    let change =
        changes.iter().rev().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    let value = match (control.value().name(), kind.as_str()) {
        ("select", _) => Some(chosen(control, change)?),
        (_, "checkbox") => ticked(control, change, |change, _| !change.is_empty()),
        (_, "radio") => ticked(control, change, |change, own| change == own),
        ("textarea", _) => Some(change.unwrap_or_else(|| control.text().collect())),
        _ => Some(change.unwrap_or_else(|| attr(control, "value"))),
    }?;
    Some(Field { name, value, is_file: kind == "file" })
}

fn ticked(
    control: &ElementRef<'_>,
    change: Option<String>,
    is_meant: impl Fn(&str, &str) -> bool,
) -> Option<String> {
    let own = control.attr("value").unwrap_or("on").to_owned();
    let is_on =
        change.map_or_else(|| control.attr("checked").is_some(), |change| is_meant(&change, &own));
    is_on.then_some(own)
}

#[track_caller]
fn chosen(control: &ElementRef<'_>, change: Option<String>) -> Option<String> {
    let options: Vec<ElementRef<'_>> = control
        .select(&selector("option"))
        .filter(|option| option.attr("disabled").is_none())
        .collect();
    let value = |option: &ElementRef<'_>| {
        option.attr("value").map_or_else(|| super::page::text_of(option), str::to_owned)
    };
    match change {
        Some(change) => {
            let drawn: Vec<String> = options.iter().map(value).collect();
            assert!(
                drawn.contains(&change),
                "{:?} offers {drawn:?}, not {change:?}",
                name(control)
            );
            Some(change)
        }
        None => options
            .iter()
            .find(|option| option.attr("selected").is_some())
            .or(options.first())
            .map(value),
    }
}

fn name(control: &ElementRef<'_>) -> String {
    attr(control, "name")
}

fn attr(control: &ElementRef<'_>, key: &str) -> String {
    control.attr(key).unwrap_or_default().to_owned()
}
