//! The two byte streams of an SSH session: the connection it runs on, and a channel that is forwarded through it.
use std::pin::Pin;
use std::task::{Context, Poll};

use russh::ChannelStream;
use russh::client::{self, Handle};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;

use super::Watcher;
use crate::outbound::dial::Wire;

/// Keeps a connection open; when it is dropped, the connection reads as ended.
pub(super) type KeepAlive = oneshot::Sender<()>;

/// `russh` runs a session in a task of its own, which would outlive us in the middle of a greeting.
pub(super) fn closable(wire: Wire) -> (Closable, KeepAlive) {
    let (keep_alive, cut) = oneshot::channel();
    (Closable { wire, cut }, keep_alive)
}

pub(super) struct Closable {
    wire: Wire,
    cut: oneshot::Receiver<()>,
}

impl AsyncRead for Closable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        if !self.cut.is_terminated() && Pin::new(&mut self.cut).poll(cx).is_pending() {
            return Pin::new(&mut self.wire).poll_read(cx, buffer);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Closable {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.wire).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.wire).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.wire).poll_shutdown(cx)
    }
}

/// A channel that keeps its session.
pub(super) struct Tunnelled {
    pub channel: ChannelStream<client::Msg>,
    pub _session: Handle<Watcher>,
    pub _keep_alive: KeepAlive,
}

impl AsyncRead for Tunnelled {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.channel).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Tunnelled {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.channel).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.channel).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.channel).poll_shutdown(cx)
    }
}
