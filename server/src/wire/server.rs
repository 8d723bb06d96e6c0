//! Taking connections: a thread for each, up to a limit, and an end to all of them.

use std::io::{self, PipeReader, PipeWriter, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::connection::serve;
use super::error::ListenError;
use super::listener::{Listener, Peer, listen_at};
use super::options::Options;
use super::registry::Registry;
use super::socket::Socket;
use super::stream::{Security, Stream};
use crate::dispatch::Dispatcher;
use crate::dispatch::call::Client;
use crate::logging::CONNECTION;

/// Stack of a connection's thread, bytes; only what is used of it is memory.
const STACK_LEN: usize = 2 << 20;
/// Time after which a client that does not read its answer is given up.
const WRITE_PATIENCE: Duration = Duration::from_secs(60);
/// Time to wait when the system has no room for another connection.
const PATIENCE: Duration = Duration::from_millis(50);
/// Time between two looks at what else there is to do.
const LOOK_INTERVAL: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };
/// Time after which it is looked whether anybody still waits for an answer.
const ABANDONED_AFTER: Duration = Duration::from_secs(1);
/// Time that connections have to end what was asked for when the server ends.
const DRAIN_PATIENCE: Duration = Duration::from_secs(5);

/// A server that listens.
#[derive(Debug)]
pub struct Server {
    listeners: Vec<Listener>,
    wake: PipeReader,
    waker: Arc<PipeWriter>,
    shared: Arc<Shared>,
}

/// Ends a server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Stopper {
    waker: Arc<PipeWriter>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    dispatcher: Dispatcher,
    security: Security,
    options: Options,
    is_stopping: AtomicBool,
    open: Registry,
}

impl Server {
    /// Listens where `options` say.
    ///
    /// # Errors
    /// If that cannot be: an address is not ours or in use, a certificate is not there.
    pub fn bind(dispatcher: Dispatcher, options: &Options) -> Result<Server, ListenError> {
        let security = Security::new(options.tls.as_ref())?;
        let listeners = listen_at(options)?;
        let port = listeners.iter().find_map(Listener::address).map(|address| address.port());
        let no_pipe = |source| ListenError::Address { address: "a pipe".to_owned(), source };
        let (wake, waker) = io::pipe().map_err(no_pipe)?;
        let open = Registry::new(options.max_connections);
        let dispatcher = dispatcher.on_port(port.unwrap_or(options.port)).for_up_to(open.max());
        let shared = Shared {
            dispatcher,
            security,
            options: options.clone(),
            is_stopping: AtomicBool::new(false),
            open,
        };
        let shared = Arc::new(shared);
        let waker = Arc::new(waker);
        let (ending, awoken) = (Arc::downgrade(&shared), waker.clone());
        shared.dispatcher.on_shutdown(move || {
            if let Some(shared) = ending.upgrade() {
                Stopper { waker: awoken.clone(), shared }.stop();
            }
        });
        Ok(Server { listeners, wake, waker, shared })
    }

    /// The first address; none if there are only unix sockets.
    pub fn address(&self) -> Option<SocketAddr> {
        self.listeners.iter().find_map(Listener::address)
    }

    /// All addresses and unix sockets, as they are shown.
    pub fn names(&self) -> Vec<String> {
        self.listeners.iter().map(Listener::name).collect()
    }

    /// What ends it.
    pub fn stopper(&self) -> Stopper {
        Stopper { waker: self.waker.clone(), shared: self.shared.clone() }
    }

    /// Takes connections until it is stopped; returns when the last one has ended, or has had
    /// its time to.
    pub fn run(self) {
        let Server { listeners, wake, shared, .. } = self;
        let mut looked = Instant::now();
        while !shared.is_stopping() {
            for listener in ready(&listeners, &wake) {
                match listener.accept() {
                    Ok((socket, peer)) => shared.welcome(socket, peer),
                    Err(error) if is_of_one_client(&error) => {}
                    Err(_) => thread::sleep(PATIENCE),
                }
            }
            if looked.elapsed() >= ABANDONED_AFTER {
                shared.end_abandoned();
                looked = Instant::now();
            }
        }
        drop(listeners);
        shared.open.end_all(DRAIN_PATIENCE, || {
            shared.dispatcher.operations().kill_all();
        });
    }
}

