//! Rules for dependencies between the crates of the workspace.

use std::collections::BTreeMap;

use cargo_metadata::{DependencyKind, MetadataCommand};

type Names = &'static [&'static str];

/// The crates of the workspace that each crate may use.
fn allowed() -> BTreeMap<&'static str, Names> {
    BTreeMap::from([
        ("strongroom-crypto", &[][..]),
        ("strongroom-pgdev", &[]),
        ("strongroom-domain", &["strongroom-crypto"]),
        ("strongroom-storage", &["strongroom-domain"]),
        ("strongroom-egress", &["strongroom-domain"]),
        ("strongroom-web", &["strongroom-domain"]),
        ("strongroom-api", &["strongroom-domain", "strongroom-web"]),
        (
            "strongroom-console",
            &["strongroom-domain", "strongroom-web"],
        ),
        (
            "strongroom",
            &[
                "strongroom-api",
                "strongroom-console",
                "strongroom-domain",
                "strongroom-egress",
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
    ])
}

/// Libraries that only some crates may use.
fn confined() -> BTreeMap<&'static str, Names> {
    BTreeMap::from([
        ("aes-gcm", &["strongroom-crypto"][..]),
        ("argon2", &["strongroom-crypto"]),
        ("ed25519-dalek", &["strongroom-crypto"]),
        (
            "actix-web",
            &["strongroom-web", "strongroom-api", "strongroom-console"],
        ),
        ("askama", &["strongroom-console"]),
        ("actix-http", &["strongroom-web"]),
        ("actix-server", &["strongroom-web"]),
        ("governor", &["strongroom-web"]),
        ("age", &["strongroom", "strongroom-e2e"]),
        ("hickory-resolver", &["strongroom-egress"]),
        ("hyper", &["strongroom-egress", "strongroom-e2e"]),
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
    ])
}

#[test]
fn arrows_between_crates_are_the_documented_ones() {
    let (allowed, confined) = (allowed(), confined());
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
