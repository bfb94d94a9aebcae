use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use strongroom_e2e::{Checked, Counts, Fault};

/// What a soak has done.
#[derive(Default)]
pub(crate) struct Summary {
    pub(crate) rounds: usize,
    /// Servers that were replaced behind the load balancer.
    pub(crate) replaced: usize,
    /// The most memory that a server had at the end of a round, in bytes.
    pub(crate) memory: u64,
    faults: BTreeMap<String, Suffered>,
    counts: Counts,
    histories: usize,
    unacknowledged: (usize, usize),
}

#[derive(Default)]
struct Suffered {
    times: usize,
    longest: Duration,
    slowest: Duration,
}

impl Summary {
    pub(crate) fn survived(&mut self, fault: Fault, length: Duration, took: Duration) {
        println!(
            "  {fault:?} for {length:?}: back after {} ms",
            took.as_millis()
        );
        let suffered = self.faults.entry(format!("{fault:?}")).or_default();
        suffered.times += 1;
        suffered.longest = suffered.longest.max(length);
        suffered.slowest = suffered.slowest.max(took);
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
        writeln!(
            f,
            "  rounds                                  {}",
            self.rounds
        )?;
        for (fault, suffered) in &self.faults {
            let (longest, slowest) = (suffered.longest.as_millis(), suffered.slowest.as_millis());
            let times = suffered.times;
            writeln!(
                f,
                "  {fault:<22} {times:>4} times, the longest {longest:>5} ms; back after at most {slowest:>4} ms"
            )?;
        }
        let (lost, there) = self.unacknowledged;
        let Counts {
            done,
            written,
            refused,
            unknown,
            created,
            slowest_refusal,
        } = self.counts;
        writeln!(
            f,
            "  servers replaced without a failure      {}",
            self.replaced
        )?;
        writeln!(f, "  operations carried out                  {done}")?;
        writeln!(f, "  acknowledged writes, all there          {written}")?;
        writeln!(f, "  credentials created and read again      {created}")?;
        writeln!(f, "  requests refused with 503               {refused}")?;
        writeln!(
            f,
            "  slowest of these                        {} ms",
            slowest_refusal.as_millis()
        )?;
        writeln!(f, "  writes of unknown outcome               {unknown}")?;
        writeln!(
            f,
            "  creates without acknowledgement, there  {lost}, {there}"
        )?;
        writeln!(
            f,
            "  histories that are linearizable         {}",
            self.histories
        )?;
        write!(
            f,
            "  most memory of a server                 {} MiB",
            self.memory >> 20
        )
    }
}
