//! Where `serve` listens, and how it is talked to.

use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;

use crate::error::CliError;
use crate::wire::CONNECTIONS_MAX;
use crate::wire::compressor::Compressor;
use crate::wire::options::{Options, Tls, TlsMode, UnixSocket};

/// Options of the network.
#[derive(Debug, Args)]
#[command(next_help_heading = "Network")]
pub struct Network {
    /// The port to listen on; 0 for any that is free
    #[arg(long, default_value_t = 27017)]
    pub port: u16,
    /// Addresses and host names to listen at, separated by commas
    #[arg(
        long = "bind_ip",
        alias = "bind-ip",
        value_name = "LIST",
        default_value = "localhost",
        value_delimiter = ',',
        value_parser = address
    )]
    pub bind_ip: Vec<String>,
    /// Listen at every address of this machine
    #[arg(long = "bind_ip_all", value_parser = BoolishValueParser::new())]
    pub bind_ip_all: bool,
    /// Listen at IPv6 addresses too: ::1 for localhost, :: for all
    #[arg(long, value_parser = BoolishValueParser::new())]
    pub ipv6: bool,
    /// The folder of the unix socket mongodb-PORT.sock
    #[arg(long = "unixSocketPrefix", value_name = "DIR", default_value = "/tmp")]
    pub unix_socket_prefix: PathBuf,
    /// No unix socket
    #[arg(long, value_parser = BoolishValueParser::new())]
    pub nounixsocket: bool,
    /// Permissions of the unix socket, in octal
    #[arg(
        long = "filePermissions",
        value_name = "MODE",
        default_value = "0700",
        value_parser = mode
    )]
    pub file_permissions: u32,
    /// Most connections at a time
    #[arg(
        long = "maxConns",
        value_name = "N",
        default_value_t = CONNECTIONS_MAX as u32,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    pub max_conns: u32,
    /// Compressors that clients may choose from: of snappy, zstd, zlib; or disabled
    #[arg(
        long = "networkMessageCompressors",
        value_name = "LIST",
        default_value = "snappy,zstd,zlib"
    )]
    pub compressors: String,
    /// Serve /metrics and /healthz by HTTP, at ADDR:PORT or, on the loopback address, PORT
    #[arg(long, value_name = "ADDR:PORT", value_parser = http_address)]
    pub http: Option<String>,
}

/// Options of TLS.
#[derive(Debug, Args)]
#[command(next_help_heading = "TLS")]
pub struct Encryption {
    /// Who has to use TLS: disabled, allowTLS, preferTLS (who wants), requireTLS
    #[arg(
        long = "tlsMode",
        alias = "sslMode",
        value_name = "MODE",
        default_value = "disabled",
        value_parser = tls_mode
    )]
    pub tls_mode: TlsMode,
    /// PEM file with the certificate and its private key
    #[arg(long = "tlsCertificateKeyFile", alias = "sslPEMKeyFile", value_name = "FILE")]
    pub certificate_key_file: Option<PathBuf>,
    /// PEM file with the authorities for clients' certificates: they must show one then
    #[arg(long = "tlsCAFile", alias = "sslCAFile", value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Clients may come without a certificate in spite of --tlsCAFile
    #[arg(
        long = "tlsAllowConnectionsWithoutCertificates",
        alias = "sslAllowConnectionsWithoutCertificates",
        value_parser = BoolishValueParser::new()
    )]
    pub allow_without_certificates: bool,
}

impl Network {
    /// What the server is told.
    ///
    /// # Errors
    /// For options that contradict each other.
    pub fn options(&self, encryption: &Encryption) -> Result<Options, CliError> {
        let any = match self.ipv6 {
            true => vec!["0.0.0.0".to_owned(), "::".to_owned()],
            false => vec!["0.0.0.0".to_owned()],
        };
        Ok(Options {
            port: self.port,
            bind_ip: if self.bind_ip_all { any } else { self.bind_ip.clone() },
            ipv6: self.ipv6,
            unix_socket: (!self.nounixsocket).then(|| UnixSocket {
                prefix: self.unix_socket_prefix.clone(),
                mode: self.file_permissions,
            }),
            tls: encryption.tls()?,
            compressors: compressors(&self.compressors)?,
            max_connections: self.max_conns as usize,
        })
    }

