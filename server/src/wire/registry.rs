//! The open connections: how many there may be, and an end to all of them.

use std::collections::HashMap;
use std::net::Shutdown;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::CONNECTIONS_MAX;
use super::socket::Socket;

/// Lets the process open the files that so many connections need, as far as it may. Answers how
/// many it can.
fn raise_files(connections: usize) -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let wanted = connections as u64 * 5 / 4 + 5;
    let (Some(current), maximum) = (limit.current, limit.maximum.unwrap_or(u64::MAX)) else {
        return u64::MAX;
    };
    let raised = Rlimit { current: Some(wanted.min(maximum)), ..limit };
    match current < wanted && setrlimit(Resource::Nofile, raised).is_ok() {
        true => wanted.min(maximum),
        false => current,
    }
}

/// Open connections, by their numbers.
#[derive(Debug)]
pub struct Registry {
    open: Mutex<HashMap<i32, Arc<Socket>>>,
    /// Said when a connection ends.
    ended: Condvar,
    max: usize,
}

impl Registry {
    /// Room for `max` connections, or fewer if the system has not so many files: a fifth of
    /// them is left to the data.
    pub fn new(max: usize) -> Registry {
        let max = max.min(CONNECTIONS_MAX);
        let files = usize::try_from(raise_files(max)).unwrap_or(usize::MAX);
        let max = max.min(files / 5 * 4);
        Registry { open: Mutex::default(), ended: Condvar::new(), max }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<i32, Arc<Socket>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Most connections at a time.
    pub fn max(&self) -> usize {
        self.max
    }

    /// How many are open.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Adds a connection; false if there is no room for it.
    pub fn add(&self, id: i32, socket: Arc<Socket>) -> bool {
        let mut open = self.lock();
        let has_room = open.len() < self.max;
        if has_room {
            open.insert(id, socket);
        }
        has_room
    }

    /// Takes a connection off: it has ended.
    pub fn remove(&self, id: i32) {
        self.lock().remove(&id);
        self.ended.notify_all();
    }

    /// Is the other side of a connection gone?
    pub fn is_gone(&self, id: i32) -> bool {
        self.lock().get(&id).is_none_or(|socket| socket.is_hung_up())
    }

    /// Ends all connections. They have `patience` to answer what they were asked; then what they
    /// do is told to end by `kill`, and they have the same time again.
    pub fn end_all(&self, patience: Duration, kill: impl Fn()) {
        // Each finds the end of its input once it has answered; then the end of everything.
        for how in [Shutdown::Read, Shutdown::Both] {
            let mut open = self.lock();
            open.values().for_each(|socket| socket.shutdown(how));
            if how == Shutdown::Both && !open.is_empty() {
                kill();
            }
            let until = Instant::now() + patience;
            while !open.is_empty() {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    break;
                }
                let waited = self.ended.wait_timeout(open, left);
                open = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }
}
