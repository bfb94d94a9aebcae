use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType,
};
use strongroom_domain::health::histogram::Distribution;

/// A label's name and value.
pub(super) type Label<'a> = (&'static str, &'a str);

/// A metric with all its labeled values.
pub(super) struct Family {
    name: &'static str,
    help: &'static str,
    kind: MetricType,
    metrics: Vec<Metric>,
}

impl Family {
    /// What only grows while the process lives.
    pub(super) fn counter(name: &'static str, help: &'static str) -> Self {
        Self::new(name, help, MetricType::COUNTER)
    }

    /// What goes up and down.
    pub(super) fn gauge(name: &'static str, help: &'static str) -> Self {
        Self::new(name, help, MetricType::GAUGE)
    }

    /// How values are distributed.
    pub(super) fn histogram(name: &'static str, help: &'static str) -> Self {
        Self::new(name, help, MetricType::HISTOGRAM)
    }

    fn new(name: &'static str, help: &'static str, kind: MetricType) -> Self {
        Self {
            name,
            help,
            kind,
            metrics: Vec::new(),
        }
    }

    /// With one value and no labels.
    pub(super) fn of(mut self, value: f64) -> MetricFamily {
        self.add(&[], value);
        self.finish()
    }

    /// Adds a value.
    pub(super) fn add(&mut self, labels: &[Label<'_>], value: f64) {
        let mut metric = labeled(labels);
        if self.kind == MetricType::GAUGE {
            let mut gauge = Gauge::default();
            gauge.set_value(value);
            metric.set_gauge(gauge);
        } else {
            let mut counter = Counter::default();
            counter.set_value(value);
            metric.set_counter(counter);
        }
        self.metrics.push(metric);
    }

    /// Adds a distribution, of whose values `unit` make one.
    pub(super) fn distribute(&mut self, labels: &[Label<'_>], seen: &Distribution, unit: f64) {
        let mut below = 0;
        let mut bucket = |(bound, count): (&u64, &u64)| {
            below += count;
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(*bound as f64 / unit);
            bucket.set_cumulative_count(below);
            bucket
        };
        let mut histogram = Histogram::default();
        histogram.set_bucket(
            seen.bounds
                .iter()
                .zip(&seen.counts)
                .map(&mut bucket)
                .collect(),
        );
        histogram.set_sample_count(seen.counts.iter().sum());
        histogram.set_sample_sum(seen.sum as f64 / unit);
        let mut metric = labeled(labels);
        metric.set_histogram(histogram);
        self.metrics.push(metric);
    }

    /// The metric for the encoder, which takes none without values.
    pub(super) fn finish(self) -> MetricFamily {
        let mut family = MetricFamily::default();
        family.set_name(self.name.to_owned());
        family.set_help(self.help.to_owned());
        family.set_field_type(self.kind);
        family.set_metric(self.metrics);
        family
    }
}

fn labeled(labels: &[Label<'_>]) -> Metric {
    let pair = |(name, value): &Label<'_>| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*value).to_owned());
        pair
    };
    let mut metric = Metric::default();
    metric.set_label(labels.iter().map(pair).collect());
    metric
}
