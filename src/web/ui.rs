//! Components as values: templates print them with `{{ ui::icon("key") }}`.
use askama::Template;
use askama::filters::HtmlSafe;

use crate::catalog::Service;
use crate::crypto::token;
use crate::domain::Ctx;
use crate::model::activity::Activity;
use crate::model::authorizer::Badge;
use crate::model::ids::ServiceId;
use crate::model::revocation::RevocationOutcome;
use crate::model::time::Moment;

use super::wording;

/// An icon of the sheet; always beside a word or an `aria-label`.
#[derive(Template)]
#[template(
    source = r##"<svg class="{{ class }}" aria-hidden="true"><use href="{{ crate::web::assets::icons() }}#{{ name }}"/></svg>"##,
    ext = "html"
)]
pub struct Icon<'a> {
    name: &'a str,
    class: &'a str,
}
impl HtmlSafe for Icon<'_> {}

pub fn icon(name: &str) -> Icon<'_> {
    Icon { name, class: "icon" }
}

pub fn icon_sm(name: &str) -> Icon<'_> {
    Icon { name, class: "icon-sm" }
}

pub fn icon_lg(name: &str) -> Icon<'_> {
    Icon { name, class: "icon-lg" }
}

pub fn icon_with<'a>(name: &'a str, class: &'a str) -> Icon<'a> {
    Icon { name, class }
}

/// A service's logo, or two letters on a colour of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    logo: Option<String>,
    letters: String,
    colour: u8,
}

#[derive(Template)]
#[template(
    source = r##"{% if let Some(logo) = tile.logo %}<svg class="tile{{ size }}" aria-hidden="true"><use href="{{ crate::web::assets::logos() }}#{{ logo }}"/></svg>{% else %}<span class="tile{{ size }} tile-c{{ tile.colour }}" aria-hidden="true">{{ tile.letters }}</span>{% endif %}"##,
    ext = "html"
)]
pub struct TileView<'a> {
    tile: &'a Tile,
    size: &'static str,
}
impl HtmlSafe for TileView<'_> {}

impl Tile {
    /// `service` is `None` when its file is gone: the id still gives letters and a colour.
    pub fn of(service: Option<&Service>, id: &ServiceId) -> Self {
        let name = service.map_or(id.as_str(), |service| service.head.name.as_str());
        let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        let initials: Vec<char> = words.filter_map(|word| word.chars().next()).take(2).collect();
        let letters = match initials.as_slice() {
            [_one] => name.chars().take(2).collect(),
            more => more.iter().collect(),
        };
        let hash = id
            .as_str()
            .bytes()
            .fold(7_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)));
        Self {
            logo: service.and_then(|service| service.head.logo.clone()),
            letters,
            colour: u8::try_from(hash % 8).unwrap_or(0) + 1,
        }
    }
}

pub fn tile(tile: &Tile) -> TileView<'_> {
    TileView { tile, size: "" }
}

pub fn tile_lg(tile: &Tile) -> TileView<'_> {
    TileView { tile, size: " tile-lg" }
}

#[derive(Template)]
#[template(
    source = r#"<span class="badge badge-{{ kind }}">{{ crate::web::ui::icon_sm(icon) }}{{ text }}</span>"#,
    ext = "html"
)]
pub struct BadgeView {
    kind: &'static str,
    icon: &'static str,
    text: &'static str,
}
impl HtmlSafe for BadgeView {}

pub fn badge(badge: Badge) -> BadgeView {
    let (kind, icon) = match badge {
        Badge::Connected => ("ok", "circle-check"),
        Badge::DueSoon => ("warn", "clock-exclamation"),
        Badge::NotTested => ("none", "circle-dashed"),
        Badge::Retrying => ("info", "refresh"),
        Badge::Broken => ("bad", "alert-octagon"),
        Badge::Locked => ("bad", "lock"),
        Badge::Revoking => ("info", "refresh"),
        Badge::Revoked => ("mute", "ban"),
        Badge::Disconnected => ("mute", "unlink"),
    };
    BadgeView { kind, icon, text: wording::badge(badge) }
}

/// A moment as people read it, with the machine's form beside it.
#[derive(Clone, Debug)]
pub struct When {
    text: String,
    machine: String,
    full: String,
}

#[derive(Template)]
#[template(
    source = r#"<time class="when" datetime="{{ when.machine }}" title="{{ when.full }}">{{ when.text }}</time>"#,
    ext = "html"
)]
pub struct Time<'a> {
    when: &'a When,
}
impl HtmlSafe for Time<'_> {}

impl When {
    /// `12 min ago`
    pub fn ago(at: Moment, now: Moment) -> Self {
        Self { text: wording::ago(at, now), machine: wording::machine(at), full: wording::full(at) }
    }

    /// `23 Nov 2026, 13:50 UTC`
    pub fn at(at: Moment) -> Self {
        Self { text: wording::full(at), machine: wording::machine(at), full: wording::full(at) }
    }
}

pub fn time(when: &When) -> Time<'_> {
    Time { when }
}

/// A name of an account: a long one may break after its signs, rather than within a word.
#[derive(Template)]
#[template(
    source = "{% for part in parts %}{% if !loop.first %}<wbr>{% endif %}{{ part }}{% endfor %}",
    ext = "html"
)]
pub struct Breakable<'a> {
    parts: Vec<&'a str>,
}
impl HtmlSafe for Breakable<'_> {}

