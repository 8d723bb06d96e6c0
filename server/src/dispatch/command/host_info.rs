//! `hostInfo`: the machine.

use std::fs;

use tallymap::bson::builder::Builder;

use super::hello::now_ms;
use crate::dispatch::call::Call;
use crate::dispatch::failure::Outcome;
use crate::dispatch::put::Put;

/// Describes it.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    let mut out = Builder::new();
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    out.put_document("system", |out| {
        out.put_date("currentTime", now_ms());
        out.str("hostname", &host(call));
        out.put_i32("cpuAddrSize", usize::BITS as i32);
        out.put_i64("memSizeMB", memory_mib());
        out.put_i64("memLimitMB", memory_mib());
        out.put_i32("numCores", cores as i32);
        out.str("cpuArch", std::env::consts::ARCH);
        out.put_bool("numaEnabled", false);
    });
    out.put_document("os", |out| {
        out.str("type", "Linux");
        out.str("name", std::env::consts::OS);
        out.str("version", &first_line("/proc/sys/kernel/osrelease"));
    });
    out.put_document("extra", |out| {
        out.str("versionString", &first_line("/proc/version"));
    });
    Ok(out)
}

/// Name and port, as other replies have them.
pub fn host(call: &Call<'_>) -> String {
    format!("{}:{}", host_name(), call.port())
}

/// The machine's name.
pub fn host_name() -> String {
    first_line("/proc/sys/kernel/hostname")
}

fn first_line(file: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().next().unwrap_or_default().to_owned()
}

/// Memory of the machine, MiB; 0 where the kernel does not say.
fn memory_mib() -> i64 {
    kib_of("/proc/meminfo", "MemTotal:") >> 10
}

/// A figure of one of the kernel's tables, KiB; 0 if it is not there.
pub fn kib_of(file: &str, name: &str) -> i64 {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
