"""The launcher sets up once, again after an interruption or a change, and never twice at a time.

A stub stands for Python and npm and writes down how it was called, so that nothing is fetched.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STUB = """#!/bin/sh
case "$*" in
*"-m venv"*)
    for folder; do :; done
    mkdir -p "$folder/bin" "$folder/lib"
    cp "$0" "$folder/bin/python"
    ;;
*"-m pip install"*)
    echo pip >>"$CALLS"
    if [ -e "$FAIL" ]; then exit 1; fi
    ;;
*"-m api.cli vendor"*) mkdir -p "$PYTHONPATH/maps/static/vendor" ;;
*"-m api.cli"*)
    shift 3
    for argument; do printf '<%s>' "$argument"; done
    printf ' in %s on %s' "$(pwd -P)" "$PYTHONPATH"
    ;;
esac
"""
NPM = '#!/bin/sh\necho npm >>"$CALLS"\n'


@pytest.fixture(params=["plain", "有 空格 的文件夹", "it's $HOME"])
def checkout(request, tmp_path):
    """A folder with the launcher and what it reads, and stubs before the real programs on the path."""
    folder = tmp_path / request.param
    (folder / "maps").mkdir(parents=True)
    for name in ("wangge", "requirements.txt", "requirements-dev.txt", "package-lock.json", "maps/vendor.toml"):
        shutil.copy(ROOT / name, folder / name)
    stubs = tmp_path / "stubs"
    stubs.mkdir()
    for name, text in (("python3", STUB), ("npm", NPM)):
        (stubs / name).write_text(text)
        (stubs / name).chmod(0o755)
    return folder


@pytest.fixture
def surroundings(tmp_path):
    return {
        "PATH": f"{tmp_path / 'stubs'}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "CALLS": str(tmp_path / "calls"),
        "FAIL": str(tmp_path / "fail"),
    }


@pytest.fixture
def run(checkout, surroundings, tmp_path):
    def call(*arguments, program=None, cwd=tmp_path):
        command = [str(program or checkout / "wangge"), *arguments]
        return subprocess.run(command, cwd=cwd, env=surroundings, capture_output=True, text=True, check=False)

    return call


def calls(tmp_path) -> list[str]:
    kept = tmp_path / "calls"
    return kept.read_text().split() if kept.exists() else []


def test_the_program_gets_the_very_arguments_in_the_callers_folder(run, checkout, tmp_path):
    told = run("import", "areas", "街道 1.gpkg", "--name=a b", "")
    assert told.stdout == f"<import><areas><街道 1.gpkg><--name=a b><> in {tmp_path} on {checkout}"


def test_what_is_there_is_not_made_again(run, tmp_path):
    run("--help")
    assert run("--help").stderr == ""
    assert calls(tmp_path) == ["pip", "npm"]


def test_test_needs_more_than_up_and_says_so_once(run, tmp_path):
    for command in ("up", "test", "test", "up"):
        run(command)
    assert calls(tmp_path) == ["pip", "npm", "pip"]


@pytest.mark.parametrize(("changed", "made"), [("requirements.txt", "pip"), ("package-lock.json", "npm")])
def test_a_changed_list_is_followed(run, checkout, tmp_path, changed, made):
    run("up")
    (checkout / changed).write_text("# other\n")
    run("up")
    assert calls(tmp_path) == ["pip", "npm", made]


def test_a_set_up_that_was_cut_short_is_done_again_from_nothing(run, checkout, tmp_path):
    (tmp_path / "fail").touch()
    assert run("up").returncode != 0
    (checkout / ".venv" / "half").touch()
    (tmp_path / "fail").unlink()
    assert run("up").returncode == 0
    assert calls(tmp_path) == ["pip", "pip", "npm"]
    assert not (checkout / ".venv" / "half").exists()


def test_many_first_calls_at_once_set_up_once(checkout, surroundings, tmp_path):
    command = [str(checkout / "wangge"), "up"]
    started = [subprocess.Popen(command, env=surroundings, stderr=subprocess.DEVNULL) for _ in range(5)]
    assert [each.wait() for each in started] == [0] * 5
    assert calls(tmp_path) == ["pip", "npm"]


def test_it_may_be_called_through_a_link(run, checkout, tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "wangge").symlink_to("../again")
    (tmp_path / "again").symlink_to(os.path.relpath(checkout / "wangge", tmp_path))
    told = run("doctor", program=tmp_path / "bin" / "wangge", cwd="/")
    assert told.stdout == f"<doctor> in / on {checkout}"


def test_without_python_it_says_which_line_to_run_and_exits_with_3(run, tmp_path):
    for version in ("", ".11", ".12", ".13", ".14"):
        stub = tmp_path / "stubs" / f"python3{version}"
        stub.write_text("#!/bin/sh\nexit 1\n")
        stub.chmod(0o755)
    told = run("up")
    assert told.returncode == 3
    assert "apt-get install -y python3 python3-venv" in told.stderr
