//! The options as `getCmdLineOpts` shows them: under the names of mongod's configuration file,
//! wherever they were told.

use bson::{Document, doc};

use super::Serve;
use crate::wire::TlsMode;

impl Serve {
    /// Those that were told something else than the default, and where and what is served.
    pub(super) fn parsed(&self) -> Document {
        let mut out = Document::new();
        if let Some(file) = &self.general.config {
            out.insert("config", file.display().to_string());
        }
        out.insert("net", self.net());
        if let Some(path) = &self.logs.pid_file {
            out.insert("processManagement", doc! { "pidFilePath": path.display().to_string() });
        }
        if self.security.auth {
            out.insert("security", doc! { "authorization": "enabled" });
        }
        let parameters: Document = self
            .parameters
            .set_parameter
            .iter()
            .filter_map(|text| text.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        if !parameters.is_empty() {
            out.insert("setParameter", parameters);
        }
        out.insert("storage", self.files());
        let log = self.log();
        if !log.is_empty() {
            out.insert("systemLog", log);
        }
        out
    }

    fn net(&self) -> Document {
        let network = &self.network;
        let mut net = match network.bind_ip_all {
            true => doc! { "bindIpAll": true },
            false => doc! { "bindIp": network.bind_ip.join(",") },
        };
        if network.ipv6 {
            net.insert("ipv6", true);
        }
        net.insert("port", i32::from(network.port));
        let encryption = &self.encryption;
        if encryption.tls_mode != TlsMode::Disabled {
            let mut tls = doc! { "mode": encryption.tls_mode.name() };
            for (name, file) in [
                ("certificateKeyFile", &encryption.certificate_key_file),
                ("CAFile", &encryption.ca_file),
            ] {
                if let Some(file) = file {
                    tls.insert(name, file.display().to_string());
                }
            }
            net.insert("tls", tls);
        }
        if network.nounixsocket {
            net.insert("unixDomainSocket", doc! { "enabled": false });
        }
        net
    }

    fn files(&self) -> Document {
        let storage = &self.storage;
        let mut out = Document::new();
        if let Some(dbpath) = &storage.dbpath {
            out.insert("dbPath", dbpath.display().to_string());
        }
        if storage.directoryperdb {
            out.insert("directoryPerDB", true);
        }
        if storage.nojournal {
            out.insert("journal", doc! { "enabled": false });
        }
        out.insert("engine", "mmapv1");
        out
    }

    fn log(&self) -> Document {
        let logs = &self.logs;
        let mut out = Document::new();
        if let Some(path) = &logs.logpath {
            out.insert("destination", "file");
            out.insert("path", path.display().to_string());
        }
        if logs.logappend {
            out.insert("logAppend", true);
        }
        if logs.quiet {
            out.insert("quiet", true);
        }
        if logs.verbose > 0 {
            out.insert("verbosity", i32::from(logs.verbose));
        }
        out
    }
}
