//! Pages are packed whole, where they were made. Actix's own middleware packs piece by piece on other threads and at
//! its fastest level only; a page is small enough to be packed at once, and well.
use std::io::Write;

use actix_web::HttpRequest;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, AcceptEncoding, ContentEncoding, Encoding, Header, HeaderValue};
use actix_web::middleware::Next;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

/// Smaller ones fit into one packet as they are.
const SMALLEST: usize = 1_024;
/// Beyond this level a page hardly gets smaller.
const LEVEL: u32 = 4;

/// Middleware. A body that is streamed is left as it is.
pub async fn pack(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let wanted = takes_gzip(request.request());
    let answered = next.call(request).await?.map_into_boxed_body();
    Ok(answered.map_body(|head, body| {
        let is_text = head.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/"));
        if !is_text || head.headers().contains_key(header::CONTENT_ENCODING) {
            return body;
        }
        head.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        match body.try_into_bytes() {
            Ok(page) if wanted && page.len() >= SMALLEST => match gzip(&page) {
                Ok(packed) => {
                    head.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
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

fn gzip(page: &[u8]) -> std::io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(page.len() / 4), Compression::new(LEVEL));
    encoder.write_all(page)?;
    Ok(encoder.finish()?.into())
}
