mod https;

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use serde_json::{Value, json};

use crate::cli::HealthArgs;
use crate::error::CommandError;
use crate::output;

/// Timeout of the connection and of each read and write; a server that is not ready answers within
/// 2 seconds.
const TIMEOUT: Duration = Duration::from_secs(4);
/// Most bytes of the answer that are read.
const MAX_ANSWER: u64 = 64 * 1024;

/// `strongroom health`.
pub(super) fn run(args: &HealthArgs) -> Result<(), CommandError> {
    let failed = |why: String| CommandError::Failed(format!("{}: {why}", args.url));
    let target = Target::parse(&args.url).ok_or_else(|| {
        failed("must be http://host:port or https://host:port, with an optional path".into())
    })?;
    let answer = target
        .ask(args)
        .map_err(|error| failed(https::explained(&error)))?;
    let Some((status, message)) = parse(&answer) else {
        return Err(failed("the answer is not HTTP".into()));
    };
    if status != 200 {
        return Err(failed(format!("answered {status}: {message}")));
    }
    let value = json!({"url": args.url, "status": status});
    output::answer(args.json, &value, &message);
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
struct Target<'a> {
    tls: bool,
    authority: &'a str,
    path: &'a str,
}

impl<'a> Target<'a> {
    fn parse(url: &'a str) -> Option<Self> {
        let (tls, rest) = match url.strip_prefix("https://") {
            Some(rest) => (true, rest),
            None => (false, url.strip_prefix("http://")?),
        };
        let at = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(at);
        let (host, port) = authority.rsplit_once(':')?;
        let odd = |c: char| c.is_whitespace() || c.is_control();
        if host.is_empty() || port.parse::<u16>().is_err() || url.contains(odd) {
            return None;
        }
        let path = match path {
            "" | "/" => "/readyz",
            other => other,
        };
        Some(Self {
            tls,
            authority,
            path,
        })
    }

    // Without brackets and port.
    fn host(&self) -> &str {
        let (host, _) = self.authority.rsplit_once(':').unwrap_or_default();
        host.trim_start_matches('[').trim_end_matches(']')
    }

    fn ask(&self, args: &HealthArgs) -> std::io::Result<Vec<u8>> {
        let stream = self.connect()?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        if self.tls {
            return self.exchange(https::over(stream, self.host(), args)?);
        }
        self.exchange(stream)
    }

    fn exchange(&self, mut stream: impl Read + Write) -> std::io::Result<Vec<u8>> {
        let Self {
            authority, path, ..
        } = self;
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        stream.take(MAX_ANSWER).read_to_end(&mut answer)?;
        Ok(answer)
    }

    fn connect(&self) -> std::io::Result<TcpStream> {
        let mut last = std::io::Error::other("the name has no address");
        for address in self.authority.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, TIMEOUT) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

/// The status and the message of an answer.
fn parse(answer: &[u8]) -> Option<(u16, String)> {
    let text = String::from_utf8_lossy(answer);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?;
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let message = [&body["result"], &body["errors"][0]["message"]];
    let message = message.iter().find_map(|one| one.as_str());
    Some((status.parse().ok()?, message.unwrap_or_default().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_host_and_port() {
        let parsed = |url| Target::parse(url).map(|target| (target.authority, target.path));
        assert_eq!(parsed("http://[::1]:8700"), Some(("[::1]:8700", "/readyz")));
        assert_eq!(parsed("http://h:1/healthz"), Some(("h:1", "/healthz")));
        let tls = Target::parse("https://[::1]:1").unwrap();
        assert_eq!((tls.tls, tls.host(), tls.path), (true, "::1", "/readyz"));
        for bad in [
            "",
            "h:1",
            "https://h",
            "ftp://h:1",
            "http://h",
            "http://:1",
            "http://h:x",
            "http://h:1/ x",
        ] {
            assert_eq!(parsed(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_answer_has_a_status_and_a_message() {
        let refusal = b"HTTP/1.1 503 Service Unavailable\r\nA: b\r\n\r\n\
                        {\"errors\":[{\"message\":\"away\"}]}";
        assert_eq!(parse(refusal), Some((503, "away".into())));
        let ready = b"HTTP/1.1 200 OK\r\n\r\n{\"errors\":[],\"result\":\"ready\"}";
        assert_eq!(parse(ready), Some((200, "ready".into())));
        assert_eq!(parse(b"SSH-2.0\r\n\r\n"), None);
    }
}
