use std::time::Duration;

use strongroom_storage::{DatabaseUrl, RegionSettings, RegionsSettings};

use super::sources::{ConfigError, Sources};
use super::values::time;

/// The regions, which of them is local, and what happens when it lags.
pub(super) fn regions_from(sources: &Sources) -> Result<RegionsSettings, ConfigError> {
    let all = sources.parse("regions", Vec::new(), region_list)?;
    let known = |text: &str| {
        let region = all.iter().find(|region| region.name == text);
        let names = all.iter().map(|region| region.name.as_str());
        region
            .map(|region| Some(region.name.clone()))
            .ok_or_else(|| {
                if all.is_empty() {
                    return "no regions are configured; name them in regions".to_owned();
                }
                format!(
                    "must be one of the regions: {}",
                    names.collect::<Vec<_>>().join(", ")
                )
            })
    };
    let local = sources.parse("region", None, known)?;
    Ok(RegionsSettings {
        local,
        max_lag: sources.parse("max_replica_lag", Duration::from_secs(10), time)?,
        refuse_stale: sources.parse("stale_reads", false, stale_reads)?,
        all,
    })
}

// NAME=URL, separated by white space, since a URL of several hosts has commas.
fn region_list(text: &str) -> Result<Vec<RegionSettings>, String> {
    let mut regions: Vec<RegionSettings> = Vec::new();
    for entry in text.split_whitespace() {
        let (name, url) = entry
            .split_once('=')
            .ok_or("must be entries of the form NAME=URL, separated by spaces")?;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if name.is_empty() || name.len() > 63 || !name.bytes().all(allowed) {
            return Err("a region's name must be 1 to 63 letters, digits, - or _".into());
        }
        if regions.iter().any(|region| region.name == name) {
            return Err(format!("names the region {name} twice"));
        }
        let url = DatabaseUrl::parse(url).map_err(|error| format!("region {name}: {error}"))?;
        let name = name.to_owned();
        regions.push(RegionSettings { name, url });
    }
    Ok(regions)
}

fn stale_reads(text: &str) -> Result<bool, String> {
    match text {
        "serve" => Ok(false),
        "refuse" => Ok(true),
        _ => Err("must be serve or refuse".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_have_names_and_urls() {
        let read = region_list("eu=postgresql://u@a,b/d\n us=postgresql://u@c/d").unwrap();
        let names: Vec<_> = read.iter().map(|region| region.name.as_str()).collect();
        assert_eq!(names, ["eu", "us"]);
        assert!(region_list("").unwrap().is_empty());
        for bad in [
            "eu",
            "=postgresql://u@a/d",
            "e.u=postgresql://u@a/d",
            "eu=mysql://u:hunter2@a/d",
            "eu=postgresql://u@a/d eu=postgresql://u:hunter2@b/d",
        ] {
            assert!(!region_list(bad).unwrap_err().contains("hunter2"), "{bad}");
        }
    }
}
