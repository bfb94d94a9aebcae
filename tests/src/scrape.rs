use std::collections::BTreeSet;

use reqwest::Client;

/// One answer of `/metrics`.
#[derive(Debug, Clone)]
pub struct Scrape {
    /// The answer's text.
    pub text: String,
}

impl Scrape {
    /// Scrapes the server at `url`.
    pub async fn of(url: &str) -> Self {
        let answer = Client::new().get(format!("{url}/metrics")).send();
        let answer = answer.await.unwrap();
        assert_eq!(answer.status(), 200);
        let text = answer.text().await.unwrap();
        Self { text }
    }

    /// The sum of the values of `name` that have all of `labels`, each given as `name="value"`.
    /// `None` if there is no value.
    #[must_use]
    pub fn value(&self, name: &str, labels: &[&str]) -> Option<f64> {
        let values = self.text.lines().filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            let (found, theirs) = series.split_once('{').unwrap_or((series, ""));
            let fits = found == name && labels.iter().all(|label| theirs.contains(label));
            fits.then(|| value.parse::<f64>().unwrap())
        });
        values.reduce(|one, other| one + other)
    }

    /// As [`Scrape::value`]; panics if there is no value.
    #[must_use]
    pub fn number(&self, name: &str, labels: &[&str]) -> f64 {
        let value = self.value(name, labels);
        value.unwrap_or_else(|| panic!("no {name} {labels:?} in {}", self.text))
    }

    /// The names of all metrics.
    #[must_use]
    pub fn names(&self) -> BTreeSet<&str> {
        let helps = self.text.lines();
        let helps = helps.filter_map(|line| line.strip_prefix("# HELP "));
        helps.filter_map(|line| line.split(' ').next()).collect()
    }
}