    /// Can nobody but this machine's own processes connect?
    pub fn is_local(&self) -> bool {
        let is_local = |name: &String| {
            let ip: Option<std::net::IpAddr> = name.parse().ok();
            name == "localhost" || name.contains('/') || ip.is_some_and(|ip| ip.is_loopback())
        };
        !self.bind_ip_all && self.bind_ip.iter().all(is_local)
    }
}

impl Encryption {
    fn tls(&self) -> Result<Option<Tls>, CliError> {
        let usage = |text: String| Err(CliError::Usage(text));
        if self.tls_mode == TlsMode::Disabled {
            let given = match (&self.certificate_key_file, &self.ca_file) {
                (Some(_), _) => "--tlsCertificateKeyFile",
                (_, Some(_)) => "--tlsCAFile",
                _ => return Ok(None),
            };
            return usage(format!("{given} needs --tlsMode allowTLS, preferTLS or requireTLS"));
        }
        let Some(certificate_key_file) = self.certificate_key_file.clone() else {
            return usage("--tlsMode needs --tlsCertificateKeyFile FILE".to_owned());
        };
        Ok(Some(Tls {
            mode: self.tls_mode,
            certificate_key_file,
            ca_file: self.ca_file.clone(),
            allow_connections_without_certificates: self.allow_without_certificates,
        }))
    }
}

fn compressors(list: &str) -> Result<Vec<Compressor>, CliError> {
    let usage = |error| CliError::Usage(format!("--networkMessageCompressors: {error}"));
    Compressor::list(list).map_err(usage)
}

/// An address or the name of a host, or the path of a unix socket.
fn address(text: &str) -> Result<String, String> {
    let text = text.trim();
    let is_host = |text: &str| {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
        !text.is_empty() && text.chars().all(is_part)
    };
    match text.starts_with('/') || is_host(text) {
        true => Ok(text.to_owned()),
        false => Err("expected an address or the name of a host".to_owned()),
    }
}

fn mode(text: &str) -> Result<u32, String> {
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777);
    mode.ok_or_else(|| format!("'{text}' is no mode such as 0700"))
}

fn tls_mode(text: &str) -> Result<TlsMode, String> {
    text.replace("SSL", "TLS").parse()
}

/// A port stands for one of the loopback address.
fn http_address(text: &str) -> Result<String, String> {
    if text.parse::<u16>().is_ok() {
        return Ok(format!("127.0.0.1:{text}"));
    }
    match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
            Ok(text.to_owned())
        }
        _ => Err(format!("'{text}' is neither a port nor ADDR:PORT")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_options() {
        assert_eq!(address(" localhost"), Ok("localhost".to_owned()));
        assert!(address("::1").is_ok() && address("/tmp/a.sock").is_ok());
        assert!(address("").is_err() && address("a b").is_err());
        assert_eq!((mode("0700"), mode("666")), (Ok(0o700), Ok(0o666)));
        assert!(mode("8").is_err() && mode("1777").is_err());
        assert_eq!(tls_mode("requireSSL"), Ok(TlsMode::Require));
        assert_eq!(http_address("9216"), Ok("127.0.0.1:9216".to_owned()));
        assert!(http_address("[::1]:80").is_ok() && http_address("host:0").is_ok());
        assert!(http_address("host").is_err() && http_address(":80").is_err());
        assert_eq!(compressors("disabled").expect("none"), []);
        assert_eq!(compressors("snappy, zlib").expect("two").len(), 2);
        assert!(compressors("lzma").is_err());
    }
}
