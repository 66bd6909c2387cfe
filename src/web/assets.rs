//! Static files, embedded: hashed names that never change their meaning, packed at build time.
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};

struct Asset {
    /// As in `static/`.
    file: &'static str,
    /// As served.
    name: &'static str,
    media: &'static str,
    plain: &'static [u8],
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

static ASSETS: &[Asset] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The address of a static file. An unknown name gives an address that answers 404, and fails a test.
pub fn path(file: &str) -> String {
    let name = ASSETS.iter().find(|asset| asset.file == file).map_or(file, |asset| asset.name);
    format!("/static/{name}")
}

pub fn css() -> String {
    path("app.css")
}

pub fn font() -> String {
    path("vendor/inter/inter-latin-wght-normal.woff2")
}

pub fn icons() -> &'static str {
    static PATH: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    PATH.get_or_init(|| path("icons.svg"))
}

pub fn logos() -> &'static str {
    static PATH: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    PATH.get_or_init(|| path("logos.svg"))
}

pub fn logo() -> String {
    path("logo.svg")
}

pub async fn get(request: HttpRequest, name: web::Path<String>) -> HttpResponse {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name.as_str()) else {
        return HttpResponse::NotFound()
            .content_type("text/plain; charset=utf-8")
            .body("There is no such file.\n");
    };
    let accepted = request
        .headers()
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let accepts = |coding: &str| {
        accepted
            .split(',')
            .any(|part| part.split(';').next().is_some_and(|name| name.trim() == coding))
    };
    let (coding, body) = match (asset.brotli, asset.gzip) {
        (Some(body), _) if accepts("br") => (Some("br"), body),
        (_, Some(body)) if accepts("gzip") => (Some("gzip"), body),
        _ => (None, asset.plain),
    };
    let mut response = HttpResponse::Ok();
    response
        .content_type(asset.media)
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .insert_header((header::VARY, "Accept-Encoding"));
    if let Some(coding) = coding {
        response.insert_header((header::CONTENT_ENCODING, coding));
    }
    response.body(body)
}

/// Browsers ask for it whatever the page links.
pub async fn favicon() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((header::LOCATION, logo())).finish()
}

pub async fn robots() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .body("User-agent: *\nDisallow: /\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_its_hash_in_its_name() {
        for asset in ASSETS {
            assert_eq!(asset.name.split('.').count(), 3, "{}", asset.name);
        }
        assert!(css().starts_with("/static/app.") && css().ends_with(".css"));
    }

    #[test]
    fn packed_files_are_smaller() {
        for asset in ASSETS.iter().filter(|asset| asset.brotli.is_some()) {
            assert!(asset.brotli.unwrap().len() < asset.plain.len(), "{}", asset.name);
        }
    }
}
