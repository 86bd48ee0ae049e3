//! The PostgreSQL of this machine: where its programs are, whom they run as, a port for it. The
//! tests start one, and so does the benchmark, which takes this file too.

use std::ffi::OsStr;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where Debian keeps one folder a version; its server programs are not on `PATH`.
const DEBIAN: &str = "/usr/lib/postgresql";

/// Who it runs as when we are root, which it refuses to be.
pub(crate) const USER: &str = "postgres";

/// A port that nobody listens on, below those that the system gives to whoever asks for any: it
/// would give it away again before the server is there.
pub(crate) fn free_port() -> Option<u16> {
    const FIRST: u32 = 20_000;
    const COUNT: u32 = 10_000;
    let mine = std::process::id();
    let ports = (0..COUNT).map(|step| FIRST + mine.wrapping_add(step) % COUNT);
    let mut ports = ports.filter_map(|port| u16::try_from(port).ok());
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
}

/// The folder of the server's programs, of the newest version where `PATH` names none.
pub(crate) fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    // Where a link leads, beside the other programs.
    let real = |folder: PathBuf| Some(folder.join("initdb").canonicalize().ok()?.parent()?.into());
    let on_path = std::env::split_paths(&path).find_map(real);
    let newest = || {
        let versions = fs::read_dir(DEBIAN).ok()?;
        let folders = versions.flatten().filter_map(|version| {
            let number = version.file_name().to_str()?.parse::<u32>().ok()?;
            Some((number, version.path().join("bin")))
        });
        let complete = folders.filter(|(_, bin)| bin.join("initdb").is_file());
        complete.max().map(|(_, bin)| bin)
    };
    on_path.or_else(newest)
}

/// Gives the folder to whom the server runs as.
///
/// # Errors
/// It is not ours to give away.
pub(crate) fn give_away(folder: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    if let Some((user, group)) = other() {
        std::os::unix::fs::chown(folder, Some(user), Some(group))?;
    }
    Ok(())
}

/// The call of a program as whom the server runs as.
pub(crate) fn run_as_other(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    // Ours may be closed to the other.
    command.current_dir(std::env::temp_dir());
    #[cfg(unix)]
    if let Some((user, group)) = other() {
        use std::os::unix::process::CommandExt as _;
        command.uid(user).gid(group);
    }
    command
}

/// User and group that the server runs as, when we are root.
#[cfg(unix)]
fn other() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| -> Option<u32> {
        let said = Command::new("id").args(arguments).output().ok()?;
        String::from_utf8(said.stdout).ok()?.trim().parse().ok()
    };
    if id(&["-u"]) != Some(0) {
        return None;
    }
    let user = id(&["-u", USER]).filter(|user| *user != 0);
    let user = user.expect("a user `postgres`: PostgreSQL does not run as root");
    Some((user, id(&["-g", USER]).expect("a group of `postgres`")))
}
