//! What `--http` shows of a server.

use crate::http::{Pages, metrics};
use crate::wire::server::Stopper;

/// The pages of a server.
#[derive(Debug)]
pub struct ServerPages {
    server: Stopper,
}

impl ServerPages {
    /// Those of the server that this would stop.
    pub fn new(server: Stopper) -> ServerPages {
        ServerPages { server }
    }
}

impl Pages for ServerPages {
    fn metrics(&self) -> String {
        metrics::page(self.server.dispatcher())
    }

    fn ailment(&self) -> Option<String> {
        if self.server.is_stopping() {
            return Some("shutting down".to_owned());
        }
        let writes = self.server.dispatcher().engine().check_writes();
        writes.err().map(|error| error.to_string())
    }
}