pub fn breakable(text: &str) -> Breakable<'_> {
    Breakable { parts: text.split_inclusive(['@', '/', '.', ':', ',']).collect() }
}

/// Breadcrumbs; the last one is the page itself.
#[derive(Template)]
#[template(
    source = r#"<nav class="crumbs" aria-label="Breadcrumb"><ol>{% for crumb in above %}<li><a href="{{ crumb.1 }}">{{ crumb.0 }}</a></li>{% endfor %}<li><span aria-current="page">{{ here }}</span></li></ol></nav>"#,
    ext = "html"
)]
pub struct Crumbs {
    above: Vec<(String, String)>,
    here: String,
}
impl HtmlSafe for Crumbs {}

impl Crumbs {
    pub fn new(above: &[(&str, &str)], here: &str) -> Self {
        Self {
            above: above
                .iter()
                .map(|(text, path)| ((*text).to_owned(), (*path).to_owned()))
                .collect(),
            here: here.to_owned(),
        }
    }
}

/// The hidden inputs of every form: one proves that a POST comes from our own page, the other names this one drawing of the
/// form, so that pressing twice is pressing once.
#[derive(Template)]
#[template(
    source = r#"<input type="hidden" name="csrf" value="{{ token }}"><input type="hidden" name="once" value="{{ once }}">"#,
    ext = "html"
)]
pub struct Csrf<'a> {
    token: &'a str,
    once: String,
}
impl HtmlSafe for Csrf<'_> {}

pub fn csrf(token: &str) -> Csrf<'_> {
    Csrf { token, once: token::random(9).expose().to_owned() }
}

/// An entry of a hand-written drop-down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub value: String,
    pub label: String,
    pub is_chosen: bool,
}

impl Entry {
    pub fn new(value: &str, label: &str, chosen: &str) -> Self {
        Self { value: value.to_owned(), label: label.to_owned(), is_chosen: value == chosen }
    }
}

/// Where a person removes access at the service itself.
pub struct ManageLink {
    pub path: String,
    pub label: String,
}

impl ManageLink {
    /// Of a line that tells of access which may still be active.
    pub fn for_line(ctx: &Ctx, line: &Activity) -> Option<Self> {
        let outcome = RevocationOutcome::from_code(&line.note)?;
        let service = ctx.catalog.get(line.service_id.as_ref()?.as_str())?;
        let path = service.lifetime.provider_page.clone().filter(|_| !outcome.is_ended())?;
        Some(Self { path, label: format!("Manage access at {}", service.head.name) })
    }
}

/// *First page* and *Next*: keyset pages have no numbers.
#[derive(Template)]
#[template(
    source = r#"{% if first.is_some() || next.is_some() %}<nav class="pager" aria-label="Pages">{% if let Some(path) = first %}<a class="btn btn-quiet btn-sm" href="{{ path }}">{{ crate::web::ui::icon_sm("chevron-left") }}First page</a>{% endif %}{% if let Some(path) = next %}<a class="btn btn-quiet btn-sm push" href="{{ path }}" rel="next">Next{{ crate::web::ui::icon_sm("chevron-right") }}</a>{% endif %}</nav>{% endif %}"#,
    ext = "html"
)]
pub struct Pager {
    first: Option<String>,
    next: Option<String>,
}
impl HtmlSafe for Pager {}

impl Pager {
    /// `params` are the filters that every page keeps.
    pub fn new(
        path: &str,
        params: &[(&str, String)],
        next: Option<String>,
        is_later: bool,
    ) -> Self {
        Self {
            first: is_later.then(|| Self::link(path, params, None)),
            next: next.map(|after| Self::link(path, params, Some(&after))),
        }
    }

    /// The page that begins there, with the filters that are set.
    pub fn link(path: &str, params: &[(&str, String)], after: Option<&str>) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(params.iter().filter(|(_, value)| !value.is_empty()));
        if let Some(after) = after {
            query.append_pair("after", after);
        }
        let query = query.finish();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_without_a_logo_has_two_letters() {
        assert_eq!(Tile::of(None, &ServiceId::from("linkedin-ads")).letters, "la");
        assert_eq!(Tile::of(None, &ServiceId::from("sftp")).letters, "sf");
    }

    #[test]
    fn a_pager_keeps_the_filters() {
        let pager = Pager::new(
            "/authorizers",
            &[("q", "a b".to_owned()), ("sort", String::new())],
            Some("k".to_owned()),
            false,
        );
        assert_eq!(pager.next.as_deref(), Some("/authorizers?q=a+b&after=k"));
        assert_eq!(pager.first, None);
    }

    #[test]
    fn a_long_account_breaks_after_its_signs() {
        assert_eq!(breakable("etl@db1.example").render().unwrap(), "etl@<wbr>db1.<wbr>example");
        assert!(breakable("<b>").render().unwrap().starts_with("&#60;b"));
    }

    #[test]
    fn what_is_printed_is_escaped() {
        assert!(Crumbs::new(&[], "<b>").render().unwrap().contains("&#60;b&#62;"));
    }
}
