//! The rules inside the crates: files import each other without circles, and layers only downwards.
//!
//! Every path that begins with `crate`, `super`, `self` or a child module is an import of the file
//! that it leads to, in code that is not a test; so is a re-export.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

type Module = Vec<String>;
type Imports = BTreeMap<Module, BTreeSet<Module>>;

/// The layers of each crate, lowest first. Modules that no layer names belong to the first layer
/// (`""`), if there is one, else to the last.
const LAYERS: &[(&str, &[&str])] = &[
    ("crypto", &[""]),
    ("domain", &["", "ports", "vault"]),
    ("egress", &[""]),
    ("pgdev", &[""]),
    (
        "storage",
        &[
            "connect quote sql",
            "rows credential_rows policy_rows pg_time transaction",
            "writes",
            "batch",
            "store",
            "*",
        ],
    ),
    (
        "web",
        &[
            "",
            "metrics",
            "rate_limit",
            "surface",
            "state",
            "auth body client_ip fields query sizes",
            "middleware",
            "server",
        ],
    ),
    ("api", &["", "openapi", "routes", "app"]),
    ("console", &["", "pages", "app"]),
    ("strongroom", &["", "service", "commands"]),
];

#[test]
fn files_import_each_other_without_circles() {
    for (name, _) in LAYERS {
        let imports = imports_of(name);
        assert!(imports.len() > 5, "{name}: no files were read");
        assert_eq!(
            circle(&imports),
            None,
            "a circle of imports in crates/{name}"
        );
    }
}

#[test]
fn layers_import_from_lower_ones_alone() {
    for (name, layers) in LAYERS {
        for (module, targets) in imports_of(name) {
            for target in &targets {
                let (from, to) = (layer(layers, &module), layer(layers, target));
                let upwards = !module.is_empty() && to > from;
                assert!(
                    !upwards,
                    "{name}: {} imports {}",
                    module.join("::"),
                    target.join("::")
                );
            }
        }
    }
}

#[test]
fn a_circle_is_found_in_imports_of_every_form() {
    let files = BTreeMap::from([
        (module(""), "mod a; mod b;"),
        (module("a"), "use crate::b::{self, Thing as Other};"),
        (
            module("b"),
            "fn f() { super::a::g() } #[cfg(test)] mod tests { use crate::c::X; }",
        ),
        (
            module("c"),
            "// use crate::a::X;\nconst TEXT: &str = \"crate::b::X\";",
        ),
    ]);
    let imports = read_imports(&files);
    assert_eq!(circle(&imports), Some(vec!["a".to_owned(), "b".to_owned()]));
    let imports = Imports::from([(module("a"), BTreeSet::from([module("b")]))]);
    assert_eq!(circle(&imports), None);
}

fn module(path: &str) -> Module {
    path.split("::")
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

fn layer(layers: &[&str], module: &[String]) -> usize {
    let first = module.first().map_or("", String::as_str);
    let named = layers
        .iter()
        .position(|layer| layer.split(' ').any(|name| name == first));
    let rest = || {
        layers
            .iter()
            .position(|layer| layer.is_empty() || *layer == "*")
    };
    named.or_else(rest).unwrap_or(layers.len())
}

fn imports_of(name: &str) -> Imports {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../crates")
        .join(name)
        .join("src");
    let mut files = BTreeMap::new();
    collect(&root, &mut Vec::new(), &mut files);
    let texts: BTreeMap<Module, String> = files
        .into_iter()
        .map(|(module, path)| (module, std::fs::read_to_string(path).unwrap()))
        .collect();
    read_imports(&texts)
}

fn collect(folder: &Path, inside: &mut Module, files: &mut BTreeMap<Module, PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        inside.push(name.clone());
        if path.is_dir() {
            collect(&path, inside, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let own = matches!(name.as_str(), "mod" | "lib" | "main");
            let module = inside[..inside.len() - usize::from(own)].to_vec();
            files.insert(module, path);
        }
        inside.pop();
    }
}

fn read_imports<T: AsRef<str>>(files: &BTreeMap<Module, T>) -> Imports {
    let modules: BTreeSet<Module> = files.keys().cloned().collect();
    files
        .iter()
        .map(|(module, text)| {
            let tokens: TokenStream = text.as_ref().parse().unwrap();
            let mut targets = BTreeSet::new();
            for path in paths(tokens) {
                targets.extend(resolve(&modules, module, &path));
            }
            targets.remove(module);
            (module.clone(), targets)
        })
        .collect()
}

/// Every path in `tokens`, use trees written out; without the modules for tests.
fn paths(tokens: TokenStream) -> Vec<Vec<String>> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let (mut found, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        if is_test_module(&tokens[at..]) {
            at += 5;
            continue;
        }
        match &tokens[at] {
            TokenTree::Ident(_) => {
                let (path, end) = path_at(&tokens, at);
                match tokens.get(end) {
                    Some(TokenTree::Group(tree))
                        if tree.delimiter() == Delimiter::Brace && ends_open(&tokens, end) =>
                    {
                        for rest in paths(tree.stream()) {
                            found.push([path.clone(), rest].concat());
                        }
                        at = end + 1;
                        continue;
                    }
                    _ => found.push(path),
                }
                at = end.max(at + 1);
            }
            TokenTree::Group(group) => {
                found.extend(paths(group.stream()));
                at += 1;
            }
            _ => at += 1,
        }
    }
    found
}

