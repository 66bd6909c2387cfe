//! Words mails: a mail is a page that is posted. Plain HTML without styles, so that every reader's own colours hold.
use askama::Template;

use crate::domain::Site;
use crate::domain::notices::{Item, Letter, Letters, Link, Written};
use crate::model::flow::FlowKind;
use crate::model::notice::NoticeKind;
use crate::model::time::Moment;

use super::{paths, wording};

/// So many sources and destinations are named.
const NAMED: usize = 5;

/// Stateless.
pub struct Post;

#[derive(Template)]
#[template(path = "letters/letter.html")]
struct HtmlLetter<'a>(&'a View);

#[derive(Template)]
#[template(path = "letters/letter.txt")]
struct TextLetter<'a>(&'a View);

struct View {
    subject: String,
    to_name: String,
    intro: Option<String>,
    items: Vec<ItemView>,
    /// Where one chooses what one is mailed.
    settings: String,
    public_url: String,
}

struct ItemView {
    title: String,
    text: String,
    stops: Option<String>,
    cure: Option<String>,
    label: String,
    address: String,
}

impl Letters for Post {
    fn write(&self, site: &Site, letter: &Letter) -> Result<Written, String> {
        let items: Vec<ItemView> =
            letter.items.iter().map(|item| view(site, item, letter.now)).collect();
        let (subject, intro) = match items.as_slice() {
            [one] => (one.title.clone(), None),
            more => (
                summary(&letter.items),
                Some(format!("{} things to know, in one mail", more.len())),
            ),
        };
        render(&View {
            subject,
            intro,
            items,
            to_name: letter.to_name.clone(),
            settings: address(site, paths::account_notices()),
            public_url: site.public_url.clone(),
        })
    }

    fn write_test(&self, site: &Site, to_name: &str) -> Result<Written, String> {
        let item = ItemView {
            title: "Mails from Authorizers arrive".to_owned(),
            text: "You asked for this test. Notices will come the same way.".to_owned(),
            stops: None,
            cure: None,
            label: "Choose what you are mailed".to_owned(),
            address: address(site, paths::account_notices()),
        };
        render(&View {
            subject: item.title.clone(),
            to_name: to_name.to_owned(),
            intro: None,
            items: vec![item],
            settings: address(site, paths::account_notices()),
            public_url: site.public_url.clone(),
        })
    }

    fn address(&self, site: &Site, link: &Link) -> String {
        address(site, &path(link))
    }
}

pub fn path(link: &Link) -> String {
    match link {
        Link::Reauthorize(id) => paths::reauthorize(id),
        Link::Edit(id) => paths::edit_authorizer(id),
        Link::Authorizer(id) => paths::authorizer(id),
        Link::OAuthApp(id) => paths::oauth_app(id),
    }
}

fn address(site: &Site, path: &str) -> String {
    format!("{}{path}", site.public_url)
}

fn render(view: &View) -> Result<Written, String> {
    let html = HtmlLetter(view).render().map_err(|error| error.to_string())?;
    let text = TextLetter(view).render().map_err(|error| error.to_string())?;
    Ok(Written { subject: view.subject.clone(), text, html })
}

fn view(site: &Site, item: &Item, now: Moment) -> ItemView {
    let Item { name, service_name, .. } = item;
    let words = item.cause.map(|cause| wording::cause(cause, service_name));
    let (title, text, cure) = match item.kind {
        NoticeKind::Recovered => (
            format!("{name} works again"),
            format!("{service_name} accepts the account again. Nothing is left to do."),
            None,
        ),
        NoticeKind::Due30 | NoticeKind::Due7 | NoticeKind::Due1 => due(item, now),
        NoticeKind::AppRejected => (
            format!("{service_name} refuses our OAuth app"),
            words
                .as_ref()
                .map(|words| format!("{}. {}", words.title, words.text))
                .unwrap_or_default(),
            words.map(|words| words.cure),
        ),
        NoticeKind::Broken | NoticeKind::Test => (
            format!("{name} is broken"),
            match &words {
                Some(words) => {
                    format!("{}. {} Since {}.", words.title, words.text, wording::full(item.at))
                }
                None => format!(
                    "{service_name} no longer accepts the account. Since {}.",
                    wording::full(item.at)
                ),
            },
            words.map(|words| words.cure),
        ),
    };
    ItemView {
        title,
        text,
        cure,
        stops: stops(item),
        label: label(item),
        address: address(site, &path(&item.link)),
    }
}

fn due(item: &Item, now: Moment) -> (String, String, Option<String>) {
    let Item { name, service_name, .. } = item;
    let Some(end) = item.ends_at else {
        return (format!("{name} ends soon"), String::new(), None);
    };
    let in_days = wording::in_days(end, now);
    let text = if item.is_estimated {
        format!("{service_name} probably ends the access around {}, {in_days}.", wording::date(end))
    } else {
        format!("{service_name} ends the access on {}, {in_days}.", wording::date(end))
    };
    (
        format!("{name} ends {in_days}"),
        text,
        Some("Reauthorize it before then. Nothing has to be set up anew.".to_owned()),
    )
}

/// `What stands still: source Orders, destination Lake.`
fn stops(item: &Item) -> Option<String> {
    let lead = match item.kind {
        NoticeKind::Broken => "What stands still",
        NoticeKind::Due30 | NoticeKind::Due7 | NoticeKind::Due1 => "What would stop then",
        _ => return None,
    };
    let name = |(kind, name): &(FlowKind, String)| match kind {
        FlowKind::Source => format!("source {name}"),
        FlowKind::Destination => format!("destination {name}"),
    };
    let mut names: Vec<String> = item.used_by.iter().take(NAMED).map(name).collect();
    let more = item.used_by.len().saturating_sub(NAMED);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    (!names.is_empty()).then(|| format!("{lead}: {}.", names.join(", ")))
}

fn label(item: &Item) -> String {
    match &item.link {
        Link::Reauthorize(_) => format!("Reauthorize {}", item.name),
        Link::Edit(_) => format!("Correct {}", item.name),
        Link::Authorizer(_) => format!("Look at {}", item.name),
        Link::OAuthApp(_) => format!("Correct the OAuth app of {}", item.service_name),
    }
}

/// `7 broken, 2 work again, 1 ends soon`
fn summary(items: &[Item]) -> String {
    let count =
        |wanted: fn(NoticeKind) -> bool| items.iter().filter(|item| wanted(item.kind)).count();
    let parts = [
        (count(|kind| kind == NoticeKind::Broken), "broken", "broken"),
        (count(|kind| kind == NoticeKind::Recovered), "works again", "work again"),
        (count(|kind| kind.days().is_some()), "ends soon", "end soon"),
        (count(|kind| kind == NoticeKind::AppRejected), "OAuth app refused", "OAuth apps refused"),
    ];
    let said = |(count, one, more): (usize, &str, &str)| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        count => Some(format!("{count} {more}")),
    };
    format!("Authorizers: {}", parts.into_iter().filter_map(said).collect::<Vec<_>>().join(", "))
}
