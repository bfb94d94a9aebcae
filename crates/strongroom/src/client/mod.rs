//! The HTTP client of the commands for callers.

pub(crate) mod answer;
pub(crate) mod call;
pub(crate) mod identity;
pub(crate) mod profile;
pub(crate) mod server_url;
mod tls;

use std::io::ErrorKind;
use std::time::Duration;

use chrono::DateTime;
use strongroom_storage::explain_tls;
use ureq::http::{HeaderValue, Request, Response};
use ureq::{Agent, Body};
use zeroize::Zeroizing;

use crate::client::answer::Answer;
use crate::client::call::Call;
use crate::client::profile::Profile;
use crate::client::server_url::ServerUrl;
use crate::error::CommandError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Most bytes of an answer that are read.
const MAX_ANSWER: u64 = 32 * 1024 * 1024;
/// How often a request is sent at most.
const ATTEMPTS: u32 = 3;
/// Pause before a request is repeated; the server asks for a second.
const PAUSE: Duration = Duration::from_secs(1);

/// A client of one server, as one caller, in one organization.
pub(crate) struct Client {
    agent: Agent,
    url: ServerUrl,
    identity: (&'static str, HeaderValue),
    org: String,
}

impl Client {
    /// A client as `profile` describes it.
    pub(crate) fn new(profile: &Profile) -> Result<Self, CommandError> {
        let url = ServerUrl::parse(&profile.url, profile.insecure_http)
            .map_err(|problem| CommandError::Usage(format!("--url {} {problem}", profile.url)))?;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // A redirection would carry the key to another place.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .user_agent(concat!("strongroom/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls::config(profile)?);
        // Through a proxy, a request without TLS would leave the machine.
        let config = if url.is_tls() {
            config
        } else {
            config.proxy(None)
        };
        Ok(Self {
            agent: config.build().into(),
            url,
            identity: profile.identity.header()?,
            org: profile.org.clone(),
        })
    }

    /// The same caller, who acts in the organization `org`.
    pub(crate) fn within(self, org: String) -> Self {
        Self { org, ..self }
    }

    /// The organization in which the caller acts.
    pub(crate) fn org(&self) -> &str {
        &self.org
    }

    /// Sends `call`, which must succeed.
    pub(crate) fn send(&self, call: &Call<'_>) -> Result<Answer, CommandError> {
        self.exchange(call)?.accepted()
    }

    /// Sends `call`, and returns an answer of any status. A call that may be repeated is repeated
    /// when the connection broke, or the server could not serve it.
    pub(crate) fn exchange(&self, call: &Call<'_>) -> Result<Answer, CommandError> {
        for _ in 1..ATTEMPTS {
            let answered = self.attempt(call);
            let again = match &answered {
                Ok(answer) => answer.status == 503,
                Err(error) => is_broken(error),
            };
            if !again || !call.repeatable {
                return answered.map_err(|error| self.unreachable(&error));
            }
            std::thread::sleep(PAUSE);
        }
        let answered = self.attempt(call);
        answered.map_err(|error| self.unreachable(&error))
    }

    fn attempt(&self, call: &Call<'_>) -> Result<Answer, ureq::Error> {
        let mut request = Request::builder()
            .method(&call.method)
            .uri(format!("{}{}", self.url, call.target))
            .header(self.identity.0, &self.identity.1)
            .header("SlashID-OrgID", &self.org);
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        let timeout = Some(call.timeout);
        let response = match call.body {
            None => {
                let request = self.agent.configure_request(request.body(())?);
                self.agent.run(request.timeout_global(timeout).build())
            }
            Some(body) => {
                let request = self.agent.configure_request(request.body(body)?);
                self.agent.run(request.timeout_global(timeout).build())
            }
        };
        read(response?)
    }

    fn unreachable(&self, error: &ureq::Error) -> CommandError {
        let why = match error {
            ureq::Error::Rustls(error) => explain_tls(error),
            ureq::Error::Io(error) => {
                let refused = error.get_ref().and_then(|inner| inner.downcast_ref());
                refused.map_or_else(|| error.to_string(), explain_tls)
            }
            other => other.to_string(),
        };
        CommandError::Failed(format!("no answer from {}: {why}", self.url))
    }
}

fn read(mut response: Response<Body>) -> Result<Answer, ureq::Error> {
    let date = response.headers().get("date");
    let date = date.and_then(|date| DateTime::parse_from_rfc2822(date.to_str().ok()?).ok());
    let headers = response.headers().clone();
    let body = response.body_mut().with_config().limit(MAX_ANSWER);
    Ok(Answer {
        date: date.map(|date| date.to_utc()),
        headers,
        body: Zeroizing::new(body.read_to_vec()?),
        status: response.status().as_u16(),
    })
}

// A connection that was refused, or could not be made in time, is no reason to try again.
fn is_broken(error: &ureq::Error) -> bool {
    let ureq::Error::Io(error) = error else {
        return false;
    };
    matches!(
        error.kind(),
        ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof
    )
}
