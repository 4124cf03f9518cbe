"""A real Slurm of one node, started for its tests and stopped after them; they are skipped if it cannot start."""

from __future__ import annotations

import getpass
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

TEMPLATE = Path(__file__).with_name("slurm.conf.txt")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol")
IDLE_SECONDS = 60  # until the node must be idle


@pytest.fixture(scope="session")
def slurm() -> Iterator[Path]:
    """Start a single-node Slurm and point SLURM_CONF to its configuration; the value is its folder."""
    path = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/usr/local/sbin"])
    missing = [name for name in PROGRAMS if shutil.which(name, path=path) is None]
    if missing:
        pytest.skip(f"Slurm is not installed: {', '.join(missing)} not found (slurm-wlm and munge of the distribution)")
    if os.geteuid() != 0:
        pytest.skip("slurmd needs root to start jobs")
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(prefix="slurm-") as name:
        folder = Path(name)
        patch.setenv("PATH", path)
        patch.setenv("SLURM_CONF", str(_configure(folder)))
        daemons: list[subprocess.Popen[bytes]] = []
        try:
            for command in _commands(folder):
                with (folder / f"{command[0]}.out").open("wb") as log:
                    daemons.append(subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True))
                time.sleep(1)
            _wait_until_idle(folder, daemons)
            yield folder
        finally:
            _cancel_all_jobs()
            for daemon in reversed(daemons):
                daemon.terminate()
                try:
                    daemon.wait(15)
                except subprocess.TimeoutExpired:
                    daemon.kill()
                    daemon.wait()


def _cancel_all_jobs() -> None:
    """Cancel what a failed test left, and wait: the daemons must end the jobs before they are ended themselves."""
    subprocess.run(["scancel", "--user", getpass.getuser()], check=False, timeout=30)
    until = time.monotonic() + IDLE_SECONDS
    while time.monotonic() < until:
        jobs = subprocess.run(["squeue", "--noheader"], capture_output=True, check=False, timeout=30)
        if not jobs.stdout:
            return
        time.sleep(0.5)


def _commands(folder: Path) -> list[list[str]]:
    conf = str(folder / "slurm.conf")
    munge = ["munged", "--foreground", "--force", f"--key-file={folder}/munge.key", f"--socket={folder}/munge.socket"]
    munge += [f"--{what}-file={folder}/munge.{what}" for what in ("log", "pid", "seed")]
    return [munge, ["slurmctld", "-D", "-f", conf], ["slurmd", "-D", "-f", conf]]


def _configure(folder: Path) -> Path:
    key = folder / "munge.key"
    key.write_bytes(secrets.token_bytes(128))
    key.chmod(0o600)
    for name in ("slurmd", "slurmctld"):
        (folder / name).mkdir()
    ports = _free_ports(2)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    text = TEMPLATE.read_text().format(
        names="{names}", host=socket.gethostname().split(".")[0], controller_port=ports[0], node_port=ports[1],
        folder=folder, user=getpass.getuser(), cores=os.cpu_count(), memory=memory * 9 // 10,
    )  # fmt: skip
    conf = folder / "slurm.conf"
    conf.write_text(text)
    return conf


def _free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in held]
    for server in held:
        server.close()
    return ports


def _wait_until_idle(folder: Path, daemons: list[subprocess.Popen[bytes]]) -> None:
    started = time.monotonic()
    while time.monotonic() - started < IDLE_SECONDS and all(daemon.poll() is None for daemon in daemons):
        state = subprocess.run(["sinfo", "-h", "-o", "%T"], capture_output=True, text=True, check=False, timeout=30)
        if state.stdout.strip() == "idle":
            return
        time.sleep(0.5)
    logs = [path.read_text(errors="replace").splitlines()[-3:] for path in folder.glob("*.out")]
    pytest.skip(f"Slurm does not start: {logs}")
