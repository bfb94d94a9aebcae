//! Clients that the usual generators make from the document: they compile, create, reveal, change,
//! list by cursor and delete.

use std::path::{Path, PathBuf};
use std::process::Command;

use strongroom_e2e::{TestVault, clients, run};

/// A folder with the document and the driver of a client.
struct Workshop {
    folder: tempfile::TempDir,
    generator: PathBuf,
}

impl Workshop {
    fn new(generator: &str, driver: &str, main: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let document = run(&["openapi"], &[]).stdout;
        std::fs::write(folder.path().join("openapi.json"), document).unwrap();
        let drivers = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients");
        std::fs::copy(drivers.join(driver), folder.path().join(main)).unwrap();
        let generator = clients().join(generator);
        Self { folder, generator }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a program in the folder; returns what it printed.
    fn run(&self, program: impl AsRef<Path>, args: &[&str]) -> String {
        let output = Command::new(program.as_ref())
            .args(args)
            .current_dir(self.folder.path())
            .env("PYTHONPATH", self.folder.path())
            .env("GOFLAGS", "-mod=mod")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{args:?}: {printed}{said}");
        printed
    }

    /// Runs the finished client against a vault of its own.
    async fn drive(&self, program: impl AsRef<Path>, args: &[&str]) {
        let vault = TestVault::start().await;
        let api = &vault.admin;
        self.run(program, &[args, &[&api.url, &api.org, &api.key]].concat());
        assert_eq!(api.list().await.len(), 0);
    }
}

#[tokio::test]
async fn openapi_python_client_makes_a_client_that_works() {
    let shop = Workshop::new("openapi-python-client-0.29.1", "generated.py", "main.py");
    std::fs::write(shop.path("config.yaml"), "post_hooks: []\n").unwrap();
    let python = shop.generator.join("venv/bin/python");
    let args = [
        "-m",
        "openapi_python_client",
        "generate",
        "--path",
        "openapi.json",
    ];
    let more = [
        "--meta",
        "none",
        "--output-path",
        "strongroom_client",
        "--config",
        "config.yaml",
    ];
    shop.run(&python, &[&args[..], &more].concat());
    let models = std::fs::read_dir(shop.path("strongroom_client/models")).unwrap();
    assert!(models.count() < 160);
    shop.drive(python, &["main.py"]).await;
}

#[tokio::test]
async fn openapi_typescript_makes_types_with_which_openapi_fetch_works() {
    let shop = Workshop::new("openapi-typescript-7.13.0", "generated.ts", "main.ts");
    let modules = shop.generator.join("node_modules");
    std::os::unix::fs::symlink(&modules, shop.path("node_modules")).unwrap();
    std::fs::write(shop.path("package.json"), r#"{"type":"module"}"#).unwrap();
    let program = modules.join(".bin/openapi-typescript");
    shop.run(program, &["openapi.json", "-o", "api.ts"]);
    let options = ["--strict", "--target", "es2022", "--module", "nodenext"];
    shop.run(
        modules.join(".bin/tsc"),
        &[&options[..], &["main.ts"]].concat(),
    );
    shop.drive("node", &["main.js"]).await;
}

#[tokio::test]
#[allow(clippy::print_stderr, reason = "says that it is skipped")]
async fn oapi_codegen_makes_a_client_that_works() {
    let shop = Workshop::new("oapi-codegen-2.8.2", "generated.go", "main.go");
    if !shop.generator.exists() {
        eprintln!("skipped: there is no Go 1.21 or newer");
        return;
    }
    for name in ["go.mod", "go.sum"] {
        std::fs::copy(shop.generator.join("module").join(name), shop.path(name)).unwrap();
    }
    let program = shop.generator.join("bin/oapi-codegen");
    let args = [
        "-generate",
        "types,client",
        "-package",
        "main",
        "openapi.json",
    ];
    let client = shop.run(program, &args);
    // `keys` of a relay policy is a word or a list; unions are awkward to use.
    assert_eq!(client.matches("union json.RawMessage").count(), 1);
    std::fs::write(shop.path("client.go"), client).unwrap();
    let usual = Path::new("/usr/local/go/bin/go");
    let go = if usual.exists() {
        usual
    } else {
        Path::new("go")
    };
    shop.run(go, &["build", "-o", "client", "."]);
    let client = shop.path("client");
    shop.drive(client, &[]).await;
}
