//! The machine on which it ran, as far as the figures depend on it.

use std::fmt;
use std::fs;
use std::thread;

/// What it is.
pub(crate) struct Machine {
    cpu: String,
    cores: usize,
    kernel: String,
    memory_gib: u64,
    /// The mean number of processes that wanted to run in the minute before.
    load: String,
}

impl Machine {
    pub(crate) fn read() -> Self {
        let file = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let memory = field(&file("/proc/meminfo"), "MemTotal");
        let kibibytes: u64 = memory.trim_end_matches("kB").trim().parse().unwrap_or_default();
        let load = file("/proc/loadavg");
        Self {
            cpu: field(&file("/proc/cpuinfo"), "model name"),
            cores: thread::available_parallelism().map_or(0, usize::from),
            // What stands behind the version is its builder's.
            kernel: file("/proc/sys/kernel/osrelease").trim().split('-').take(1).collect(),
            memory_gib: (kibibytes + (1 << 19)) >> 20,
            load: load.split(' ').next().unwrap_or_default().to_owned(),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cpu, cores, kernel, memory_gib, load } = self;
        write!(
            formatter,
            "{cpu}, {cores} cores, {memory_gib} GiB of memory, Linux {kernel}; load before the run {load}"
        )
    }
}

/// The first line of this name, as `/proc` writes it.
fn field(text: &str, name: &str) -> String {
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    let found = lines.find(|(found, _)| found.trim() == name);
    found.map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_the_first_of_its_name() {
        let text = "processor\t: 0\nmodel name\t: One @ 2 GHz\n\nmodel name\t: Two\n";
        assert_eq!(field(text, "model name"), "One @ 2 GHz");
        assert_eq!(field(text, "flags"), "");
    }
}
