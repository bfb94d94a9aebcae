//! A caller of the console without a browser.

use reqwest::{Client, Response, redirect};
use strongroom_e2e::{Api, TestVault};

/// The variable that serves the console.
pub(super) const ON: [(&str, &str); 1] = [("STRONGROOM_CONSOLE", "true")];

/// A vault whose server serves the console.
pub(super) async fn vault() -> TestVault {
    TestVault::start_with(&ON).await
}

/// A user agent with at most one session.
#[derive(Clone)]
pub(super) struct Visitor {
    pub(super) url: String,
    /// The cookie with its name.
    pub(super) cookie: Option<String>,
    client: Client,
}

/// An answer, read to its end.
pub(super) struct Page {
    pub(super) status: u16,
    pub(super) location: Option<String>,
    pub(super) cookies: Vec<String>,
    pub(super) text: String,
}

impl Visitor {
    pub(super) fn new(url: &str) -> Self {
        let client = Client::builder().redirect(redirect::Policy::none());
        Self {
            url: url.to_owned(),
            cookie: None,
            client: client.build().unwrap(),
        }
    }

    /// A visitor who has signed in with the key of `api`.
    pub(super) async fn signed_in(api: &Api) -> Self {
        let mut visitor = Self::new(&api.url);
        let page = visitor.sign_in(&[("secret", &api.key)]).await;
        assert_eq!(page.status, 303, "{}", page.text);
        visitor
    }

    /// Sends the form for signing in, and keeps the cookie of the answer.
    pub(super) async fn sign_in(&mut self, fields: &[(&str, &str)]) -> Page {
        let page = self.post("/console/sign-in", fields).await;
        if let Some(cookie) = page.cookies.first() {
            self.cookie = cookie.split(';').next().map(str::to_owned);
        }
        page
    }

    pub(super) async fn get(&self, path: &str) -> Page {
        Page::of(self.request("GET", path, &[]).send().await.unwrap()).await
    }

    /// Sends a form as a page of this host does.
    pub(super) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        self.post_with(path, fields, &[("origin", &self.url)]).await
    }

    /// Sends a form with these header fields.
    pub(super) async fn post_with(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Page {
        let request = self.request("POST", path, headers);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let body: Vec<_> = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", encoded(value)))
            .collect();
        Page::of(request.body(body.join("&")).send().await.unwrap()).await
    }

    /// The token of the forms on the page at `path`.
    pub(super) async fn form_token(&self, path: &str) -> String {
        let page = self.get(path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text);
        let after = page.text.split("name=\"csrf_token\" value=\"").nth(1);
        after.unwrap().split('"').next().unwrap().to_owned()
    }

    /// Sends a form of the page at `page`.
    pub(super) async fn submit(&self, page: &str, path: &str, fields: &[(&str, &str)]) -> Page {
        let token = self.form_token(page).await;
        let fields = [&[("csrf_token", token.as_str())], fields].concat();
        self.post(path, &fields).await
    }

    pub(super) fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> reqwest::RequestBuilder {
        let method = method.parse().unwrap();
        let request = self.client.request(method, format!("{}{path}", self.url));
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        match &self.cookie {
            Some(cookie) => request.header("cookie", cookie),
            None => request,
        }
    }

    /// Whether the session is over: pages lead to the form for signing in.
    pub(super) async fn is_out(&self) -> bool {
        let page = self.get("/console").await;
        let location = page.location.unwrap_or_default();
        page.status == 303 && location.starts_with("/console/sign-in")
    }
}

impl Page {
    async fn of(response: Response) -> Self {
        let header = |name: &str| {
            let values = response.headers().get_all(name).into_iter();
            values.map(|value| value.to_str().unwrap().to_owned())
        };
        Self {
            status: response.status().as_u16(),
            location: header("location").next(),
            cookies: header("set-cookie").collect(),
            text: response.text().await.unwrap(),
        }
    }
}

/// The path of an organization.
pub(super) fn home(api: &Api) -> String {
    format!("/console/organizations/{}", api.org)
}

fn encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}
