//! Whether an address is our own server's. Nothing else is ever asked: the journal goes where
//! the page came from.

/// Whether `url` names the server of `origin`, for a stream, a socket or polling. A bare host and a path
/// will do; an origin has no default port in it, an address may.
pub(crate) fn is_ours(url: &str, origin: &str) -> bool {
    let (Some((our_scheme, our_host)), url) = (origin.split_once("://"), url.trim()) else {
        return false;
    };
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (scheme, rest),
        None if url.is_empty() || (url.starts_with('/') && !url.starts_with("//")) => return true,
        None => (our_scheme, url.trim_start_matches("//")),
    };
    let port = match (our_scheme, scheme.to_ascii_lowercase().as_str()) {
        ("https", "https" | "wss" | "gateway") => ":443",
        ("http", "http" | "ws" | "gateway") => ":80",
        _ => return false,
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.strip_suffix(port).unwrap_or(host);
    host.eq_ignore_ascii_case(our_host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_server_that_the_page_came_from_is_ours() {
        for (url, origin, ours) in [
            ("https://journal.example", "https://journal.example", true),
            (
                "https://Journal.example/x?y#z",
                "https://journal.example",
                true,
            ),
            (
                "https://journal.example:443",
                "https://journal.example",
                true,
            ),
            ("wss://journal.example/api", "https://journal.example", true),
            ("ws://localhost:3000", "http://localhost:3000", true),
            ("gateway://localhost:3000", "http://localhost:3000", true),
            ("gateway://elsewhere", "https://journal.example", false),
            ("localhost:3000", "http://localhost:3000", true),
            ("//localhost:3000/", "http://localhost:3000", true),
            ("", "https://journal.example", true),
            ("/api/sync", "https://journal.example", true),
            (
                "https://elsewhere.example",
                "https://journal.example",
                false,
            ),
            (
                "https://journal.example:8443",
                "https://journal.example",
                false,
            ),
            (
                "https://me@journal.example",
                "https://journal.example",
                false,
            ),
            (
                "https://journal.example@evil.example",
                "https://journal.example",
                false,
            ),
            (
                "https://journal.example.evil.example",
                "https://journal.example",
                false,
            ),
            ("http://journal.example", "https://journal.example", false),
            ("ws://journal.example", "https://journal.example", false),
            ("memory://", "https://journal.example", false),
            (
                "javascript://journal.example",
                "https://journal.example",
                false,
            ),
            ("https://journal.example", "null", false),
        ] {
            assert_eq!(is_ours(url, origin), ours, "{url} for {origin}");
        }
    }
}