/// Waits until somebody connects, or a short time; answers where somebody did.
fn ready<'a>(listeners: &'a [Listener], wake: &PipeReader) -> Vec<&'a Listener> {
    let waiting = listeners.iter().map(|listener| PollFd::new(listener, PollFlags::IN));
    let mut waiting: Vec<_> = waiting.chain([PollFd::new(wake, PollFlags::IN)]).collect();
    if poll(&mut waiting, Some(&LOOK_INTERVAL)).is_err() {
        return Vec::new();
    }
    let is_ready = |(listener, fd): (&'a Listener, &PollFd<'_>)| {
        (!fd.revents().is_empty()).then_some(listener)
    };
    listeners.iter().zip(&waiting).filter_map(is_ready).collect()
}

/// Did only a client go away before it was taken?
fn is_of_one_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, Interrupted, WouldBlock};
    matches!(error.kind(), ConnectionAborted | Interrupted | WouldBlock)
}

impl Stopper {
    /// Ends the server: connections are closed as soon as what they asked for is answered.
    pub fn stop(&self) {
        self.shared.is_stopping.store(true, Ordering::Release);
        self.shared.dispatcher.end_waits();
        // Wakes the one who waits for connections; if that is gone it need not be woken.
        let _ = (&*self.waker).write(&[0]);
    }

    /// Was it asked to end?
    pub fn is_stopping(&self) -> bool {
        self.shared.is_stopping()
    }

    /// What answers its commands.
    pub fn dispatcher(&self) -> &Dispatcher {
        &self.shared.dispatcher
    }
}

impl Shared {
    fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Acquire)
    }

    /// Tells the log of a connection that comes or goes.
    fn tell(&self, what: &str, id: u64, client: &Client) {
        let remote = client.address.as_str();
        let (number, count) = (client.id, self.open.len());
        tracing::info!(
            target: CONNECTION, id, remote, connectionId = number, connectionCount = count,
            "{what}"
        );
    }

    /// Ends the work for clients that are gone.
    fn end_abandoned(&self) {
        let operations = self.dispatcher.operations();
        operations.kill_abandoned(ABANDONED_AFTER, |id| self.open.is_gone(id));
    }

    /// Gives a connection a thread; closes it if there are too many.
    fn welcome(self: &Arc<Self>, socket: Socket, peer: Peer) {
        if socket.prepare(WRITE_PATIENCE).is_err() {
            return;
        }
        let mut client = self.dispatcher.client(peer.name);
        client.is_local = peer.is_local;
        client.set_offers(&self.options.compressors);
        let (id, socket) = (client.id, Arc::new(socket));
        if !self.open.add(id, socket.clone()) {
            self.dispatcher.count_connection_refused();
            let (remote, max) = (client.address.as_str(), self.open.max());
            tracing::warn!(target: "NETWORK", remote, max, "Connection refused: too many are open");
            return;
        }
        self.tell("Connection accepted", 22943, &client);
        let shared = self.clone();
        let builder = thread::Builder::new().name(format!("conn{id}")).stack_size(STACK_LEN);
        let spawned = builder.spawn(move || {
            let ended = Ended { shared: &shared, id };
            shared.dispatcher.count_connection();
            match Stream::open(&socket, &shared.security) {
                // A connection that breaks is one that ends.
                Ok(Some(stream)) => {
                    let _ = serve(&shared.dispatcher, &client, stream, &shared.is_stopping);
                }
                Ok(None) => {}
                Err(error) => {
                    let remote = client.address.as_str();
                    tracing::warn!(target: "NETWORK", remote, %error, "Connection not begun");
                }
            }
            drop(ended);
            shared.tell("Connection ended", 22944, &client);
        });
        if spawned.is_err() {
            self.open.remove(id);
        }
    }
}

/// Takes a connection off the list when its thread ends, however it does.
struct Ended<'a> {
    shared: &'a Shared,
    id: i32,
}

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.shared.dispatcher.count_connection_closed();
        self.shared.open.remove(self.id);
    }
}
