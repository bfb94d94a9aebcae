//! The tests that docs/reliability.md names exist.

use std::path::Path;

#[test]
fn every_promise_has_its_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = std::fs::read_to_string(root.join("docs/reliability.md")).unwrap();
    let mut named = 0;
    for word in text.split('`').skip(1).step_by(2) {
        let Some((file, test)) = word.split_once("::") else {
            continue;
        };
        let file = root.join("tests").join(file);
        let source = std::fs::read_to_string(&file)
            .unwrap_or_else(|error| panic!("{word}: {}: {error}", file.display()));
        let exists = source.contains(&format!("fn {test}("));
        assert!(exists, "{word} is not a test");
        named += 1;
    }
    assert!(named > 20, "only {named} tests are named");
}
