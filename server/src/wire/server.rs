//! Listening: a thread for each connection, up to a limit, and an end to all of them.

use std::collections::HashMap;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::CONNECTIONS_MAX;
use super::connection::serve;
use crate::dispatch::Dispatcher;

/// Stack of a connection's thread, bytes; only what is used of it is memory.
const STACK_LEN: usize = 2 << 20;
/// Time after which a client that does not read its answer is given up.
const WRITE_PATIENCE: Duration = Duration::from_secs(60);
/// Time to wait when the system has no room for another connection.
const PATIENCE: Duration = Duration::from_millis(50);

/// A server that listens.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    shared: Arc<Shared>,
}

/// Ends a server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Stopper {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    dispatcher: Dispatcher,
    address: SocketAddr,
    is_stopping: AtomicBool,
    open: Mutex<HashMap<i32, TcpStream>>,
    /// Said when a connection ends.
    ended: Condvar,
}

impl Server {
    /// Listens at `address`; port 0 for any that is free.
    ///
    /// # Errors
    /// The system's.
    pub fn bind(dispatcher: Dispatcher, address: impl ToSocketAddrs) -> io::Result<Server> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let shared = Shared {
            dispatcher: dispatcher.on_port(address.port()),
            address,
            is_stopping: AtomicBool::new(false),
            open: Mutex::new(HashMap::new()),
            ended: Condvar::new(),
        };
        Ok(Server { listener, shared: Arc::new(shared) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// What ends it.
    pub fn stopper(&self) -> Stopper {
        Stopper { shared: self.shared.clone() }
    }

    /// Takes connections until it is stopped; returns when the last one has ended.
    pub fn run(self) {
        let Server { listener, shared } = self;
        while !shared.is_stopping.load(Ordering::Acquire) {
            match listener.accept() {
                Ok((stream, from)) => shared.welcome(stream, from),
                Err(_) => thread::sleep(PATIENCE),
            }
        }
        drop(listener);
        shared.end_all();
    }
}

impl Stopper {
    /// Ends the server: connections are closed as soon as what they asked for is answered.
    pub fn stop(&self) {
        self.shared.is_stopping.store(true, Ordering::Release);
        // Nothing is said: this only wakes the one who waits for connections.
        drop(TcpStream::connect(self.shared.address));
    }
}

impl Shared {
    fn open(&self) -> MutexGuard<'_, HashMap<i32, TcpStream>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a connection a thread; closes it if there are too many.
    fn welcome(self: &Arc<Self>, stream: TcpStream, from: SocketAddr) {
        if self.is_stopping.load(Ordering::Acquire) || self.open().len() >= CONNECTIONS_MAX {
            return;
        }
        // An answer is one write: there is nothing to wait for.
        let Ok(()) = stream.set_nodelay(true) else { return };
        let Ok(()) = stream.set_write_timeout(Some(WRITE_PATIENCE)) else { return };
        let Ok(kept) = stream.try_clone() else { return };
        let client = self.dispatcher.client(from.to_string());
        let id = client.id;
        self.open().insert(id, kept);
        let shared = self.clone();
        let builder = thread::Builder::new().name(format!("conn{id}")).stack_size(STACK_LEN);
        let spawned = builder.spawn(move || {
            let _ended = Ended { shared: &shared, id };
            shared.dispatcher.count_connection();
            // A connection that breaks is one that ends.
            let _ = serve(&shared.dispatcher, &client, &stream, &stream);
        });
        if spawned.is_err() {
            self.open().remove(&id);
        }
    }

    /// Ends all connections, and waits for them.
    fn end_all(&self) {
        let mut open = self.open();
        for stream in open.values() {
            // Its thread finds the end of its input once it has answered.
            let _ = stream.shutdown(Shutdown::Read);
        }
        while !open.is_empty() {
            open = self.ended.wait(open).unwrap_or_else(PoisonError::into_inner);
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
        self.shared.open().remove(&self.id);
        self.shared.dispatcher.count_connection_closed();
        self.shared.ended.notify_all();
    }
}
