//! `tallymap serve` on a disk whose syncs take longer: what sharing one is worth depends on that.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tallymap::disk::{Access, DirEntry, Disk, DiskFile, Metadata, OsDisk, PrivateView};
use tallymap::{Engine, Result};
use tallymap_server::dispatch::Dispatcher;
use tallymap_server::wire::options::Options;
use tallymap_server::wire::server::Server;

/// What a sync takes beyond the disk's own time: that of a good disk which keeps what it synced
/// when the power fails.
const LONGER: Duration = Duration::from_micros(500);

/// The server's commands and connections.
pub fn serve(port: u16, dbpath: &Path) -> io::Result<()> {
    let disk = SlowDisk { below: OsDisk::create(dbpath).map_err(io::Error::other)? };
    let engine = Engine::builder(dbpath).disk(Arc::new(disk)).open().map_err(io::Error::other)?;
    let options = Options { port, unix_socket: None, ..Options::default() };
    let server = Server::bind(Dispatcher::new(engine), &options).map_err(io::Error::other)?;
    server.run();
    Ok(())
}

#[derive(Debug)]
struct SlowDisk {
    below: OsDisk,
}

impl Disk for SlowDisk {
    fn dbpath(&self) -> &Path {
        self.below.dbpath()
    }

    fn list(&self, dir: &Path) -> Result<Vec<DirEntry>> {
        self.below.list(dir)
    }

    fn metadata(&self, path: &Path) -> Result<Option<Metadata>> {
        self.below.metadata(path)
    }

    fn open(&self, path: &Path, access: Access) -> Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(SlowFile { below: self.below.open(path, access)? }))
    }

    fn create(&self, path: &Path, len: u64) -> Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(SlowFile { below: self.below.create(path, len)? }))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        self.below.rename(from, to)
    }

    fn remove(&self, path: &Path) -> Result<()> {
        self.below.remove(path)
    }

    fn create_dir_all(&self, dir: &Path) -> Result<()> {
        self.below.create_dir_all(dir)
    }

    fn remove_dir_all(&self, dir: &Path) -> Result<()> {
        self.below.remove_dir_all(dir)
    }

    fn sync_dir(&self, dir: &Path) -> Result<()> {
        self.below.sync_dir(dir)
    }

    fn lock(&self, path: &Path, access: Access) -> Result<Option<Arc<dyn DiskFile>>> {
        self.below.lock(path, access)
    }
}

#[derive(Debug)]
struct SlowFile {
    below: Arc<dyn DiskFile>,
}

impl DiskFile for SlowFile {
    fn len(&self) -> Result<u64> {
        self.below.len()
    }

    fn read_at(&self, ofs: u64, out: &mut [u8]) -> Result<()> {
        self.below.read_at(ofs, out)
    }

    fn write_at(&self, ofs: u64, bytes: &[u8]) -> Result<()> {
        self.below.write_at(ofs, bytes)
    }

    fn sync(&self) -> Result<()> {
        self.below.sync()?;
        thread::sleep(LONGER);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.below.set_len(len)
    }

    fn map_private(&self) -> Result<PrivateView> {
        self.below.map_private()
    }
}
