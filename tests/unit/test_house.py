"""The plan of the house, read from the source: who may import whom, which library belongs to which room."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = {"gis": set(), "data": {"gis"}, "maps": {"gis"}, "api": {"gis", "data", "maps"}}
LIBRARIES = {
    "sqlalchemy": "data",
    "geoalchemy2": "data",
    "psycopg2": "data",
    "alembic": "data",
    "folium": "maps",
    "jinja2": "maps",
    "fastapi": "api",
    "pydantic": "api",
    "starlette": "api",
    "typer": "api",
    "uvicorn": "api",
}
HEAVY = {"pandas", "geopandas", "shapely", "numba", "matplotlib", "scipy", "sqlalchemy", "fastapi", "numpy", "rich"}
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for room in ROOMS
    for path in sorted((ROOT / room).rglob("*.py"))
    if "versions" not in path.parts
}


def trees() -> Iterator[tuple[str, ast.Module]]:
    for module, path in MODULES.items():
        yield module, ast.parse(path.read_text(encoding="utf-8"))


def imported(tree: ast.AST) -> set[str]:
    """Every name some import statement below `tree` asks for, in full."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports say the whole name"
            names |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def at_import(tree: ast.Module) -> ast.Module:
    """The tree without what waits in functions and without what only a type checker sees."""
    kept = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    later = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
        for inner in ast.walk(node)
    }
    return ast.Module([node for node in kept if id(node) not in later], [])


def test_each_room_imports_only_the_rooms_below_it():
    wrong = [
        f"{module} imports {name}"
        for module, tree in trees()
        for name in imported(tree)
        if (room := name.split(".")[0]) in ROOMS and room not in ROOMS[module.split(".")[0]] | {module.split(".")[0]}
    ]
    assert not wrong


def test_each_library_stays_in_its_room():
    wrong = [
        f"{module} imports {name}"
        for module, tree in trees()
        for name in imported(tree)
        if LIBRARIES.get(name.split(".")[0], module.split(".")[0]) != module.split(".")[0]
    ]
    assert not wrong


def test_actions_know_nothing_of_http():
    wrong = [module for module, tree in trees() if module.startswith("api.actions") and _speaks_http(tree)]
    assert not wrong


def _speaks_http(tree: ast.Module) -> bool:
    return bool({name.split(".")[0] for name in imported(tree)} & {"fastapi", "starlette", "uvicorn", "typer"})


def test_only_the_shell_prints():
    """`print(..., file=...)` into an open file is writing, not printing."""
    wrong = [
        f"{module}:{node.lineno}"
        for module, tree in trees()
        if not module.startswith("api.cli")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "typer.echo", "typer.secho")
    ]
    assert not wrong


def test_no_module_waits_for_one_that_waits_for_it():
    """Take away, again and again, what needs nothing that is left; a cycle is what cannot be taken away."""
    left = {
        module: {name for name in imported(at_import(tree)) if name in MODULES and name != module}
        for module, tree in trees()
    }
    while free := {module for module, needs in left.items() if not needs & left.keys()}:
        left = {module: needs for module, needs in left.items() if module not in free}
    assert not left


def test_no_function_calls_a_variable_by_the_name_of_a_room():
    wrong = [
        f"{module}:{node.lineno} {node.id}"
        for module, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in ROOMS
    ]
    assert not wrong


@pytest.mark.parametrize("arguments", [["--help"], ["up", "--help"], ["db", "backup", "--help"]])
def test_help_waits_for_nothing_heavy(arguments):
    program = (
        "import sys; from api.cli import run; status = run(sys.argv[1:]);"
        "print(status, *sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    told = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    )
    status, *modules = told.stderr.split()
    assert status == "0"
    assert HEAVY & set(modules) == set()


def test_every_command_shows_an_example_of_itself():
    """Walk the tree of commands as the parser built it; the hidden ones are the launcher's."""
    import typer

    import api.cli

    wrong = [
        path
        for path, command in _commands("wangge", typer.main.get_command(api.cli.program()))
        if not command.hidden and path not in (command.epilog or "")
    ]
    assert not wrong


def test_the_program_is_the_same_however_often_it_is_put_together():
    """A group of commands that outlives it would be filled again each time."""
    import api.cli

    def registered(app):
        below = sum(registered(group.typer_instance) for group in app.registered_groups)
        return len(app.registered_commands) + below

    assert registered(api.cli.program()) == registered(api.cli.program()) > 50


def _commands(path, command):
    below = getattr(command, "commands", {})
    if not below:
        yield path, command
    for name, each in below.items():
        yield from _commands(f"{path} {name}", each)


def test_the_test_requirements_pin_what_the_program_runs_on():
    """`wangge test` must not test other versions than those that are installed for use."""
    running, testing = (_pins(ROOT / name) for name in ("requirements.txt", "requirements-dev.txt"))
    assert running.items() <= testing.items()


def _pins(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==([^ \\]+)", path.read_text(), flags=re.MULTILINE))


def test_every_requirement_is_pinned_by_hash():
    for name in ("requirements.txt", "requirements-dev.txt"):
        blocks = re.split(r"\n(?=[\w.-]+==)", (ROOT / name).read_text())
        assert all("--hash=sha256:" in block for block in blocks if "==" in block.splitlines()[0])


def test_the_lock_of_the_scripts_pins_the_versions_the_pages_were_written_for():
    listed = tomllib.loads((ROOT / "maps" / "vendor.toml").read_text(encoding="utf-8"))["file"]
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    for file in listed:
        assert locked[f"node_modules/{file['package']}"]["version"] == file["version"]


def test_no_file_of_ours_names_a_package_registry():
    """Where packages come from is the machine's business; a district may only reach its own mirror."""
    names = (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("registry", "npmjs"),
        ("npmmirror", "com"),
        ("tuna", "tsinghua"),
    )
    registries = [".".join(parts).encode() for parts in names]
    wrong = [
        str(path.relative_to(ROOT))
        for path in _ours(ROOT)
        if any(registry in path.read_bytes() for registry in registries)
    ]
    assert not wrong


def _ours(folder: Path) -> Iterator[Path]:
    """Every file but what the set-up, the program and the tools put beside ours."""
    theirs = {".git", ".venv", ".wangge", "node_modules", "vendor", "build", "dist"}
    for path in folder.iterdir():
        if path.is_dir() and path.name not in theirs and not path.name.endswith(("cache", "cache__", ".egg-info")):
            yield from _ours(path)
        elif path.is_file():
            yield path


@pytest.mark.parametrize("shell", ["sh", "dash", "bash"])
def test_the_launcher_is_plain_shell(shell):
    from shutil import which

    if which(shell) is None:
        pytest.skip(f"no {shell} here")
    subprocess.run([shell, "-n", str(ROOT / "wangge")], check=True)


def test_the_launcher_runs_as_it_was_checked_out():
    assert (ROOT / "wangge").stat().st_mode & 0o111
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_every_bench_can_be_loaded_from_anywhere(tmp_path):
    """What nobody runs for a while must not fall behind what it measures."""
    load = "import runpy, sys; [runpy.run_path(name) for name in sys.argv[1:]]"
    benches = sorted(map(str, (ROOT / "tests" / "bench").glob("*.py")))
    done = subprocess.run(
        [sys.executable, "-c", load, *benches], cwd=tmp_path, env=_without_paths(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]


def _without_paths() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
