use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use strongroom_e2e::{Checked, Counts, Fault};

/// The results of a soak.
#[derive(Default)]
pub(crate) struct Summary {
    pub(crate) rounds: usize,
    /// The number of servers that were replaced behind the load balancer.
    pub(crate) replaced: usize,
    /// The largest resident memory of a server at the end of a round, in bytes.
    pub(crate) memory: u64,
    faults: BTreeMap<String, FaultSummary>,
    counts: Counts,
    histories: usize,
    unacknowledged: (usize, usize),
}

#[derive(Default)]
struct FaultSummary {
    times: usize,
    longest: Duration,
    slowest: Duration,
}

impl Summary {
    pub(crate) fn survived(&mut self, fault: Fault, length: Duration, took: Duration) {
        println!(
            "  {fault:?} for {length:?}: recovered after {} ms",
            took.as_millis()
        );
        let of_fault = self.faults.entry(format!("{fault:?}")).or_default();
        of_fault.times += 1;
        of_fault.longest = of_fault.longest.max(length);
        of_fault.slowest = of_fault.slowest.max(took);
    }

    pub(crate) fn add(&mut self, checked: &Checked) {
        let (all, new) = (&mut self.counts, checked.counts);
        all.done += new.done;
        all.written += new.written;
        all.refused += new.refused;
        all.unknown += new.unknown;
        all.created += new.created;
        all.slowest_refusal = all.slowest_refusal.max(new.slowest_refusal);
        self.histories += checked.histories;
        self.unacknowledged.0 += checked.unacknowledged.0;
        self.unacknowledged.1 += checked.unacknowledged.1;
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "nothing was lost")?;
        line(f, "rounds", self.rounds)?;
        for (fault, of_fault) in &self.faults {
            writeln!(f, "  {fault:<22} {of_fault}")?;
        }
        let counts = &self.counts;
        let (unacknowledged, present) = self.unacknowledged;
        line(f, "servers replaced without a failure", self.replaced)?;
        line(f, "operations that succeeded", counts.done)?;
        line(f, "acknowledged writes, all present", counts.written)?;
        line(f, "credentials created and read again", counts.created)?;
        line(f, "requests refused with 503", counts.refused)?;
        let slowest = format!("{} ms", counts.slowest_refusal.as_millis());
        line(f, "slowest of these", slowest)?;
        line(f, "writes with unknown outcome", counts.unknown)?;
        line(f, "unacknowledged creates", unacknowledged)?;
        line(f, "present of these", present)?;
        line(f, "linearizable histories", self.histories)?;
        let memory = format!("{} MiB", self.memory >> 20);
        line(f, "largest memory of a server", memory)
    }
}

fn line(f: &mut fmt::Formatter<'_>, what: &str, value: impl fmt::Display) -> fmt::Result {
    writeln!(f, "  {what:<40}{value}")
}

impl fmt::Display for FaultSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (longest, slowest) = (self.longest.as_millis(), self.slowest.as_millis());
        write!(
            f,
            "{:>4} times, the longest {longest:>5} ms; recovered after at most {slowest:>4} ms",
            self.times
        )
    }
}
