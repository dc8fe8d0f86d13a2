//! A real nginx on loopback, in front of servers that a file names.

use super::cache::Cache;
use super::debian::Packaged;
use super::folder::PrivateFolder;
use super::node::{free_port, spawn};
use super::process::ProcessId;
use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const NGINX: Packaged = Packaged { package: "nginx", program: "usr/sbin/nginx", version: "-v" };
const PATIENCE: Duration = Duration::from_secs(20);

/// A private nginx of one test. It is ended with its workers, and its folder removed, when dropped.
#[derive(Debug)]
pub struct Nginx {
    program: PathBuf,
    port: u16,
    child: Child,
    id: ProcessId,
    folder: PrivateFolder,
}

impl Nginx {
    /// Starts it in front of one server, given as `HOST:PORT`.
    pub async fn start(server: &str) -> Result<Nginx> {
        let server = server.to_owned();
        tokio::task::spawn_blocking(move || Nginx::launch(&server))
            .await
            .context("the launch was given up")?
    }

    fn launch(server: &str) -> Result<Nginx> {
        let cache = Cache::open()?;
        let program = NGINX.find(&cache)?;
        let port = free_port()?;
        let folder = PrivateFolder::create(&cache, &format!("nginx-{port}"))?;
        let home = folder.path();
        fs::write(home.join("servers"), format!("server {server};\n")).context("cannot name the server")?;
        fs::write(home.join("nginx.conf"), settings(home, port)).context("cannot write nginx's settings")?;
        // The kernel's signal when we die is the one by which it takes its workers along.
        let mut command = Command::new("setsid");
        command.args(["setpriv", "--pdeathsig", "TERM"]).arg(&program).arg("-c").arg(home.join("nginx.conf"));
        let printed = File::create(home.join("printed.log")).context("no log for nginx")?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(printed);
        let (child, id) = spawn(command)?;
        let mut nginx = Nginx { program, port, child, id, folder };
        nginx.wait_listening()?;
        Ok(nginx)
    }

    fn wait_listening(&mut self) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if let Some(status) = self.child.try_wait().context("cannot ask for nginx's state")? {
                bail!("nginx ended ({status}):\n{}", self.log());
            }
            if Instant::now() >= until {
                bail!("nginx does not listen:\n{}", self.log());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Where users ask.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The configuration.
    pub fn configuration(&self) -> PathBuf {
        self.folder.path().join("nginx.conf")
    }

    /// The file that names the servers behind it.
    pub fn servers(&self) -> PathBuf {
        self.folder.path().join("servers")
    }

    /// Freezes it, and not its workers: it serves, and hears nothing.
    pub fn freeze(&self) -> Result<()> {
        self.id.signal(Signal::STOP).map(drop)
    }

    /// Lets it go on.
    pub fn thaw(&self) -> Result<()> {
        self.id.signal(Signal::CONT).map(drop)
    }

    /// Ends it, with its workers.
    pub fn end(&mut self) -> Result<()> {
        self.id.end(Duration::from_secs(5))?;
        self.child.wait().context("cannot wait for nginx")?;
        Ok(())
    }

    /// What it said.
    pub fn log(&self) -> String {
        let read = |name: &str| fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
        read("printed.log") + &read("error.log")
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // nothing sensible can be done about a failure here
        let _ = self.end();
    }
}

fn settings(home: &Path, port: u16) -> String {
    let home = home.display();
    let folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("  {kind}_temp_path {home}/{kind};\n"))
        .concat();
    format!(
        "daemon off;\npid {home}/nginx.pid;\nerror_log {home}/error.log notice;\nworker_processes 2;\nevents {{}}\n\
         http {{\n  access_log off;\n{folders}  upstream search {{\n    include {home}/servers;\n    keepalive 8;\n  }}\n  \
         server {{\n    listen 127.0.0.1:{port};\n    location / {{\n      proxy_pass http://search;\n      \
         proxy_http_version 1.1;\n      proxy_set_header Connection \"\";\n    }}\n  }}\n}}\n"
    )
}
