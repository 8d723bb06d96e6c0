//! Telling systemd how the service is: ready, stopping, still alive.
//!
//! Messages are datagrams to the socket that `NOTIFY_SOCKET` names. Without one, and if nobody
//! takes them, nothing happens.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// Tells systemd.
#[derive(Debug, Default)]
pub struct Notifier {
    socket: Option<UnixDatagram>,
    watchdog: Option<Duration>,
}

impl Notifier {
    /// What the environment says.
    pub fn from_environment() -> Notifier {
        let text = |name| env::var(name).ok();
        let is_ours = text("WATCHDOG_PID").is_none_or(|pid| pid == std::process::id().to_string());
        let watchdog = text("WATCHDOG_USEC").filter(|_| is_ours);
        let watchdog = watchdog.and_then(|us| us.parse().ok()).filter(|us| *us > 0);
        let socket = env::var_os("NOTIFY_SOCKET").and_then(|name| connect(&name).ok());
        Notifier { socket, watchdog: watchdog.map(Duration::from_micros) }
    }

    /// Time between two signs of life: half of what systemd waits for one. None if it does not.
    pub fn watchdog(&self) -> Option<Duration> {
        self.socket.as_ref().and(self.watchdog).map(|time| time / 2)
    }

    /// The service takes connections.
    pub fn ready(&self, status: &str) {
        self.send(&format!("READY=1\nMAINPID={}\nSTATUS={status}", std::process::id()));
    }

    /// It does something.
    pub fn status(&self, status: &str) {
        self.send(&format!("STATUS={status}"));
    }

    /// It is about to end.
    pub fn stopping(&self) {
        self.send("STOPPING=1\nSTATUS=closing the data directory");
    }

    /// It lives.
    pub fn alive(&self) {
        self.send("WATCHDOG=1");
    }

    fn send(&self, message: &str) {
        if let Some(socket) = &self.socket {
            // Who does not listen is not told.
            let _ = socket.send(message.as_bytes());
        }
    }
}

/// A socket in the file system, or, after `@`, in the abstract name space.
fn connect(name: &OsStr) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    match name.as_bytes() {
        [b'@', name @ ..] => socket.connect_addr(&SocketAddr::from_abstract_name(name)?)?,
        [b'/', ..] => socket.connect(name)?,
        _ => return Err(io::ErrorKind::InvalidInput.into()),
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(socket: &UnixDatagram) -> String {
        let mut message = [0; 200];
        let len = socket.recv(&mut message).expect("a message");
        String::from_utf8_lossy(&message[..len]).into_owned()
    }

    #[test]
    fn messages_arrive_by_either_kind_of_name() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("notify");
        let there = UnixDatagram::bind(&path).expect("bound");
        let hidden = format!("tallymap-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&hidden).expect("a name");
        let abstracted = UnixDatagram::bind_addr(&address).expect("bound");
        for (name, socket) in
            [(path.into_os_string(), there), (format!("@{hidden}").into(), abstracted)]
        {
            let socket_to = connect(&name).expect("connected");
            let watchdog = Some(Duration::from_secs(4));
            let notifier = Notifier { socket: Some(socket_to), watchdog };
            assert_eq!(notifier.watchdog(), Some(Duration::from_secs(2)));
            notifier.ready("serving");
            let expected = format!("READY=1\nMAINPID={}\nSTATUS=serving", std::process::id());
            assert_eq!(received(&socket), expected);
            notifier.alive();
            assert_eq!(received(&socket), "WATCHDOG=1");
            notifier.stopping();
            assert!(received(&socket).starts_with("STOPPING=1\n"));
        }
    }

    #[test]
    fn nobody_has_to_listen() {
        assert!(connect(OsStr::new("relative")).is_err());
        assert!(connect(OsStr::new("/nonexistent/notify")).is_err());
        let notifier = Notifier { socket: None, watchdog: Some(Duration::from_secs(1)) };
        notifier.ready("");
        assert_eq!(notifier.watchdog(), None);
    }
}
