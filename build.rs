//! Static files: names with a hash of their content, brotli and gzip made once, all in one table for `web::assets`.
#![expect(clippy::expect_used, reason = "a build fails by panicking")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use sha2::{Digest, Sha256};

/// What pages may link: name in `static/`, media type.
const FILES: &[(&str, &str)] = &[
    ("vendor/inter/inter-latin-wght-normal.woff2", "font/woff2"),
    ("vendor/inter/inter-latin-ext-wght-normal.woff2", "font/woff2"),
    ("icons.svg", "image/svg+xml"),
    ("logos.svg", "image/svg+xml"),
    ("logo.svg", "image/svg+xml"),
    // Last: it names the fonts.
    ("app.css", "text/css; charset=utf-8"),
];

fn main() {
    println!("cargo:rerun-if-changed=static");
    println!("cargo:rerun-if-changed=migrations");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let mut names: BTreeMap<&str, String> = BTreeMap::new();
    let mut table = String::from("&[\n");
    for (file, media) in FILES {
        let mut content = fs::read(Path::new("static").join(file))
            .unwrap_or_else(|error| panic!("static/{file}: {error}"));
        if file.ends_with(".css") {
            content = with_hashed_names(&content, &names);
        }
        let name = hashed_name(file, &content);
        let stem = out.join(&name);
        write(&stem, "", &content);
        let is_packed = !file.ends_with(".woff2");
        if is_packed {
            write(&stem, ".br", &brotli(&content));
            write(&stem, ".gz", &gzip(&content));
        }
        let include =
            |ending: &str| format!("include_bytes!({:?})", format!("{}{ending}", stem.display()));
        let packed = |ending: &str| {
            if is_packed { format!("Some({})", include(ending)) } else { "None".to_owned() }
        };
        writeln!(
            table,
            "Asset {{ file: {file:?}, name: {name:?}, media: {media:?}, plain: {}, brotli: {}, gzip: {} }},",
            include(""),
            packed(".br"),
            packed(".gz")
        )
        .expect("a string takes everything");
        names.insert(file, name);
    }
    table.push(']');
    write(&out.join("assets"), ".rs", table.as_bytes());
}

/// `app.css` → `app.3f9a1c2b7d.css`
fn hashed_name(file: &str, content: &[u8]) -> String {
    let digest: String =
        Sha256::digest(content).iter().take(5).map(|byte| format!("{byte:02x}")).collect();
    let base = file.rsplit('/').next().unwrap_or(file);
    let (stem, ending) = base.rsplit_once('.').unwrap_or((base, ""));
    format!("{stem}.{digest}.{ending}")
}

/// The style sheet lies beside the other files when it is served.
fn with_hashed_names(css: &[u8], names: &BTreeMap<&str, String>) -> Vec<u8> {
    let mut text = String::from_utf8(css.to_vec()).expect("the style sheet is UTF-8");
    for (file, name) in names {
        text = text.replace(&format!("url(\"{file}\")"), &format!("url(\"{name}\")"));
    }
    assert!(!text.contains("url(\"vendor/"), "the style sheet names a file that is not served");
    text.into_bytes()
}

fn brotli(content: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    let params = brotli::enc::BrotliEncoderParams { quality: 11, ..Default::default() };
    brotli::BrotliCompress(&mut &*content, &mut packed, &params)
        .expect("a vector takes everything");
    packed
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(content).expect("a vector takes everything");
    encoder.finish().expect("a vector takes everything")
}

fn write(stem: &Path, ending: &str, content: &[u8]) {
    let path = PathBuf::from(format!("{}{ending}", stem.display()));
    fs::write(&path, content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
