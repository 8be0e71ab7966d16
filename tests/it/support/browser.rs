//! A browser without a window, led by the DevTools protocol over a pipe.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::{Value, json};

/// Where a browser might be.
const PROGRAMS: [&str; 4] =
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// Without a window, and without a word to any network.
const OPTIONS: &str = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
                       --disable-background-networking --disable-component-update --disable-sync \
                       --disable-dev-shm-usage --hide-scrollbars --force-device-scale-factor=1 --allow-file-access-from-files";

/// A page in a browser.
pub struct Browser {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    session: Option<String>,
    n_sent: u64,
    /// What the browser has told since it was last asked.
    pub events: Vec<Value>,
    _folder: tempfile::TempDir,
}

impl Browser {
    /// None where there is no browser; a failure where one is demanded by `LOOKBACK_NEEDS_CHROMIUM`.
    pub fn start() -> Option<Self> {
        let has = |program: &str| {
            let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output();
            found.is_ok_and(|found| found.status.success())
        };
        let Some(program) = PROGRAMS.iter().find(|program| has(program)) else {
            let is_demanded = std::env::var_os("LOOKBACK_NEEDS_CHROMIUM").is_some();
            assert!(!is_demanded, "no browser is there: install chromium");
            eprintln!("skipped: no browser is there; install chromium to run this test");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        // The pipe's ends are expected as files 3 and 4.
        let script = format!(
            "exec {program} {OPTIONS} --user-data-dir={} --remote-debugging-pipe 3<&0 4>&1 0</dev/null 1>/dev/null",
            folder.path().display()
        );
        let mut child = Command::new("sh")
            .args(["-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (to, from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let from = BufReader::new(from);
        let mut browser =
            Self { child, to, from, session: None, n_sent: 0, events: vec![], _folder: folder };
        let target = browser.ask("Target.createTarget", &json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = browser.ask("Target.attachToTarget", &attach);
        browser.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.ask(&format!("{domain}.enable"), &json!({}));
        }
        Some(browser)
    }

    fn read(&mut self) -> Value {
        let mut message = vec![];
        self.from.read_until(0, &mut message).unwrap();
        assert_eq!(message.pop(), Some(0), "the browser has ended");
        serde_json::from_slice(&message).unwrap()
    }

    /// Asks and waits for the answer.
    pub fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.n_sent += 1;
        let mut message = json!({"id": self.n_sent, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        write!(self.to, "{message}\0").unwrap();
        self.to.flush().unwrap();
        loop {
            let mut answer = self.read();
            if answer["id"] == self.n_sent {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].take();
            }
            self.events.push(answer);
        }
    }

    /// Opens a file, at a place in it, and waits until it is shown.
    pub fn open(&mut self, path: &Path, fragment: &str) {
        // A change of the fragment alone would load nothing.
        self.ask("Page.navigate", &json!({"url": "about:blank"}));
        self.events.clear();
        let url = format!("file://{}{fragment}", fs::canonicalize(path).unwrap().display());
        self.ask("Page.navigate", &json!({"url": url}));
        let is_there = "location.protocol === 'file:' ? document.readyState === 'complete' : false";
        while self.eval(is_there) != true {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        self.eval("document.fonts.ready.then(() => document.fonts.size)");
    }

    /// The value of an expression on the page.
    #[track_caller]
    pub fn eval(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let mut answer = self.ask("Runtime.evaluate", &params);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].take()
    }

    /// A key as a person presses it.
    pub fn press(&mut self, key: &str) {
        let text = if key.chars().count() == 1 { key } else { "" };
        self.ask("Input.dispatchKeyEvent", &json!({"type": "keyDown", "key": key, "text": text}));
        self.ask("Input.dispatchKeyEvent", &json!({"type": "keyUp", "key": key}));
        // What the key has begun has happened when the next frame is drawn.
        self.eval("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 20)))");
    }

    /// The size of the window in pixels, and which colours the reader prefers.
    pub fn window(&mut self, width: usize, height: usize, scheme: &str) {
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.ask("Emulation.setDeviceMetricsOverride", &size);
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.ask("Emulation.setEmulatedMedia", &features);
    }

    /// A PNG file of what is shown.
    pub fn picture(&mut self) -> Vec<u8> {
        let shot = self.ask("Page.captureScreenshot", &json!({"format": "png"}));
        base64::decode(shot["data"].as_str().unwrap()).unwrap()
    }

    /// Fails if the page has complained, or has asked for anything but itself.
    #[track_caller]
    pub fn is_content(&self) {
        for event in &self.events {
            let params = &event["params"];
            match event["method"].as_str().unwrap_or_default() {
                "Runtime.exceptionThrown" | "Page.javascriptDialogOpening" => panic!("{params}"),
                "Runtime.consoleAPICalled" => panic!("it says {params}"),
                "Log.entryAdded" => panic!("it logs {params}"),
                "Network.requestWillBeSent" => {
                    let url = params["request"]["url"].as_str().unwrap();
                    assert!(
                        url.starts_with("file:") || url.starts_with("data:"),
                        "it asks for {url}"
                    );
                }
                _ => {}
            }
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
