mod https;

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use serde_json::{Value, json};

use crate::cli::HealthArgs;
use crate::error::CommandError;
use crate::output;

/// A server says within 2 seconds that it is not ready.
const PATIENCE: Duration = Duration::from_secs(4);
const LONGEST_ANSWER: u64 = 64 * 1024;

/// `strongroom health`.
pub(super) fn run(args: &HealthArgs) -> Result<(), CommandError> {
    let failed = |why: String| CommandError::Failed(format!("{}: {why}", args.url));
    let target = Target::parse(&args.url).ok_or_else(|| {
        failed("must be http://host:port or https://host:port, with a path if you like".into())
    })?;
    let answer = target
        .ask(args)
        .map_err(|error| failed(error.to_string()))?;
    let Some((status, said)) = read(&answer) else {
        return Err(failed("whoever listens there does not speak HTTP".into()));
    };
    if status != 200 {
        return Err(failed(format!("answered {status}: {said}")));
    }
    let value = json!({"url": args.url, "status": status});
    output::answer(args.json, &value, &said);
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
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
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
        stream.take(LONGEST_ANSWER).read_to_end(&mut answer)?;
        Ok(answer)
    }

    fn connect(&self) -> std::io::Result<TcpStream> {
        let mut last = std::io::Error::other("this name has no address");
        for address in self.authority.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, PATIENCE) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

/// The status, and what the envelope says.
fn read(answer: &[u8]) -> Option<(u16, String)> {
    let text = String::from_utf8_lossy(answer);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?;
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let said = [&body["result"], &body["errors"][0]["message"]];
    let said = said.iter().find_map(|one| one.as_str()).unwrap_or_default();
    Some((status.parse().ok()?, said.to_owned()))
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
    fn an_answer_has_a_status_and_says_something() {
        let refusal = b"HTTP/1.1 503 Service Unavailable\r\nA: b\r\n\r\n{\"errors\":[{\"message\":\"away\"}]}";
        assert_eq!(read(refusal), Some((503, "away".into())));
        let ready = b"HTTP/1.1 200 OK\r\n\r\n{\"errors\":[],\"result\":\"ready\"}";
        assert_eq!(read(ready), Some((200, "ready".into())));
        assert_eq!(read(b"SSH-2.0\r\n\r\n"), None);
    }
}
