//! axe-core in Chromium: what people with other senses would stumble over, and pages wider than a telephone.
use serde_json::{Value, json};

use super::browser::Browser;
use crate::support::server::root;

/// How a page is looked at.
#[derive(Clone, Copy, Debug)]
pub struct View {
    pub width: u32,
    pub scheme: &'static str,
}

pub const VIEWS: [View; 4] = [
    View { width: 1280, scheme: "light" },
    View { width: 1280, scheme: "dark" },
    View { width: 390, scheme: "light" },
    View { width: 390, scheme: "dark" },
];

const RUN: &str = "
    const done = arguments[arguments.length - 1];
    document.querySelectorAll('details').forEach((one) => { one.open = true; });
    const wide = document.documentElement.scrollWidth > document.documentElement.clientWidth;
    axe.run(document, { resultTypes: ['violations'], rules: { 'target-size': { enabled: true } } }).then((found) => done({
        wide,
        violations: found.violations.flatMap((one) => one.nodes.map((node) =>
            one.id + ' at ' + node.target.join(' ') + ': ' + (node.failureSummary || '').replace(/\\s+/g, ' '))),
    }), (error) => done({ wide, violations: ['axe failed: ' + error] }));";

impl Browser {
    pub async fn view(&self, view: View) {
        let tools = self.window.cdp();
        let size = json!({ "width": view.width, "height": 900, "deviceScaleFactor": 1, "mobile": view.width < 500 });
        let scheme =
            json!({ "features": [{ "name": "prefers-color-scheme", "value": view.scheme }] });
        tools.send_raw("Emulation.setDeviceMetricsOverride", size).await.expect("a size");
        tools.send_raw("Emulation.setEmulatedMedia", scheme).await.expect("a scheme");
    }

    /// What is wrong with the page that is shown, at this size and in these colours.
    pub async fn faults(&self, view: View) -> Vec<String> {
        self.view(view).await;
        let axe = std::fs::read_to_string(
            root().join("tests/services/node/node_modules/axe-core/axe.min.js"),
        )
        .expect("axe-core");
        self.window.execute(axe, vec![]).await.expect("axe-core loads");
        let found = self.window.execute_async(RUN, vec![]).await.expect("axe-core runs");
        let found: &Value = found.json();
        let violations = found["violations"].as_array().cloned().unwrap_or_default();
        let mut faults: Vec<String> =
            violations.iter().map(|text| text.as_str().unwrap_or_default().to_owned()).collect();
        if found["wide"] == Value::Bool(true) {
            faults.push("the page scrolls sideways".to_owned());
        }
        faults
    }

    /// The whole page as a PNG.
    #[expect(dead_code, reason = "for whoever wants to look at a page that a test has drawn")]
    pub async fn picture(&self, file: &std::path::Path) {
        let tools = self.window.cdp();
        let order = json!({ "format": "png", "captureBeyondViewport": true });
        let answer = tools.send_raw("Page.captureScreenshot", order).await.expect("a picture");
        use base64::Engine as _;
        let data = answer["data"].as_str().expect("data");
        let bytes = base64::engine::general_purpose::STANDARD.decode(data).expect("base64");
        std::fs::write(file, bytes).expect("a written picture");
    }
}

mod tests {
    use super::{Browser, VIEWS};
    use crate::services::browser::Scripts;
    use crate::services::html;

    const BAD: &str = "<!doctype html><html><title>t</title><p style='color:#eee;width:2000px'>pale and wide</p><input></html>";

    #[tokio::test]
    async fn the_checkers_find_what_is_wrong() {
        let browser = Browser::open("data:text/html,", Scripts::On).await;
        browser.go(&BAD.replace('#', "%23")).await;
        let found = browser.faults(VIEWS[2]).await.join("\n");
        browser.close().await;
        for rule in ["color-contrast", "html-has-lang", "label", "scrolls sideways"] {
            assert!(found.contains(rule), "{rule} is not in:\n{found}");
        }
        let found = html::faults([(&"bad".to_owned(), BAD)].into_iter()).join("\n");
        for rule in ["no-inline-style", "element-required-attributes"] {
            assert!(found.contains(rule), "{rule} is not in:\n{found}");
        }
    }
}
