use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType,
};
use strongroom_domain::health::histogram::Distribution;

/// A label's name and value.
pub(super) type Label<'a> = (&'static str, &'a str);

/// A metric with its values, one for each combination of labels.
pub(super) struct Family {
    name: &'static str,
    help: &'static str,
    kind: MetricType,
    metrics: Vec<Metric>,
}

impl Family {
    /// A number that never decreases while the process lives.
    pub(super) fn counter(name: &'static str, help: &'static str) -> Self {
        Self::new(name, help, MetricType::COUNTER)
    }

    /// A number that increases and decreases.
    pub(super) fn gauge(name: &'static str, help: &'static str) -> Self {
        Self::new(name, help, MetricType::GAUGE)
    }

    /// A distribution of values.
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

    /// The metric with one value and no labels.
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

    /// Adds a distribution, whose values are divided by `unit`.
    pub(super) fn add_distribution(
        &mut self,
        labels: &[Label<'_>],
        distribution: &Distribution,
        unit: f64,
    ) {
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
            distribution
                .bounds
                .iter()
                .zip(&distribution.counts)
                .map(&mut bucket)
                .collect(),
        );
        histogram.set_sample_count(distribution.counts.iter().sum());
        histogram.set_sample_sum(distribution.sum as f64 / unit);
        let mut metric = labeled(labels);
        metric.set_histogram(histogram);
        self.metrics.push(metric);
    }

    /// The metric for the encoder, which refuses one without values.
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
