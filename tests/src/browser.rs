use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, geteuid};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::binary::strongroom_binary;

/// A Chromium of its own, without a window. Killed when dropped.
pub struct Browser {
    /// What it does.
    pub page: Client,
    _driver: Driver,
}

/// How a browser is started.
#[derive(Debug, Clone, Copy)]
pub struct BrowserSettings {
    /// Width of the window, in CSS pixels.
    pub width: u32,
    /// Whether pages may run scripts.
    pub script: bool,
}

impl Default for BrowserSettings {
    fn default() -> Self {
        Self {
            width: 1280,
            script: true,
        }
    }
}

struct Driver {
    child: Child,
    // Chromium leaves a profile in its home.
    _home: TempDir,
}

impl Drop for Driver {
    fn drop(&mut self) {
        // The browser is in the group of its driver.
        let _ = killpg(
            Pid::from_raw(self.child.id().cast_signed()),
            Signal::SIGKILL,
        );
        let _ = self.child.wait();
    }
}

impl Browser {
    /// Starts one.
    pub async fn start(settings: BrowserSettings) -> Self {
        install();
        let (driver, port) = Driver::start();
        let mut args = vec![
            "--headless=new".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--hide-scrollbars".to_owned(),
        ];
        if geteuid().is_root() {
            args.push("--no-sandbox".to_owned());
        }
        let script = if settings.script { 1 } else { 2 };
        let options = json!({
            "args": args,
            "prefs": {"profile.managed_default_content_settings.javascript": script},
            "mobileEmulation": {
                "deviceMetrics": {
                    "width": settings.width, "height": 900, "pixelRatio": 1.0, "mobile": false,
                    "touch": false,
                },
            },
        });
        let capabilities = json!({
            "goog:chromeOptions": options,
            // The certificates of tests are issued by authorities of their own.
            "acceptInsecureCerts": true,
            "goog:loggingPrefs": {"browser": "ALL"},
        });
        let Value::Object(capabilities) = capabilities else {
            unreachable!("an object")
        };
        let page = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .unwrap();
        Self {
            page,
            _driver: driver,
        }
    }

    /// The violations of accessibility rules on the page that `axe-core` calls serious or critical.
    pub async fn serious_violations(&self) -> Vec<String> {
        let axe = std::fs::read_to_string(axe()).unwrap();
        // The driver's scripts are outside the page's content security policy.
        self.page.execute(&axe, Vec::new()).await.unwrap();
        let run = "const done = arguments[arguments.length - 1];
            axe.run(document, {resultTypes: ['violations']}).then(found => done(found.violations
                .filter(one => ['serious', 'critical'].includes(one.impact))
                .map(one => one.id + ': ' + one.nodes.map(node => node.html).join(' '))),
                error => done([String(error)]));";
        let found = self.page.execute_async(run, Vec::new()).await.unwrap();
        serde_json::from_value(found).unwrap()
    }

    /// By how many pixels the page is wider than its window.
    pub async fn overflow(&self) -> i64 {
        let script = "return document.documentElement.scrollWidth - window.innerWidth";
        let wider = self.page.execute(script, Vec::new()).await.unwrap();
        wider.as_i64().unwrap()
    }
}

impl Driver {
    fn start() -> (Self, u16) {
        let home = TempDir::with_prefix("strongroom-browser-").unwrap();
        let mut child = Command::new("chromedriver")
            .arg("--port=0")
            .env("HOME", home.path())
            .env("TMPDIR", home.path())
            // Not UTC, so that pages show local times, too.
            .env("TZ", "Asia/Kolkata")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let port = stdout.lines().map_while(Result::ok).find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse().ok()
        });
        let driver = Self { child, _home: home };
        (driver, port.expect("chromedriver names its port"))
    }
}

fn target() -> PathBuf {
    strongroom_binary().ancestors().nth(2).unwrap().to_owned()
}

fn axe() -> PathBuf {
    target().join("clients/axe-core-4.14.1/node_modules/axe-core/axe.min.js")
}

fn install() {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/browser/install.sh");
        let installed = Command::new(script)
            .env("CARGO_TARGET_DIR", target())
            .status()
            .unwrap();
        assert!(installed.success(), "{script} failed");
    });
}
