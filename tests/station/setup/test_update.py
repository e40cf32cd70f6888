"""Updates: refused before anything is changed, kept when good, taken back when worse. dpkg is played here."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess

import pytest

from kaga_edge.core.updating import Look
from kaga_edge.station.setup import repack
from kaga_edge.station.setup.update import (
    Done,
    Hands,
    Place,
    Terms,
    UpdateRefused,
    call,
    give_back,
    resume,
    update,
)

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None or shutil.which("dpkg-deb") is None,
    reason="no openssl or no dpkg-deb here",
)
INFO = "Package: kaga-edge\nVersion: {version}\nArchitecture: {arch}\nMaintainer: t <t@example.org>\n"
INFO += "Kaga-Store-Schema: {schema}\nDescription: t\n"


class Machine:
    """dpkg, systemd and a gateway that a test decides about; openssl and dpkg-deb are the real ones."""

    def __init__(self, folder):
        self.folder = folder
        self.version = "1.0"
        self.sensors = {"1.0": {"level-1": "ok"}, "1.1": {"level-1": "ok"}}
        self.dpkg_fails = False
        self.status = "installed"
        self.now_s = 0.0
        self.since_s = -1e6
        self.ran, self.said = [], []

    def hands(self):
        return Hands(
            run=self.run, look=self.look, wait=self.wait, now_s=lambda: self.now_s,
            say=lambda code, **_: self.said.append(code),
        )  # fmt: skip

    def wait(self, seconds):
        self.now_s += seconds

    def look(self):
        if self.version not in self.sensors:
            return None
        return Look(version=self.version, up_s=self.now_s - self.since_s, sensors=self.sensors[self.version])

    def run(self, argv):
        words = [*argv]
        self.ran.append(words[:2])
        match words:
            case ["openssl" | "dpkg-deb", *_]:
                return call(argv, {"PATH": "/usr/bin:/bin"})
            case ["dpkg-query", "--show", asked, *_] if "Status" in asked:
                return Done(code=0, out=self.status)
            case ["dpkg-query", "--show", *_]:
                return Done(code=0, out=self.version)
            case ["dpkg-query", "--listfiles", *_]:
                return Done(code=0, out="/.\n")
            case ["dpkg-query", "--status", *_]:
                status = INFO.format(version=self.version, arch="amd64", schema=1)
                return Done(code=0, out=f"Status: install ok installed\n{status}")
            case ["dpkg", "--print-architecture"]:
                return Done(code=0, out="amd64\n")
            case ["dpkg", "--compare-versions", *_]:
                return call(argv, {"PATH": "/usr/bin:/bin"})
            case ["dpkg", *_, file] if file.endswith(".deb"):
                return self._install(file)
            case _:
                return Done(code=0, out="")

    def _install(self, file):
        if self.dpkg_fails and not file.endswith("previous.deb"):
            return Done(code=1, out="")
        asked = ["dpkg-deb", "--field", file, "Version"]
        self.version = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
        self.since_s, self.status = self.now_s, "installed"
        return Done(code=0, out="")


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


@pytest.fixture
def place(tmp_path):
    private, public = tmp_path / "private.pem", tmp_path / "public.pem"
    openssl("genpkey", "-algorithm", "ed25519", "-out", private)
    openssl("pkey", "-in", private, "-pubout", "-out", public)
    configuration = tmp_path / "kaga-edge.toml"
    configuration.touch()
    return Place(
        home=tmp_path / "home", key=public, store=tmp_path / "store.sqlite", info=tmp_path,
        configuration=configuration,
    )  # fmt: skip


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


@pytest.fixture
def offer(tmp_path):
    """Give a function that makes a signed package."""

    def offer(version="1.1", arch="amd64", schema=1, key="private.pem"):
        tree = tmp_path / f"tree-{version}-{arch}-{schema}"
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "DEBIAN/control").write_text(INFO.format(version=version, arch=arch, schema=schema))
        file = tmp_path / f"kaga-edge_{version}_{arch}.deb"
        subprocess.run(["dpkg-deb", "-Znone", "--build", tree, file], check=True, capture_output=True)
        signature = f"{file}.sig"
        openssl("pkeyutl", "-sign", "-rawin", "-inkey", tmp_path / key, "-in", file, "-out", signature)
        return file

    return offer


def test_a_good_update_stays_and_the_version_before_is_kept(machine, place, offer):
    assert update(offer(), place, Terms(), machine.hands())
    assert machine.version == "1.1"
    assert (place.home / "previous.deb").exists()
    assert not (place.home / "update.json").exists()
    assert machine.said[-1] == "update.kept"


@pytest.mark.parametrize("after", [{}, {"level-1": "failing"}])
def test_an_update_after_which_a_sensor_is_silent_is_taken_back(machine, place, offer, after):
    machine.sensors["1.1"] = after
    assert not update(offer(), place, Terms(health_s=60), machine.hands())
    assert machine.version == "1.0"
    assert machine.said[-2:] == ["update.sensors", "update.returned"]


def test_an_update_that_never_answers_is_taken_back(machine, place, offer):
    del machine.sensors["1.1"]
    assert not update(offer(), place, Terms(health_s=60), machine.hands())
    assert (machine.version, machine.said[-2]) == ("1.0", "update.silent")


def test_a_machine_without_a_configuration_is_updated_without_a_watch(machine, place, offer):
    place.configuration.unlink()
    machine.sensors.clear()
    assert update(offer(), place, Terms(), machine.hands())
    assert machine.now_s == 0


def test_a_gateway_that_was_down_before_must_run_after(machine, place, offer):
    machine.sensors.clear()
    assert not update(offer(), place, Terms(health_s=60), machine.hands())
    assert machine.version == "1.0"


def test_when_dpkg_fails_the_old_version_is_put_back(machine, place, offer):
    machine.dpkg_fails = True
    assert not update(offer(), place, Terms(), machine.hands())
    assert machine.version == "1.0"


def test_a_changed_byte_is_refused_before_anything_is_installed(machine, place, offer):
    file = offer()
    content = bytearray(file.read_bytes())
    content[-100] ^= 1
    file.write_bytes(content)
    with pytest.raises(UpdateRefused, match="signature"):
        update(file, place, Terms(), machine.hands())
    assert not any(words[0] == "dpkg" for words in machine.ran)


def test_somebody_elses_signature_is_refused(machine, place, offer, tmp_path):
    openssl("genpkey", "-algorithm", "ed25519", "-out", tmp_path / "other.pem")
    with pytest.raises(UpdateRefused, match="signature"):
        update(offer(key="other.pem"), place, Terms(), machine.hands())


def test_a_signature_with_an_ecdsa_key_is_good_too(machine, place, offer, tmp_path):
    file = offer()
    private = tmp_path / "ec.pem"
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", private)
    openssl("pkey", "-in", private, "-pubout", "-out", place.key)
    openssl("dgst", "-sha256", "-sign", private, "-out", f"{file}.sig", file)
    assert update(file, place, Terms(), machine.hands())


def test_without_a_signature_or_without_a_key_nothing_is_installed(machine, place, offer):
    file = offer()
    place.key.unlink()
    with pytest.raises(UpdateRefused, match="no key"):
        update(file, place, Terms(), machine.hands())
    file.with_name(file.name + ".sig").unlink()
    with pytest.raises(UpdateRefused, match="cannot be read"):
        update(file, place, Terms(), machine.hands())


@pytest.mark.parametrize(
    ("version", "arch", "wrong"), [("1.1", "arm64", "arm64"), ("0.9", "amd64", "not newer")]
)
def test_another_processors_or_an_older_package_is_refused(machine, place, offer, version, arch, wrong):
    with pytest.raises(UpdateRefused, match=wrong):
        update(offer(version=version, arch=arch), place, Terms(), machine.hands())
    assert machine.version == "1.0"


def test_an_older_one_is_installed_when_it_is_meant(machine, place, offer):
    machine.sensors["0.9"] = {"level-1": "ok"}
    assert update(offer(version="0.9"), place, Terms(older=True), machine.hands())


def newer_store(place):
    with sqlite3.connect(place.store) as db:
        db.execute("CREATE TABLE t (x)")
        db.execute("PRAGMA user_version = 2")


def test_an_older_schema_is_refused_and_with_export_the_rows_are_written_out_first(machine, place, offer):
    newer_store(place)
    file = offer()
    with pytest.raises(UpdateRefused, match="schema 1"):
        update(file, place, Terms(), machine.hands())
    assert update(file, place, Terms(export=True), machine.hands())
    assert ["kaga-edge", "store"] in machine.ran
    assert not place.store.exists()
    assert place.store.with_name("store.sqlite.exported").exists()


def test_going_back_below_the_stores_schema_writes_the_rows_out_first(machine, place, offer):
    update(offer(), place, Terms(), machine.hands())
    newer_store(place)
    give_back(place, machine.hands())
    assert machine.version == "1.0"
    assert place.store.with_name("store.sqlite.exported").exists()


def test_rows_that_cannot_be_written_out_stop_the_way_back(machine, place, offer):
    update(offer(), place, Terms(), machine.hands())
    newer_store(place)
    hands = machine.hands()
    run = hands.run
    blocked = Hands(
        run=lambda argv: Done(code=2, out="") if argv[0] == "kaga-edge" else run(argv),
        look=hands.look, wait=hands.wait, now_s=hands.now_s, say=hands.say,
    )  # fmt: skip
    with pytest.raises(UpdateRefused, match="rows"):
        give_back(place, blocked)
    assert machine.version == "1.1"
    assert place.store.exists()
    assert machine.ran[-2:] == [["systemctl", "stop"], ["systemctl", "start"]]  # it had stayed stopped


def test_a_power_cut_after_dpkg_is_gone_on_with_and_judged_by_what_was_before(machine, place, offer):
    file = offer()
    machine.sensors["1.1"] = {"level-1": "failing"}
    hands = machine.hands()

    def cut(_seconds):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        update(
            file,
            place,
            Terms(),
            Hands(run=hands.run, look=hands.look, wait=cut, now_s=hands.now_s, say=hands.say),
        )
    assert json.loads((place.home / "update.json").read_text())["version"] == "1.1"
    assert not resume(place, Terms(health_s=60), hands)
    assert machine.version == "1.0"


def test_a_power_cut_before_dpkg_leaves_the_old_version_and_says_so(machine, place):
    place.home.mkdir()
    (place.home / "update.json").write_text(json.dumps({"version": "1.1", "before": None}))
    assert resume(place, Terms(), machine.hands())
    assert machine.said == ["update.not_begun"]
    assert not (place.home / "update.json").exists()


def test_a_power_cut_while_dpkg_unpacks_is_healed_with_the_version_before(machine, place, offer):
    """dpkg still tells the old version then, while the files are of both: it was taken for untouched."""
    update(offer(), place, Terms(), machine.hands())
    machine.status = "half-installed"
    (place.home / "update.json").write_text(json.dumps({"version": "1.2", "before": None}))
    assert not resume(place, Terms(), machine.hands())
    assert (machine.version, machine.status) == ("1.0", "installed")
    assert machine.said[-1] == "update.returned"
    assert not (place.home / "update.json").exists()


def test_without_a_previous_version_it_says_what_to_do(machine, place):
    with pytest.raises(UpdateRefused, match="no previous"):
        give_back(place, machine.hands())


def test_what_dpkg_adds_to_its_list_is_not_in_the_package_made_again():
    status = (
        "Package: kaga-edge\nStatus: install ok installed\nVersion: 1.0\n"
        "Conffiles:\n /etc/kaga-edge/setup.toml 0cc\n"
        "Description: gateway\n more words\n"
    )
    expected = "Package: kaga-edge\nVersion: 1.0\nDescription: gateway\n more words\n"
    assert repack.control_of(status) == expected


def test_the_package_made_again_holds_the_files_as_they_are(tmp_path):
    root, info, tree = tmp_path / "root", tmp_path / "info", tmp_path / "tree"
    (root / "usr/bin").mkdir(parents=True)
    (root / "usr/bin/kaga-edge").write_text("program")
    (root / "usr/bin/link").symlink_to("kaga-edge")
    info.mkdir()
    (info / "kaga-edge.postinst").write_text("#!/bin/sh\n")
    listed = "/.\n/usr\n/usr/bin\n/usr/bin/kaga-edge\n/usr/bin/link\n/usr/bin/gone\n"
    repack.lay_out(
        tree, listed=listed, status=INFO.format(version="1", arch="all", schema=1), info=info, root=root
    )
    assert (tree / "usr/bin/kaga-edge").read_text() == "program"
    assert (tree / "usr/bin/link").is_symlink()
    assert (tree / "DEBIAN/postinst").exists()
