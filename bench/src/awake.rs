//! Keeps idle processors awake. On a virtual machine, to wake one takes longer than many an answer
//! of a server, and as long as a sync.

use std::fs::File;
use std::io::Write;

/// They stay awake while this lives.
pub struct Awake {
    _request: File,
}

impl Awake {
    /// Asks for it. `None` where the system does not let us.
    pub fn hold() -> Option<Awake> {
        let mut file = File::options().write(true).open("/dev/cpu_dma_latency").ok()?;
        // The longest time in µs that waking up may take, for as long as the file is open.
        file.write_all(&0i32.to_ne_bytes()).ok()?;
        Some(Awake { _request: file })
    }
}
