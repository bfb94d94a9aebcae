use clap::Args;

/// How much callers may ask for, and how large requests may be.
#[derive(Debug, Args)]
pub(crate) struct LimitArgs {
    /// Most requests of one API key in the long run, such as 500/s, 100/m or 1000/h; off: any number
    /// [default: 100000/s].
    #[arg(long, value_name = "RATE")]
    pub(crate) key_rate: Option<String>,
    /// Most requests of one API key at once [default: the rate's number].
    #[arg(long, value_name = "N")]
    pub(crate) key_burst: Option<String>,
    /// Most requests of one organization in the long run, with all its keys; off: any number [default: 200000/s].
    #[arg(long, value_name = "RATE")]
    pub(crate) org_rate: Option<String>,
    /// Most requests of one organization at once [default: the rate's number].
    #[arg(long, value_name = "N")]
    pub(crate) org_burst: Option<String>,
    /// Most failed authentications from one address in the long run, after which requests from there are refused
    /// unless their key was issued here; off: any number [default: 1000/m].
    #[arg(long, value_name = "RATE")]
    pub(crate) failed_auth_rate: Option<String>,
    /// Most failed authentications from one address at once [default: the rate's number].
    #[arg(long, value_name = "N")]
    pub(crate) failed_auth_burst: Option<String>,
    /// Proxies whose X-Forwarded-For is believed: addresses or networks, separated by spaces [default: none].
    #[arg(long, value_name = "NET …")]
    pub(crate) trusted_proxies: Option<String>,
    /// Most bytes of a request's body [default: 65536].
    #[arg(long, value_name = "N")]
    pub(crate) max_body: Option<String>,
    /// Most bytes of a URL's path and query [default: 8192].
    #[arg(long, value_name = "N")]
    pub(crate) max_url: Option<String>,
    /// Most header fields of a request [default: 64].
    #[arg(long, value_name = "N")]
    pub(crate) max_headers: Option<String>,
    /// Most bytes of all header fields of a request together [default: 16384].
    #[arg(long, value_name = "N")]
    pub(crate) max_header_bytes: Option<String>,
    /// Longest time in which a client takes nothing of its answer [default: 30s].
    #[arg(long, value_name = "TIME")]
    pub(crate) write_timeout: Option<String>,
}

/// TLS on the main listener.
#[derive(Debug, Args)]
pub(crate) struct TlsArgs {
    /// A PEM file with the server's certificate and those between it and its authority; TLS is then all that is
    /// spoken. Read again every 2 seconds [default: plain HTTP].
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_cert_file: Option<String>,
    /// A PEM file with the certificate's private key. Refused when others can read or change it.
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_key_file: Option<String>,
    /// A PEM file with the authorities of clients' certificates [default: none are asked for].
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_client_ca_file: Option<String>,
    /// Whether a client must have a certificate of these authorities: required or optional [default: required].
    #[arg(long, value_name = "RULE")]
    pub(crate) tls_client_auth: Option<String>,
}
