//! `cargo xtask dev`: the debug build in the browser, built and started anew whenever a file is saved.

use std::net::SocketAddr;
use std::path::{Component, Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use notify::{Event, EventKind, RecursiveMode, Watcher};

use crate::build::{self, Mode};
use crate::run::greeting;
use crate::serve::{self, Server};
use crate::setup;
use crate::toolchain::Toolchain;

const WATCHED: [&str; 9] = [
    "app",
    "domain",
    "sync",
    "frontend",
    "worker",
    "server",
    "style",
    "public",
    "migrations",
];

/// Editors and branch changes write many files in one go; this long a silence ends the go.
const SILENCE: Duration = Duration::from_millis(150);

/// Sets up, builds, serves and watches until Ctrl-C.
pub(crate) fn run(port: u16) -> Result<()> {
    let address = serve::address(port)?;
    serve::ensure_free(address)?;
    let toolchain = setup::run(false)?.toolchain;
    let (sender, changes) = channel();
    let mut watcher = notify::recommended_watcher(sender).context("cannot watch files here")?;
    for folder in WATCHED.iter().filter(|folder| Path::new(folder).is_dir()) {
        watcher
            .watch(Path::new(folder), RecursiveMode::Recursive)
            .with_context(|| format!("cannot watch {folder}/"))?;
    }
    let root = std::env::current_dir()?;
    let server = Server::default();
    server.ends_with_the_chore()?;
    // What did not compile is built again with the next change, which may mend it in another room.
    let mut owed = serve_anew(Touched::ALL, &toolchain, &server, address);
    let ended = loop {
        match next_change(&changes, &root) {
            Ok(touched) if touched.any() => {
                owed = serve_anew(owed.and(touched), &toolchain, &server, address);
            }
            Ok(_) => {}
            Err(error) => break Err(error),
        }
    };
    server.stop();
    ended
}

/// Builds what the change touched and serves it; when it does not compile, what was served before goes on.
/// Answers what is still to be built.
fn serve_anew(
    touched: Touched,
    toolchain: &Toolchain,
    server: &Server,
    address: SocketAddr,
) -> Touched {
    let began = Instant::now();
    eprintln!("building: {}", touched.in_words());
    let program = match rebuild(touched, toolchain) {
        Ok(program) => program,
        Err(error) => {
            eprintln!("{error:#}\nMend it and save; until then nothing changes for the browser.");
            return touched;
        }
    };
    match server.restart(&program, address) {
        Ok(()) => {
            let seconds = began.elapsed().as_secs_f64();
            println!("{} Served after {seconds:.1} s.", greeting(address.port()));
        }
        Err(error) => eprintln!("{error:#}\nNothing is served now; mend it and save."),
    }
    Touched::default()
}

fn rebuild(touched: Touched, toolchain: &Toolchain) -> Result<PathBuf> {
    let _alone = build::alone()?;
    if touched.worker {
        build::worker(toolchain, Mode::Debug)?;
    }
    if touched.page {
        build::page(toolchain, Mode::Debug)?;
    }
    if touched.style {
        build::style()?;
    }
    if touched.worker || touched.public {
        build::assemble(Mode::Debug)?;
    }
    if touched.server {
        build::server(toolchain, Mode::Debug)
    } else {
        Ok(build::server_program(Mode::Debug))
    }
}

/// What must be built anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Touched {
    worker: bool,
    page: bool,
    style: bool,
    public: bool,
    server: bool,
}

impl Touched {
    const ALL: Touched = Touched {
        worker: true,
        page: true,
        style: true,
        public: true,
        server: true,
    };

    /// What a change of this file, relative to the workspace, asks for.
    fn by(file: &Path) -> Touched {
        let none = Touched::default();
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        // Editors' own copies, and the worker that we build ourselves.
        if name.starts_with('.') || name.ends_with('~') || file.starts_with("public/worker") {
            return none;
        }
        let room = file
            .components()
            .next()
            .map(Component::as_os_str)
            .unwrap_or_default();
        match room.to_str().unwrap_or_default() {
            "app" => Touched {
                page: true,
                server: true,
                ..none
            },
            "domain" | "sync" => Touched {
                worker: true,
                page: true,
                server: true,
                ..none
            },
            "frontend" => Touched { page: true, ..none },
            "worker" => Touched {
                worker: true,
                ..none
            },
            "server" | "migrations" => Touched {
                server: true,
                ..none
            },
            "style" => Touched {
                style: true,
                ..none
            },
            "public" => Touched {
                public: true,
                ..none
            },
            _ => none,
        }
    }

    fn and(self, other: Touched) -> Touched {
        Touched {
            worker: self.worker || other.worker,
            page: self.page || other.page,
            style: self.style || other.style,
            public: self.public || other.public,
            server: self.server || other.server,
        }
    }

    fn any(self) -> bool {
        self != Touched::default()
    }

    fn in_words(self) -> String {
        let parts = [
            ("worker", self.worker),
            ("page", self.page),
            ("style", self.style),
            ("public", self.public),
            ("server", self.server),
        ];
        parts
            .iter()
            .filter(|(_, touched)| *touched)
            .map(|(name, _)| *name)
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// Waits for a change and for the silence after it.
fn next_change(changes: &Receiver<notify::Result<Event>>, root: &Path) -> Result<Touched> {
    let mut touched = touched_by(changes.recv().context("the watcher ended")?, root)?;
    loop {
        match changes.recv_timeout(SILENCE) {
            Ok(event) => touched = touched.and(touched_by(event, root)?),
            Err(RecvTimeoutError::Timeout) => return Ok(touched),
            Err(RecvTimeoutError::Disconnected) => bail!("the watcher ended"),
        }
    }
}

fn touched_by(event: notify::Result<Event>, root: &Path) -> Result<Touched> {
    let event = event.context("the watcher failed")?;
    if !matches!(
        event.kind,
        EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_)
    ) {
        return Ok(Touched::default());
    }
    let files = event
        .paths
        .iter()
        .map(|path| Touched::by(path.strip_prefix(root).unwrap_or(path)));
    Ok(files.fold(Touched::default(), Touched::and))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Touched;

    #[test]
    fn a_file_asks_for_the_parts_that_its_room_is_in() {
        for (file, parts) in [
            ("sync/src/merge.rs", "worker, page, server"),
            ("domain/src/tables.rs", "worker, page, server"),
            ("app/src/pages/today.rs", "page, server"),
            ("frontend/src/lib.rs", "page"),
            ("worker/src/lib.rs", "worker"),
            ("migrations/sqlite/0001.sql", "server"),
            ("style/parts/card.css", "style"),
            ("public/sw.js", "public"),
            ("public/worker/daybook_worker.js", ""),
            ("server/src/.main.rs.swp", ""),
            ("style/main.css~", ""),
            ("README.md", ""),
        ] {
            assert_eq!(Touched::by(Path::new(file)).in_words(), parts, "{file}");
        }
    }
}
