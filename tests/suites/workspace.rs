//! The workspace's own rules: which crate may know which.

use std::collections::BTreeMap;

use cargo_metadata::{DependencyKind, MetadataCommand};

#[test]
fn arrows_between_crates_are_the_documented_ones() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("strongroom-crypto", &[][..]),
        ("strongroom-pgdev", &[]),
        ("strongroom-domain", &["strongroom-crypto"]),
        ("strongroom-storage", &["strongroom-domain"]),
        ("strongroom-web", &["strongroom-domain"]),
        ("strongroom-api", &["strongroom-domain", "strongroom-web"]),
        (
            "strongroom",
            &[
                "strongroom-api",
                "strongroom-domain",
                "strongroom-pgdev",
                "strongroom-storage",
                "strongroom-web",
            ],
        ),
        (
            "strongroom-e2e",
            &["strongroom-pgdev", "strongroom-storage"],
        ),
        (
            "strongroom-bench",
            &[
                "strongroom-domain",
                "strongroom-pgdev",
                "strongroom-storage",
            ],
        ),
    ]);
    // Libraries that only these crates may use.
    let confined: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("aes-gcm", &["strongroom-crypto"][..]),
        ("argon2", &["strongroom-crypto"]),
        ("ed25519-dalek", &["strongroom-crypto"]),
        ("actix-web", &["strongroom-web", "strongroom-api"]),
        ("actix-http", &["strongroom-web"]),
        ("actix-server", &["strongroom-web"]),
        ("governor", &["strongroom-web"]),
        ("age", &["strongroom", "strongroom-e2e"]),
        ("opentelemetry", &["strongroom"]),
        ("prometheus", &["strongroom-web"]),
        ("utoipa", &["strongroom-api"]),
        ("utoipa-swagger-ui", &["strongroom-api"]),
        ("deadpool-postgres", &["strongroom-storage"]),
        (
            "tokio-postgres",
            &[
                "strongroom-storage",
                "strongroom-pgdev",
                "strongroom-e2e",
                "strongroom-bench",
            ],
        ),
    ]);
    let metadata = MetadataCommand::new().no_deps().exec().unwrap();
    assert_eq!(
        metadata.packages.len(),
        allowed.len(),
        "a crate is missing from this test"
    );
    for package in &metadata.packages {
        let name = package.name.as_str();
        for dependency in &package.dependencies {
            let other = dependency.name.as_str();
            if other.starts_with("strongroom") && dependency.kind == DependencyKind::Normal {
                assert!(
                    allowed[name].contains(&other),
                    "{name} must not know {other}"
                );
            }
            if let Some(users) = confined.get(other) {
                assert!(users.contains(&name), "{name} must not use {other}");
            }
        }
    }
}