/// The path that begins at `at`, and where it ends.
fn path_at(tokens: &[TokenTree], at: usize) -> (Vec<String>, usize) {
    let (mut path, mut next) = (vec![tokens[at].to_string()], at + 1);
    while is_colons(tokens, next) {
        match tokens.get(next + 2) {
            Some(TokenTree::Ident(segment)) => path.push(segment.to_string()),
            _ => return (path, next + 2),
        }
        next += 3;
    }
    (path, next)
}

fn is_colons(tokens: &[TokenTree], at: usize) -> bool {
    let colon =
        |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == ':');
    colon(at) && colon(at + 1)
}

/// Whether the group at `at` follows `::`, so that it is a use tree.
fn ends_open(tokens: &[TokenTree], at: usize) -> bool {
    at >= 2 && is_colons(tokens, at - 2)
}

fn is_test_module(tokens: &[TokenTree]) -> bool {
    let text: Vec<String> = tokens.iter().take(4).map(ToString::to_string).collect();
    match &text[..] {
        [hash, cfg, keyword, _] => {
            hash == "#" && cfg.replace(' ', "") == "[cfg(test)]" && keyword == "mod"
        }
        _ => false,
    }
}

/// The file that a path leads to.
fn resolve(modules: &BTreeSet<Module>, current: &Module, path: &[String]) -> Option<Module> {
    // A lone `crate` or `super` is a visibility.
    if path.len() < 2 {
        return None;
    }
    let (mut module, mut rest) = match path.first()?.as_str() {
        "crate" => (Vec::new(), &path[1..]),
        "self" => (current.clone(), &path[1..]),
        "super" => (current.clone(), path),
        first => {
            let child = [current.clone(), vec![first.to_owned()]].concat();
            modules.contains(&child).then(|| (current.clone(), path))?
        }
    };
    while rest.first().is_some_and(|name| name == "super") {
        module.pop();
        rest = &rest[1..];
    }
    while let Some(name) = rest.first() {
        let deeper = [module.clone(), vec![name.clone()]].concat();
        if !modules.contains(&deeper) {
            break;
        }
        (module, rest) = (deeper, &rest[1..]);
    }
    Some(module)
}

/// One circle of imports, if there is one.
fn circle(imports: &Imports) -> Option<Vec<String>> {
    let mut left: BTreeSet<&Module> = imports.keys().collect();
    loop {
        let is_free =
            |module: &&Module| imports[*module].iter().all(|target| !left.contains(target));
        let free: Vec<&Module> = left.iter().copied().filter(is_free).collect();
        if free.is_empty() {
            break;
        }
        left.retain(|module| !free.contains(module));
    }
    let mut walk: Vec<&Module> = vec![left.first()?];
    loop {
        let next = imports[*walk.last()?]
            .iter()
            .find(|target| left.contains(target))?;
        if let Some(start) = walk.iter().position(|module| *module == next) {
            return Some(
                walk[start..]
                    .iter()
                    .map(|module| module.join("::"))
                    .collect(),
            );
        }
        walk.push(next);
    }
}
