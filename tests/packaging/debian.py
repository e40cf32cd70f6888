"""A booted Debian 12 that packages are installed in, and what a test does to it."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
BUILD = REPOSITORY / "scripts" / "deb" / "build.py"
WORK = REPOSITORY / "build" / "deb"  # wheels and the base system stay here between runs
EXIT_NO_WHEEL = 75
FULL = os.environ.get("KAGA_TEST_FULL") == "1"
# Everything the package depends on, so that installing it needs no network.
BASE_PACKAGES = "systemd,systemd-sysv,dbus,udev,python3,openssl,ca-certificates,tzdata,libgcc-s1"

SITE = """\
[site]
id = "flood-test-01"
name = { ja = "試験", en = "Test" }

[[sensor]]
id = "station-1"
driver = "pi_power"
every = "2s"
[sensor.mount]
[sensor.disclosure]
purpose = { ja = "試験", en = "test" }
personal_data = false
"""
VCGENCMD = "#!/bin/sh\necho throttled=0x0\n"  # the firmware of a healthy Pi


@dataclass(slots=True)
class Container:
    """A booted Debian 12. ``root``: its files, seen from here."""

    root: Path
    name: str
    process: subprocess.Popen[bytes] | None = field(default=None)

    def boot(self) -> None:
        """Start systemd in it and wait until it is up."""
        group = f"/sys/fs/cgroup/{self.name}"
        prepare = (
            "mount --make-rprivate /; umount -R /sys/fs/cgroup; mount -t cgroup2 cgroup2 /sys/fs/cgroup; "
            f"mkdir -p {group}; echo $$ > {group}/cgroup.procs; "
            f"exec systemd-nspawn --quiet --boot -D {self.root} -M {self.name} --register=no --keep-unit "
            "--private-network --console=pipe "
            "--system-call-filter='landlock_create_ruleset landlock_add_rule landlock_restrict_self'"
        )
        log = (self.root.parent / "boot.log").open("ab")
        self.process = subprocess.Popen(["unshare", "-m", "sh", "-c", prepare], stdout=log, stderr=log)
        self.until(
            lambda: self.leader() is not None and self.state() in ("running", "degraded"), 120, "booted"
        )

    def leader(self) -> str | None:
        """Return the process id of its systemd."""
        assert self.process is not None
        children = [str(self.process.pid)]
        for _ in range(3):  # unshare's shell became nspawn; nspawn's child is the container's first process
            found = subprocess.run(
                ["pgrep", "--parent", ",".join(children)], capture_output=True, text=True, check=False
            ).stdout.split()
            for one in found:
                if _name_of(one) == "systemd":
                    return one
            children = found or children
        return None

    def state(self) -> str:
        """Return what systemd says of itself."""
        return self.run("systemctl", "is-system-running", check=False)

    def run(self, *words: str, check: bool = True, timeout_s: float = 300) -> str:
        """Run a command inside; return what it printed."""
        leader = self.leader()
        if leader is None:
            return ""
        done = subprocess.run(
            ["nsenter", "-t", leader, "-a", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8",
             "DEBIAN_FRONTEND=noninteractive", *words],
            capture_output=True, text=True, check=False, timeout=timeout_s,
        )  # fmt: skip
        if check:
            assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return (done.stdout + done.stderr).strip()

    def show(self, name: str, unit: str = "kaga-edge") -> str:
        """Return one property of a unit."""
        return self.run("systemctl", "show", unit, "-p", name, "--value", check=False)

    def until(self, true: Callable[[], bool], seconds: float, what: str) -> None:
        """Wait until something is so."""
        ends_s = time.monotonic() + seconds
        while not true():
            if time.monotonic() > ends_s:
                told = self.run("journalctl", "--no-pager", "-n", "40", check=False)
                pytest.fail(f"not within {seconds:.0f} s: {what}\n{told}")
            time.sleep(0.3)

    def running(self) -> bool:
        """Say whether the gateway is up and answers."""
        return self.show("ActiveState") == "active" and self.show("MainPID") > "0"

    def close(self) -> None:
        """Switch it off."""
        if self.process is not None:
            leader = self.leader()
            if leader is not None:
                subprocess.run(["kill", "-s", "RTMIN+14", leader], check=False)  # power off at once
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None


def _name_of(process: str) -> str:
    """Return a process's name; nothing when it is gone already."""
    try:
        return Path(f"/proc/{process}/comm").read_text().strip()
    except OSError:
        return ""


def needs(*tools: str) -> None:
    for tool in tools:
        if shutil.which(tool) is None:
            pytest.skip(f"no {tool} on this machine")


def run_or_skip(*command: str) -> None:
    done: subprocess.CompletedProcess[str] = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=900
    )
    if done.returncode:
        pytest.skip(f"{command[0]} failed here: {done.stderr[-300:]}")


def signed(package: Path, key: Path) -> tuple[Path, Path]:
    """Sign a package with an Ed25519 key; return it and its signature."""
    signature = package.with_name(package.name + ".sig")
    run_or_skip(
        "openssl",
        "pkeyutl",
        "-sign",
        "-rawin",
        "-inkey",
        str(key),
        "-in",
        str(package),
        "-out",
        str(signature),
    )
    return package, signature


def unpacked(release: str, folder: Path) -> Path:
    """Return a fresh minimal Debian in ``folder``; made once and kept beside the wheels."""
    needs("mmdebstrap")
    if os.geteuid() != 0:
        pytest.skip("making a Debian needs root")
    base = WORK / f"{release}.tar"
    if not base.exists():
        WORK.mkdir(parents=True, exist_ok=True)
        scratch = base.with_suffix(".part.tar")
        run_or_skip("mmdebstrap", "--quiet", "--mode=root", "--variant=minbase",
                    '--aptopt=APT::Install-Recommends "false"', f"--include={BASE_PACKAGES}",
                    release, str(scratch))  # fmt: skip
        scratch.rename(base)
    folder.mkdir()
    run_or_skip("tar", "-C", str(folder), "-xf", str(base))
    return folder
