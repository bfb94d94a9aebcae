//! Changes that an attacker with all rights can make to stored rows.

fn flip(table: &str, column: &str, bit: &str, of: &str) -> String {
    format!(
        "update {table} set {column} = set_bit({column}, {bit}, 1 - get_bit({column}, {bit})) \
         where {of}"
    )
}

fn swap(columns: &[&str], one: &str, other: &str) -> String {
    let assignments: Vec<_> = columns
        .iter()
        .map(|column| format!("{column} = o.{column}"))
        .collect();
    format!(
        "update credentials c set {} from credentials o where c.cred_id in ({one}, {other}) \
         and o.cred_id in ({one}, {other}) and o.cred_id <> c.cred_id",
        assignments.join(", ")
    )
}

/// An attack in SQL, and the expected findings: the subject and the problem.
pub(super) type Case = (String, &'static [(&'static str, &'static str)]);

const UNWRAPPED: &[(&str, &str)] = &[("target", "does_not_open")];
const CHANGED: &[(&str, &str)] = &[
    ("target", "does_not_open"),
    ("target", "differs_from_trail"),
];

/// Attacks that flip single bits.
pub(super) fn flips() -> Vec<Case> {
    let mut cases = Vec::new();
    // Bits of the format byte, the nonce, the ciphertext and the tag.
    for bit in ["0", "8", "103", "104", "300", "length(wrapped_key) * 8 - 1"] {
        let of = "cred_id = :target";
        cases.push((flip("credentials", "wrapped_key", bit, of), UNWRAPPED));
        let bit = bit.replace("wrapped_key", "sealed_blob");
        cases.push((flip("credentials", "sealed_blob", &bit, of), CHANGED));
        let bit = bit.replace("sealed_blob", "wrapped_key");
        cases.push((
            flip("org_keys", "wrapped_key", &bit, "org_id = :org"),
            &[
                ("keys", "key_does_not_unwrap"),
                ("target", "key_missing"),
                ("neighbor", "key_missing"),
            ],
        ));
    }
    cases
}

/// Attacks that exchange columns between rows.
pub(super) fn swaps() -> Vec<Case> {
    let both = ["wrapped_key", "sealed_blob"];
    let unwrapped = &[("target", "does_not_open"), ("neighbor", "does_not_open")][..];
    let changed = &[
        ("target", "does_not_open"),
        ("target", "differs_from_trail"),
        ("neighbor", "does_not_open"),
        ("neighbor", "differs_from_trail"),
    ][..];
    let across = &[
        ("target", "does_not_open"),
        ("target", "differs_from_trail"),
        ("foreign", "does_not_open"),
        ("foreign", "differs_from_trail"),
    ][..];
    vec![
        (swap(&both[..1], ":target", ":neighbor"), unwrapped),
        (swap(&both[1..], ":target", ":neighbor"), changed),
        (swap(&both, ":target", ":neighbor"), changed),
        (swap(&both, ":target", ":foreign"), across),
        (
            "update org_keys k set wrapped_key = o.wrapped_key from org_keys o \
             where k.org_id = :org and o.org_id <> k.org_id"
                .into(),
            &[
                ("keys", "key_does_not_unwrap"),
                ("target", "key_missing"),
                ("neighbor", "key_missing"),
            ],
        ),
    ]
}

/// Attacks that change columns, and that replace or remove rows.
pub(super) fn edits() -> Vec<Case> {
    let set = |what: &str| format!("update credentials set {what} where cred_id = :target");
    let old = "delete from credentials where cred_id = :target; \
               insert into credentials select * from old_credentials where cred_id = :target";
    vec![
        (set("provider = 'google'"), CHANGED),
        (set("cred_type = 'access_token'"), CHANGED),
        (set("pieces_user = 'somebody'"), CHANGED),
        (set("provider = 'nonsense'"), &[("target", "malformed")]),
        (set("updated_at = 'infinity'"), &[("target", "malformed")]),
        (
            set("label = 'edited'"),
            &[
                ("target", "does_not_open"),
                ("target", "differs_from_trail"),
            ],
        ),
        (
            set("version = 3"),
            &[("target", "does_not_open"), ("target", "unwritten")],
        ),
        (set("key_generation = 7"), &[("target", "key_missing")]),
        (
            set("sealed_blob = decode(repeat('01', 2000000), 'hex')"),
            CHANGED,
        ),
        (old.into(), &[("target", "rolled_back")]),
        (
            "delete from credentials where cred_id = :target".into(),
            &[("target", "missing")],
        ),
        (
            "update org_keys set active = false where org_id = :org".into(),
            &[("keys", "no_active_key")],
        ),
    ]
}
