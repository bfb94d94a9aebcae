use reqwest::Response;
use serde_json::{Value, json};

/// A checked error response.
#[derive(Debug)]
pub struct Failure {
    /// The whole body.
    pub body: Value,
    /// `field` and `code` of each error, in order; the field is empty when there is none.
    pub errors: Vec<(String, String)>,
}

/// Checks that `answer` is an error response with `status`, in the documented envelope.
pub async fn failure(answer: Response, status: u16) -> Failure {
    let headers = answer.headers().clone();
    let got = answer.status().as_u16();
    let body = answer.text().await.unwrap();
    assert_eq!(got, status, "{body}");
    assert_eq!(headers["content-type"], "application/json", "{body}");
    assert_eq!(headers["cache-control"], "no-store", "{body}");
    let body: Value = serde_json::from_str(&body).expect("an error response without JSON");
    let members: Vec<_> = body.as_object().unwrap().keys().collect();
    assert_eq!(members, ["errors", "meta"], "{body}");
    assert_eq!(body["meta"], json!({}));
    let errors = body["errors"].as_array().unwrap();
    assert!(!errors.is_empty(), "an error response without an error");
    let errors = errors
        .iter()
        .map(|error| {
            assert_eq!(error["httpcode"], status, "{body}");
            let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
            assert!(!text("message").is_empty(), "{body}");
            assert!(!text("code").is_empty(), "{body}");
            (text("field"), text("code"))
        })
        .collect();
    Failure { body, errors }
}

impl Failure {
    /// The named fields, in order.
    #[must_use]
    pub fn fields(&self) -> Vec<&str> {
        self.errors.iter().map(|(field, _)| &**field).collect()
    }

    /// The first error's message.
    #[must_use]
    pub fn message(&self) -> &str {
        self.body["errors"][0]["message"].as_str().unwrap()
    }
}
