//! Pages are packed whole, where they were made. Actix's own middleware packs piece by piece on other threads and at
//! its fastest level only; a page is small enough to be packed at once, and well. A part that was packed before is put
//! between what is packed now: pieces of deflate (RFC 1951) that end at a byte may follow each other.
use std::cell::RefCell;
use std::io::Write;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    self, AcceptEncoding, ContentEncoding, Encoding, Header, HeaderValue,
};
use actix_web::middleware::Next;
use bytes::Bytes;
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

/// Smaller ones fit into one packet as they are.
const SMALLEST: usize = 1_024;
/// Beyond this level a page hardly gets smaller.
const LEVEL: u32 = 5;
/// Larger ones (a preview of many columns) are packed at the fastest level: a thread must not work on one for long.
const LARGE: usize = 128 * 1024;
/// What every gzip file begins with (RFC 1952 §2.3): deflate, no name, no time, system unknown.
const GZIP: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

thread_local! {
    /// Making one clears 300 KB of memory: each thread keeps its own.
    static ENCODER: RefCell<DeflateEncoder<Vec<u8>>> =
        RefCell::new(DeflateEncoder::new(Vec::new(), Compression::new(LEVEL)));
}

/// A text in blocks of deflate that end at a byte, none of them the last.
pub struct Packed {
    blocks: Vec<u8>,
    crc: Crc,
    length: usize,
}

impl Packed {
    pub fn of(text: &[u8]) -> std::io::Result<Self> {
        let mut crc = Crc::new();
        crc.update(text);
        let mut blocks =
            ENCODER.with_borrow_mut(|encoder| deflate(encoder, text, Place::Within))?;
        blocks.shrink_to_fit();
        Ok(Self { blocks, crc, length: text.len() })
    }
}

/// Where in a page a text stands that is packed already: an extension of the answer.
pub struct Part {
    pub at: usize,
    pub packed: Arc<Packed>,
}

/// Middleware. A body that is streamed is left as it is.
pub async fn pack(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let wanted = takes_gzip(request.request());
    let mut answered = next.call(request).await?.map_into_boxed_body();
    let part = answered.response_mut().extensions_mut().remove::<Part>();
    Ok(answered.map_body(|head, body| {
        let is_text = head
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"text/"));
        if !is_text || head.headers().contains_key(header::CONTENT_ENCODING) {
            return body;
        }
        head.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        match body.try_into_bytes() {
            Ok(page) if wanted && page.len() >= SMALLEST => match gzip(&page, part) {
                Ok(packed) => {
                    head.headers_mut()
                        .insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                    packed.boxed()
                }
                Err(_) => page.boxed(),
            },
            Ok(page) => page.boxed(),
            Err(stream) => stream,
        }
    }))
}

fn takes_gzip(request: &HttpRequest) -> bool {
    let gzip = Encoding::Known(ContentEncoding::Gzip);
    AcceptEncoding::parse(request)
        .ok()
        .and_then(|accepted| accepted.negotiate([gzip.clone(), Encoding::identity()].iter()))
        .is_some_and(|best| best == gzip)
}

fn gzip(page: &[u8], part: Option<Part>) -> std::io::Result<Bytes> {
    if page.len() > LARGE {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        return gzip_by(&mut encoder, page, part);
    }
    ENCODER.with_borrow_mut(|encoder| gzip_by(encoder, page, part))
}

fn gzip_by(
    encoder: &mut DeflateEncoder<Vec<u8>>,
    page: &[u8],
    part: Option<Part>,
) -> std::io::Result<Bytes> {
    let mut file = Vec::with_capacity(page.len() / 4);
    file.extend_from_slice(&GZIP);
    let (mut crc, mut rest) = (Crc::new(), page);
    if let Some(part) = part {
        let (before, others) = page.split_at(part.at);
        crc.update(before);
        file.extend(deflate(encoder, before, Place::Within)?);
        crc.combine(&part.packed.crc);
        file.extend_from_slice(&part.packed.blocks);
        rest = others.get(part.packed.length..).unwrap_or_default();
    }
    crc.update(rest);
    file.extend(deflate(encoder, rest, Place::Last)?);
    file.extend_from_slice(&crc.sum().to_le_bytes());
    file.extend_from_slice(&crc.amount().to_le_bytes());
    Ok(file.into())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Within,
    Last,
}

/// The encoder is as new after it.
fn deflate(
    encoder: &mut DeflateEncoder<Vec<u8>>,
    text: &[u8],
    place: Place,
) -> std::io::Result<Vec<u8>> {
    encoder.write_all(text)?;
    match place {
        Place::Within => encoder.flush()?,
        Place::Last => encoder.try_finish()?,
    }
    let blocks = std::mem::take(encoder.get_mut());
    // What it says to end the stream is not wanted.
    encoder.reset(Vec::new())?;
    Ok(blocks)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn unpacked(file: &[u8]) -> String {
        let mut text = String::new();
        flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn a_page_around_a_packed_part_is_the_page() {
        let row = "<tr><td>Shop</td></tr>\n".repeat(500);
        let page = format!("<p>for Ann</p>{row}<p>the end</p>");
        for round in 0..3 {
            let part = Part {
                at: page.find(&row).unwrap(),
                packed: Arc::new(Packed::of(row.as_bytes()).unwrap()),
            };
            let file = gzip(page.as_bytes(), Some(part)).unwrap();
            assert_eq!(unpacked(&file), page, "round {round}");
            assert!(file.len() < 300, "{}", file.len());
            assert_eq!(unpacked(&gzip(page.as_bytes(), None).unwrap()), page);
        }
        assert_eq!(unpacked(&gzip(b"", None).unwrap()), "");
    }
}
