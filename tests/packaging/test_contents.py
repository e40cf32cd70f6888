"""What is in the package: read from the file itself, nothing installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.debian import FULL, REPOSITORY, WORK

sys.path.insert(0, str(REPOSITORY / "scripts" / "deb"))
import wheels

pytestmark = pytest.mark.timeout(600)
LIBRARIES = "usr/lib/kaga-edge"


@pytest.fixture(scope="module")
def tree(package, tmp_path_factory) -> Path:
    """Give the unpacked package with its control files."""
    folder = tmp_path_factory.mktemp("unpacked") / "tree"
    subprocess.run(["dpkg-deb", "--raw-extract", str(package), str(folder)], check=True)
    return folder


def test_both_pythons_find_every_compiled_library(tree):
    compiled = [one.name for one in (tree / LIBRARIES / "site").rglob("*.so") if "abi3" not in one.name]
    for tag in ("cpython-311", "cpython-313"):
        assert any(name.startswith("_pydantic_core.") and tag in name for name in compiled)
    by_python = {tag: sum(tag in name for name in compiled) for tag in ("cpython-311", "cpython-313")}
    assert len(set(by_python.values())) == 1


def test_lgpio_is_there_where_a_wheel_is_and_hides_nothing_where_none_is(tree):
    assert (tree / LIBRARIES / "cp311" / "lgpio.py").exists()
    assert not (tree / LIBRARIES / "site" / "lgpio.py").exists()
    assert list((tree / LIBRARIES / "cp313").iterdir()) == []


def test_it_runs_from_its_own_libraries_alone(tree, tmp_path):
    python = f"/usr/bin/python3.{sys.version_info[1]}"
    python = python if os.access(python, os.X_OK) else sys.executable
    if subprocess.run([python, "-c", "import sys; sys.exit(sys.version_info[1] not in (11, 13))"]).returncode:
        pytest.skip(f"{python} is neither 3.11 nor 3.13")
    launcher = tmp_path / "kaga-edge"
    text = (tree / "usr/bin/kaga-edge").read_text().replace("/usr/lib/kaga-edge", str(tree / LIBRARIES))
    launcher.write_text(text.partition("\n")[2])
    (tmp_path / "site.toml").write_text((REPOSITORY / "config/kaga-edge.flood.toml").read_text())
    for words in (["version"], ["config", "check", str(tmp_path / "site.toml")], ["explain", "B02"]):
        done = subprocess.run(
            [python, "-IBS", str(launcher), *words], capture_output=True, text=True, check=False
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert done.returncode in (0, 78), done.stderr


def test_the_unit_starts_the_packages_own_program(tree):
    unit = (tree / "usr/lib/systemd/system/kaga-edge.service").read_text()
    assert "ExecStart=/usr/bin/kaga-edge run" in unit
    assert "/opt/" not in unit


def test_every_file_a_station_needs_is_there(tree):
    for path in (
        "usr/lib/sysusers.d/kaga-edge.conf",
        "usr/lib/tmpfiles.d/kaga-edge.conf",
        "usr/lib/udev/rules.d/60-kaga-edge.rules",
        "usr/lib/systemd/catalog/kaga-edge.catalog",
        "usr/lib/systemd/catalog/kaga-edge.ja.catalog",
        "usr/lib/systemd/system/kaga-edge-import.service",
        "usr/lib/systemd/system/kaga-edge-setup.service",
        "usr/lib/systemd/system/kaga-edge-poweroff.path",
        "usr/share/bash-completion/completions/kaga-edge",
        "usr/share/zsh/vendor-completions/_kaga-edge",
        "usr/share/man/man1/kaga-edge.1.gz",
        "usr/share/man/ja/man1/kaga-edge.1.gz",
        "usr/share/kaga-edge/kaga-edge.schema.json",
        "usr/share/doc/kaga-edge/copyright",
        "usr/share/doc/kaga-edge/examples/kaga-edge.snow.toml",
    ):
        assert (tree / path).is_file(), path


def test_only_the_answers_of_setup_are_conffiles_and_no_site_is_shipped(tree):
    assert (tree / "DEBIAN/conffiles").read_text().split() == ["/etc/kaga-edge/setup.toml"]
    assert not (tree / "etc/kaga-edge/kaga-edge.toml").exists()


def test_nothing_of_the_build_machine_is_inside(tree):
    own = tree / LIBRARIES / "site/kaga_edge"
    assert not list(tree.rglob("__pycache__"))
    assert not list(tree.rglob("*.pyc"))
    here = str(REPOSITORY).encode()
    files = [*own.rglob("*"), *(tree / "etc").rglob("*"), *(tree / "usr/bin").iterdir()]
    assert [str(one) for one in files if one.is_file() and here in one.read_bytes()] == []


def test_the_scripts_are_plain_sh_and_ask_no_network(tree):
    for name in ("preinst", "postinst", "prerm", "postrm"):
        script = tree / "DEBIAN" / name
        subprocess.run(["sh", "-n", str(script)], check=True)
        assert not re.search(r"\b(pip|curl|wget|apt|apt-get)\b", script.read_text())
        if shutil.which("shellcheck"):
            subprocess.run(["shellcheck", "--severity=warning", str(script)], check=True)


def test_the_control_file_says_which_store_it_reads(tree):
    from kaga_edge.store.file import SCHEMA_VERSION

    control = (tree / "DEBIAN/control").read_text()
    assert f"Kaga-Store-Schema: {SCHEMA_VERSION}\n" in control


@pytest.mark.skipif(not FULL, reason="two more builds: full runs")
def test_two_builds_of_one_source_are_equal_byte_for_byte(package, tmp_path):
    source = tmp_path / "source"  # a copy: somebody may be editing the original
    for name in ("kaga_edge", "scripts", "systemd", "config"):
        shutil.copytree(REPOSITORY / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("requirements.lock", "README.md", "CHANGELOG.md", "THIRD-PARTY"):
        shutil.copyfile(REPOSITORY / name, source / name)
    made = []
    for out in (tmp_path / "one", tmp_path / "two"):
        command = [
            sys.executable,
            str(source / "scripts/deb/build.py"),
            "--arch",
            "amd64",
            "--compress",
            "none",
        ]
        subprocess.run(
            [*command, "--work", str(WORK), "--out", str(out)],
            env=os.environ | {"SOURCE_DATE_EPOCH": "1790000000"}, check=True, capture_output=True,
        )  # fmt: skip
        made.append(next(out.glob("*.deb")).read_bytes())
    assert made[0] == made[1]


@pytest.mark.skipif(not FULL, reason="two more builds: full runs")
@pytest.mark.parametrize(("arch", "machine"), [("arm64", "aarch64"), ("armhf", "arm-linux-gnueabihf")])
def test_the_other_processors_packages_hold_their_own_libraries(build, arch, machine):
    listed = subprocess.run(
        ["dpkg-deb", "--contents", str(build(arch=arch))], capture_output=True, text=True, check=True
    ).stdout
    compiled = [line.split()[-1] for line in listed.splitlines() if ".cpython-" in line]
    assert compiled
    assert all(machine in name for name in compiled)


@pytest.mark.skipif(
    not FULL or shutil.which("lintian") is None, reason="lintian: full runs, where it is installed"
)
def test_lintian_has_nothing_to_say_but_what_is_explained(package):
    done = subprocess.run(
        ["lintian", "--no-tag-display-limit", "--allow-root", str(package)],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    said = [line for line in done.stdout.splitlines() if line[:2] in ("E:", "W:")]
    explained = set(
        re.findall(r"^- `([a-z-]+)`", (REPOSITORY / "scripts/deb/LINTIAN.md").read_text(), re.MULTILINE)
    )
    assert [line for line in said if line.split()[2] not in explained] == []


# --- the lock, judged for another machine ---


def test_a_line_of_the_lock_is_judged_for_the_target_not_for_this_machine():
    lock = (
        "a==1 \\\n    --hash=sha256:00\n"
        'lgpio==0.2 ; python_version < "3.13" \\\n    --hash=sha256:11 \\\n    --hash=sha256:22\n'
    )
    assert [one.requirement.name for one in wheels.wanted(lock, "aarch64", "3.11")] == ["a", "lgpio"]
    assert [one.requirement.name for one in wheels.wanted(lock, "aarch64", "3.13")] == ["a"]
    assert next(iter(wheels.wanted(lock, "aarch64", "3.13"))).text() == "a==1 --hash=sha256:00"
