"""What people install: the wheel and the sdist, alone and with each extra, away from the source."""

import re
import subprocess
import sys
import tarfile
import venv
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
VISIT: Final = Path(__file__).with_name("visit.py")
# What uses each extra; a module alone would only show that a file is there.
USES: Final = {
    "cli": "from segment_identity.cli.app import app; app(['--help'], standalone_mode=False)",
    "duckdb": (
        "import sqlite3; sqlite3.connect('a.db').close();"
        "from segment_identity.warehouse.export import export_parquet;"
        "export_parquet('sqlite:///a.db', '.')"
    ),
    "http": "from segment_identity import Analytics; Analytics('http://key@127.0.0.1:9/v1')",
    "inspector": "from segment_identity import Analytics; from segment_identity.inspector import "
    "Inspector; Inspector(Analytics('memory:'), warehouse='sqlite:///analytics.db')",
    "kafka": "from segment_identity import Analytics; Analytics('kafka://127.0.0.1:9/topic')",
    "postgres": "from segment_identity import Analytics; Analytics('postgresql://127.0.0.1:9/a')",
    "prometheus": "from segment_identity.prometheus import StatsCollector",
    "warehouse": "from segment_identity import Analytics; Analytics('sqlite:///analytics.db')",
}
# Made of other extras, or not for people who install the package.
SETS: Final = {"all", "example", "test", "bench", "dev", "engines"}


def run(*command: str | Path, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run a program away from the source tree."""
    return subprocess.run(
        list(map(str, command)),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build both distributions into a folder."""
    folder = tmp_path_factory.mktemp("dist")
    done = run(sys.executable, "-m", "hatchling", "build", "-d", folder, folder=ROOT)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def wheel(built: Path) -> Path:
    """Return the wheel."""
    (found,) = built.glob("*.whl")
    return found


class Installed:
    """A fresh environment with some of the wheel's extras."""

    def __init__(self, folder: Path, *requirements: str) -> None:
        self.folder = folder
        venv.create(folder / "venv", with_pip=False, symlinks=True)
        self.python = folder / "venv" / "bin" / "python"
        pip = (sys.executable, "-m", "pip", "--python", self.python, "install", "--quiet")
        done = run(*pip, *requirements, folder=folder)
        if "No matching distribution" in done.stderr or "onnection" in done.stderr:
            pytest.skip("needs an index of packages that pip can reach")
        assert done.returncode == 0, done.stderr

    def run(self, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
        """Run this environment's Python."""
        return run(self.python, "-W", "error", *arguments, folder=self.folder)


@pytest.fixture(scope="session")
def core(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Install the wheel without any extra, and with the newest Starlette."""
    return Installed(tmp_path_factory.mktemp("core"), str(wheel))


def extras() -> set[str]:
    """Return the extras that the package names."""
    found = metadata.metadata("segment-identity").get_all("Provides-Extra")
    assert found is not None
    return set(found)


def test_every_extra_is_used_by_a_test() -> None:
    assert set(USES) | SETS == extras()


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    source = ROOT / "segment_identity"
    wanted = {
        str(each.relative_to(ROOT))
        for each in source.rglob("*")
        if each.is_file() and "__pycache__" not in each.parts
    }
    assert {name for name in names if ".dist-info/" not in name} == wanted
    assert "segment_identity/py.typed" in wanted


def test_the_sdist_makes_the_same_wheel(built: Path, wheel: Path, tmp_path: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as packed:
        packed.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    done = run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", folder=source)
    assert done.returncode == 0, done.stderr
    (again,) = source.glob("dist/*.whl")
    assert contents(again) == contents(wheel)


def contents(wheel: Path) -> dict[str, int]:
    """Return the checksums of what is in a wheel."""
    return {each.filename: each.CRC for each in zipfile.ZipFile(wheel).infolist()}


def test_the_wheel_alone_serves_a_visit(core: Installed) -> None:
    done = core.run(VISIT)
    assert done.returncode == 0, done.stderr


def test_the_lowest_starlette_that_is_allowed_serves_a_visit(wheel: Path, tmp_path: Path) -> None:
    needed = [each for each in metadata.requires("segment-identity") or () if "extra" not in each]
    lowest = [re.sub(r">=(\S+)", r"==\1", each) for each in needed]
    assert len(lowest) == 3
    done = Installed(tmp_path, str(wheel), *lowest).run("-W", "default", VISIT)
    assert done.returncode == 0, done.stderr


def test_the_core_imports_starlette_and_what_it_names_itself(core: Installed) -> None:
    done = core.run("-c", "import sys, segment_identity; print(*sorted(sys.modules))")
    packages = {name.partition(".")[0] for name in done.stdout.split()}
    ours = packages - set(sys.stdlib_module_names) - {"__main__", "_virtualenv"}
    assert ours >= {"itsdangerous", "msgspec", "segment_identity", "starlette"}
    needed = {"anyio", "idna", "itsdangerous", "msgspec", "segment_identity", "sniffio"}
    needed |= {"starlette", "typing_extensions"}
    assert {name for name in ours if not name.startswith("_")} <= needed


@pytest.mark.parametrize("extra", sorted(USES))
def test_without_its_extra_a_feature_says_what_to_install(core: Installed, extra: str) -> None:
    if extra == "cli":
        done = core.run("-m", "segment_identity", "--help")
    else:
        done = core.run("-c", USES[extra])
    assert done.returncode != 0
    # The module that exports stands among those of the warehouse.
    named = "warehouse" if extra == "duckdb" else extra
    assert f"pip install 'segment-identity[{named}]'" in done.stderr


@pytest.mark.parametrize("extra", sorted(USES))
def test_each_extra_works_alone(wheel: Path, tmp_path: Path, extra: str) -> None:
    installed = Installed(tmp_path, f"{wheel}[{extra}]")
    done = installed.run("-c", USES[extra])
    assert done.returncode == 0, done.stderr
