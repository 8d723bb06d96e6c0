//! `--http`: the figures of a server for Prometheus, and whether it is well, by HTTP/1.1.
//!
//! Two pages for one kind of caller need no framework: a thread that listens, and one for as long
//! as each request takes. [`request`] reads, [`metrics`] has the figures, [`exposition`] writes
//! them.
//!
//! H1. A request has at most 8 KiB and five seconds, and there are at most sixteen at a time: who
//!     is slow, or many, hinders nobody but his own kind.
//! H2. Every connection has one answer and is closed then.

pub mod exposition;
pub mod metrics;
pub mod request;

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use self::request::{Method, Request};

/// Requests that are answered at a time (H1).
const REQUESTS_MAX: usize = 16;
/// Time that a request has (H1).
const PATIENCE: Duration = Duration::from_secs(5);
/// Time to wait when the system has no room for another connection.
const PAUSE: Duration = Duration::from_millis(50);
/// What Prometheus calls its own format of text.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
const TEXT_TYPE: &str = "text/plain; charset=utf-8";

/// What the pages show.
pub trait Pages: Send + Sync + 'static {
    /// The figures.
    fn metrics(&self) -> String;
    /// Why the server is not well; none if it is.
    fn ailment(&self) -> Option<String>;
}

/// Listens at `address` and answers from a thread of its own, as long as the process lives.
/// Answers where it listens.
///
/// # Errors
/// The system's.
pub fn serve(address: &str, pages: impl Pages) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(address)?;
    let address = listener.local_addr()?;
    let pages = Arc::new(pages);
    thread::Builder::new().name("http".to_owned()).spawn(move || listen(&listener, &pages))?;
    Ok(address)
}

fn listen<P: Pages>(listener: &TcpListener, pages: &Arc<P>) {
    let under_way = Arc::new(AtomicUsize::new(0));
    loop {
        let Ok((stream, _)) = listener.accept() else {
            thread::sleep(PAUSE);
            continue;
        };
        if under_way.fetch_add(1, Ordering::AcqRel) >= REQUESTS_MAX {
            under_way.fetch_sub(1, Ordering::AcqRel);
            continue;
        }
        let one = UnderWay(under_way.clone());
        let pages = pages.clone();
        let builder = thread::Builder::new().name("http".to_owned());
        // If there is no thread, dropping what it was to have ends the connection.
        let _ = builder.spawn(move || {
            let _one = one;
            // Who goes away is not answered.
            let _ = answer(stream, &*pages);
        });
    }
}

/// One request less is under way when it is dropped.
struct UnderWay(Arc<AtomicUsize>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn answer(mut stream: TcpStream, pages: &impl Pages) -> io::Result<()> {
    stream.set_write_timeout(Some(PATIENCE))?;
    let until = Instant::now() + PATIENCE;
    let (method, reply) = match request::read(&mut Impatient { stream: &stream, until })? {
        Ok(request) => (request.method, reply(&request, pages)),
        Err(status) => (Method::Get, Reply::new(status, format!("{status}\n"))),
    };
    stream.write_all(&reply.to_bytes(method))?;
    // What the caller sent beyond its request must not become a reset that takes the answer away.
    stream.shutdown(Shutdown::Write)?;
    io::copy(&mut Impatient { stream: &stream, until }.take(1 << 16), &mut io::sink())?;
    Ok(())
}

/// A stream whose reads together end by a certain time.
struct Impatient<'a> {
    stream: &'a TcpStream,
    until: Instant,
}

impl Read for Impatient<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))?;
        self.stream.read(into)
    }
}

