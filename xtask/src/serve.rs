//! The server as a child of a chore: started, waited for, and ended with the chore, however that ends.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::place::SITE;
use crate::program;

/// How long the server may take to open its database and answer.
const START: Duration = Duration::from_secs(30);
/// How long it may take to finish what it is doing when it is asked to end.
const END: Duration = Duration::from_secs(5);
const GLANCE: Duration = Duration::from_millis(50);

/// Where the server listens: the caller's `DAYBOOK_ADDR`, else loopback.
pub(crate) fn address(port: u16) -> Result<SocketAddr> {
    match std::env::var("DAYBOOK_ADDR") {
        Ok(named) => named.parse().with_context(|| {
            format!("DAYBOOK_ADDR must be an address like 127.0.0.1:3000, not {named}")
        }),
        Err(_) => Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)),
    }
}

/// Says before the long build, and not after it, that another program has the port.
pub(crate) fn ensure_free(address: SocketAddr) -> Result<()> {
    let port = address.port();
    match TcpListener::bind(address) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            bail!(
                "Port {port} is taken by another program. End it, or choose another port with `--port {}`",
                next(port)
            )
        }
        Err(error) => bail!(
            "Daybook cannot listen on {address} ({error}). Choose another port with `--port {}`",
            next(port)
        ),
    }
}

fn next(port: u16) -> u16 {
    port.checked_add(1).unwrap_or(3000)
}

/// A running server, or none yet. Clones are the same server.
#[derive(Clone, Default)]
pub(crate) struct Server(Arc<Mutex<Option<Child>>>);

impl Server {
    /// Ends the server when the person presses Ctrl-C or ends the chore.
    pub(crate) fn ends_with_the_chore(&self) -> Result<()> {
        let server = self.clone();
        ctrlc::set_handler(move || {
            server.stop();
            // 128 + SIGINT, as a shell expects it of an interrupted program.
            std::process::exit(130);
        })
        .context("cannot listen for Ctrl-C")
    }

    /// Ends the one that runs, starts this program, and waits until it answers.
    pub(crate) fn restart(&self, program: &Path, address: SocketAddr) -> Result<()> {
        self.stop();
        let mut command = Command::new(program);
        let defaults = [
            ("DAYBOOK_ADDR", address.to_string()),
            ("DAYBOOK_SITE", SITE.into()),
            ("DATABASE_URL", "sqlite:data/daybook.sqlite".into()),
        ];
        for (name, value) in defaults {
            if std::env::var_os(name).is_none() {
                command.env(name, value);
            }
        }
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        *self.child() = Some(child);
        let began = Instant::now();
        while !is_healthy(address) {
            if let Some(status) = self.ended()? {
                bail!("The server ended at once ({status}); its own words are above");
            }
            if began.elapsed() > START {
                self.stop();
                bail!(
                    "The server did not answer GET http://{address}/healthz within {} s",
                    START.as_secs()
                );
            }
            sleep(GLANCE);
        }
        Ok(())
    }

    /// Waits until the server ends by itself, which it should not.
    pub(crate) fn watch(&self) -> Result<()> {
        loop {
            if let Some(status) = self.ended()? {
                ensure!(
                    status.success(),
                    "The server ended ({status}); its own words are above"
                );
                return Ok(());
            }
            sleep(GLANCE);
        }
    }

    /// Asks the server to end, and insists when it does not.
    pub(crate) fn stop(&self) {
        let Some(mut child) = self.child().take() else {
            return;
        };
        // Ctrl-C in a terminal reaches the server as well; asked twice, it ends all the same.
        let asked =
            cfg!(unix) && program::ask(Command::new("kill").arg(child.id().to_string())).is_some();
        let began = Instant::now();
        while asked && began.elapsed() < END {
            if !matches!(child.try_wait(), Ok(None)) {
                return;
            }
            sleep(GLANCE);
        }
        if child.kill().and_then(|()| child.wait()).is_err() {
            eprintln!("  ! the server (process {}) could not be ended", child.id());
        }
    }

    fn ended(&self) -> Result<Option<ExitStatus>> {
        match self.child().as_mut() {
            Some(child) => child.try_wait().context("cannot look at the server"),
            None => Ok(None),
        }
    }

    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether `GET /healthz` answers 200.
fn is_healthy(address: SocketAddr) -> bool {
    let mut reachable = address;
    if reachable.ip().is_unspecified() {
        reachable.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    let asked = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&reachable, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        // In one piece: a server may answer and close after the first that it reads.
        let request = format!(
            "GET /healthz HTTP/1.1\r\nHost: localhost:{}\r\nConnection: close\r\n\r\n",
            address.port()
        );
        stream.write_all(request.as_bytes())?;
        let mut status = String::new();
        BufReader::new(stream).read_line(&mut status)?;
        Ok(status)
    };
    asked().is_ok_and(|status| status.split(' ').nth(1) == Some("200"))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use super::{ensure_free, is_healthy};

    #[test]
    fn a_taken_port_is_named_with_its_remedy() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let error = ensure_free(address).unwrap_err().to_string();
        assert!(
            error.contains(&format!("Port {} is taken", address.port()))
                && error.contains("--port"),
            "{error}"
        );
        drop(taken);
        ensure_free(address).unwrap();
    }

    #[test]
    fn only_status_200_is_healthy() {
        for (answer, healthy) in [
            ("HTTP/1.1 200 OK\r\n\r\n", true),
            ("HTTP/1.1 503 Later\r\n\r\n", false),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let server = thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                let _ = stream.read(&mut [0; 1024]);
                stream.write_all(answer.as_bytes()).unwrap();
            });
            assert_eq!(is_healthy(address), healthy);
            server.join().unwrap();
        }
    }
}
