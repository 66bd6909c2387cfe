//! TLS of HTTP services: who cannot prove to be the host gets no token, and is told apart from who speaks no TLS.
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use authorizers::model::cause::Cause;
use authorizers::model::report::StepKind;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::account::{Typed, failed};
use super::connected::{out, patient, refused};
use super::guard::get;

/// A server with a certificate that nobody vouches for; the port, and what came through its TLS.
async fn self_signed() -> (u16, tokio::sync::mpsc::UnboundedReceiver<Vec<u8>>) {
    let folder = tempfile::tempdir().unwrap();
    let (key, cert) = (folder.path().join("key"), folder.path().join("cert"));
    let mut openssl = Command::new("openssl");
    openssl.args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    ]);
    openssl.args([
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=IP:127.0.0.1,DNS:localhost",
    ]);
    let made = openssl.arg("-keyout").arg(&key).arg("-out").arg(&cert).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap();
    let (cert, key) = (
        CertificateDer::from_pem_file(&cert).unwrap(),
        PrivateKeyDer::from_pem_file(&key).unwrap(),
    );
    let acceptor = TlsAcceptor::from(Arc::new(
        config.with_no_client_auth().with_single_cert(vec![cert], key).unwrap(),
    ));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (heard, hears) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut bytes = vec![0; 4096];
            let count = stream.read(&mut bytes).await.unwrap_or(0);
            bytes.truncate(count);
            heard.send(bytes).ok();
        }
    });
    (port, hears)
}

fn at(port: u16) -> Typed {
    let base = format!("https://127.0.0.1:{port}");
    let typed = [
        ("base_url", base.as_str()),
        ("test_path", "/me"),
        ("method", "bearer"),
        ("bearer", "s3cret-s3cret"),
    ];
    Typed::new("custom-http", &typed)
}

#[tokio::test]
async fn who_cannot_prove_to_be_the_host_gets_no_token() {
    let (port, mut hears) = self_signed().await;
    for host in ["127.0.0.1", "localhost"] {
        let fault = refused(get(&out(), &format!("https://{host}:{port}/")).await, host);
        assert_eq!(fault.cause, Cause::TlsUntrusted, "{fault:?}");
        assert!(fault.detail.unwrap().contains("certificate"));
    }
    let report = out().test(&at(port).account(), &mut |_| {}).await;
    let step = report.failure().unwrap_or_else(|| panic!("{report:#?}"));
    assert_eq!((step.kind, step.cause), (StepKind::Tls, Some(Cause::TlsUntrusted)), "{report:#?}");
    assert!(hears.try_recv().is_err(), "something was sent to a stranger");
}

#[tokio::test]
async fn who_speaks_no_tls_is_told_as_that() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await.ok();
        }
    });
    let fault = refused(get(&out(), &format!("https://127.0.0.1:{port}/")).await, "plain HTTP");
    assert_eq!(fault.cause, Cause::TlsUnsupported, "{fault:?}");
    let report = out().test(&at(port).account(), &mut |_| {}).await;
    failed(&report, StepKind::Tls, Cause::TlsUnsupported, &[]);
}

#[tokio::test]
async fn who_hangs_up_or_is_silent_may_be_back_later() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let silent = tokio::spawn(async move { listener.accept().await.map(|held| (held, listener)) });
    let fault = refused(get(&patient(Duration::from_millis(400)), &url).await, "silent");
    assert_eq!(fault.cause, Cause::Timeout, "{fault:?}");
    let (_, listener) = silent.await.unwrap().unwrap();
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    let fault = refused(get(&out(), &url).await, "hangs up");
    assert!(fault.cause.is_passing(), "{fault:?}");
}