fn reply(request: &Request, pages: &impl Pages) -> Reply {
    if request.method == Method::Other {
        return Reply::new("405 Method Not Allowed", "only GET and HEAD are answered\n".to_owned());
    }
    match request.path.as_str() {
        "/" => Reply::new("200 OK", "tallymap: /metrics /healthz\n".to_owned()),
        "/healthz" => match pages.ailment() {
            None => Reply::new("200 OK", "ok\n".to_owned()),
            Some(why) => Reply::new("503 Service Unavailable", format!("{why}\n")),
        },
        "/metrics" => Reply { kind: METRICS_TYPE, ..Reply::new("200 OK", pages.metrics()) },
        _ => Reply::new("404 Not Found", "there are /metrics and /healthz\n".to_owned()),
    }
}

/// An answer.
struct Reply {
    status: &'static str,
    kind: &'static str,
    body: String,
}

impl Reply {
    fn new(status: &'static str, body: String) -> Reply {
        Reply { status, kind: TEXT_TYPE, body }
    }

    fn to_bytes(&self, method: Method) -> Vec<u8> {
        let allow = if self.status.starts_with("405") { "Allow: GET, HEAD\r\n" } else { "" };
        let mut out = format!(
            "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{allow}\
             Cache-Control: no-store\r\nConnection: close\r\n\r\n",
            self.status,
            self.kind,
            self.body.len(),
        );
        if method != Method::Head {
            out.push_str(&self.body);
        }
        out.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(Option<&'static str>);

    impl Pages for Fixed {
        fn metrics(&self) -> String {
            "a 1\n".to_owned()
        }

        fn ailment(&self) -> Option<String> {
            self.0.map(str::to_owned)
        }
    }

    fn ask(address: SocketAddr, text: &str) -> String {
        let mut stream = TcpStream::connect(address).expect("connects");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
        stream.write_all(text.as_bytes()).expect("sent");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("a reply");
        reply
    }

    #[test]
    fn pages_and_what_is_none() {
        let address = serve("127.0.0.1:0", Fixed(None)).expect("listens");
        let get = |path| ask(address, &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"));
        let metrics = get("/metrics?x=1");
        assert!(metrics.starts_with("HTTP/1.1 200 OK\r\n"), "{metrics}");
        assert!(metrics.contains("Content-Type: text/plain; version=0.0.4"), "{metrics}");
        assert!(metrics.contains("Content-Length: 4\r\n"), "{metrics}");
        assert!(metrics.ends_with("\r\n\r\na 1\n"), "{metrics}");
        assert!(get("/healthz").ends_with("\r\n\r\nok\n"));
        assert!(get("/nothing").starts_with("HTTP/1.1 404 "));
        let head = ask(address, "HEAD /metrics HTTP/1.0\r\n\r\n");
        assert!(head.contains("Content-Length: 4\r\n") && head.ends_with("\r\n\r\n"), "{head}");
        let post = ask(address, "POST /metrics HTTP/1.1\r\nContent-Length: 2\r\n\r\nxx");
        assert!(post.starts_with("HTTP/1.1 405 ") && post.contains("Allow: GET"), "{post}");
        assert!(ask(address, "nonsense\r\n\r\n").starts_with("HTTP/1.1 400 "));
        let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(10_000));
        assert!(ask(address, &long).starts_with("HTTP/1.1 431 "));
    }

    #[test]
    fn who_is_not_well_says_why() {
        let address = serve("127.0.0.1:0", Fixed(Some("the journal has failed"))).expect("listens");
        let reply = ask(address, "GET /healthz HTTP/1.1\r\n\r\n");
        assert!(reply.starts_with("HTTP/1.1 503 "), "{reply}");
        assert!(reply.ends_with("the journal has failed\n"), "{reply}");
    }

    #[test]
    fn those_who_say_nothing_do_not_hinder_others_for_long() {
        let address = serve("127.0.0.1:0", Fixed(None)).expect("listens");
        let silent: Vec<_> =
            (0..REQUESTS_MAX - 1).map(|_| TcpStream::connect(address).expect("connects")).collect();
        let reply = ask(address, "GET /healthz HTTP/1.1\r\n\r\n");
        assert!(reply.ends_with("ok\n"), "{reply}");
        drop(silent);
    }
}
