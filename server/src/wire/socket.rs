//! A connected socket, TCP or unix, to be used by its thread and ended by another.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{RecvFlags, recv, sockopt};

/// Time without a word after which the system asks whether the other side is still there.
const KEEPALIVE: Duration = Duration::from_secs(300);

/// A connected socket.
#[derive(Debug)]
pub enum Socket {
    /// Of an address.
    Tcp(TcpStream),
    /// Of a file.
    Unix(UnixStream),
}

impl Socket {
    /// Makes it ready to be talked over: answers are sent at once, and a write that nobody
    /// reads ends after `patience`.
    ///
    /// # Errors
    /// The system's.
    pub fn prepare(&self, patience: Duration) -> io::Result<()> {
        if let Socket::Tcp(stream) = self {
            // An answer is one write: there is nothing to wait for.
            stream.set_nodelay(true)?;
            sockopt::set_socket_keepalive(stream, true)?;
            sockopt::set_tcp_keepidle(stream, KEEPALIVE)?;
        }
        match self {
            Socket::Tcp(stream) => stream.set_write_timeout(Some(patience)),
            Socket::Unix(stream) => stream.set_write_timeout(Some(patience)),
        }
    }

    /// Ends a read after so long.
    ///
    /// # Errors
    /// The system's.
    pub fn set_read_timeout(&self, patience: Option<Duration>) -> io::Result<()> {
        match self {
            Socket::Tcp(stream) => stream.set_read_timeout(patience),
            Socket::Unix(stream) => stream.set_read_timeout(patience),
        }
    }

    /// Waits for the first byte, and leaves it there. None at the end.
    ///
    /// # Errors
    /// The system's.
    pub fn peek(&self) -> io::Result<Option<u8>> {
        let mut byte = [0];
        loop {
            match recv(self, &mut byte, RecvFlags::PEEK) {
                Ok((0, _)) => return Ok(None),
                Ok(_) => return Ok(Some(byte[0])),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Did the other side end it? What it sent before may be there still.
    pub fn is_hung_up(&self) -> bool {
        let mut fds = [PollFd::new(self, PollFlags::RDHUP)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut fds, Some(&now)).is_ok_and(|count| count > 0)
    }

    /// Ends what comes, or both ways. One that is ended already stays so.
    pub fn shutdown(&self, how: Shutdown) {
        let _ = match self {
            Socket::Tcp(stream) => stream.shutdown(how),
            Socket::Unix(stream) => stream.shutdown(how),
        };
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Socket::Tcp(stream) => stream.as_fd(),
            Socket::Unix(stream) => stream.as_fd(),
        }
    }
}

impl Read for &Socket {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(stream) => (&*stream).read(bytes),
            Socket::Unix(stream) => (&*stream).read(bytes),
        }
    }
}

impl Write for &Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(stream) => (&*stream).write(bytes),
            Socket::Unix(stream) => (&*stream).write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
