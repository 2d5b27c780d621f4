"""What the project says of itself is true: its documents, its deployments, its blocks and its layout."""

import argparse
import importlib
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("accord", "blocks", "tasks", "flows", "deployments")
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
LONGEST = 300  # lines of a module
VAGUE = {"util", "utils", "helper", "helpers", "manager", "handler", "base", "common"}


def _modules() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _commands() -> Iterator[str]:
    """Every command of `accord`, with each action where it has several: "db upgrade"."""
    from deployments.commands import parser

    for part in parser()._actions:
        if not isinstance(part, argparse._SubParsersAction):
            continue
        for name, command in part.choices.items():
            choices = [str(c) for a in command._actions if not a.option_strings and a.choices for c in a.choices]
            yield from (f"{name} {choice}" for choice in choices) if choices else [name]


@pytest.mark.parametrize("command", list(_commands()))
def test_every_command_is_documented(command: str) -> None:
    words = re.escape(f"accord {command}")
    assert any(re.search(rf"{words}\b", path.read_text()) for path in DOCUMENTS)


def test_neither_documents_nor_messages_name_a_command_that_is_not_there() -> None:
    known = {command.split()[0] for command in _commands()}
    # A decision speaks of its day; what it names may be gone since.
    texts = [*_modules(), *(path for path in DOCUMENTS if "decisions" not in path.parts)]
    pattern = re.compile(r"(?:`|^|\.venv/bin/|[:;] )accord ([a-z]+)", re.MULTILINE)
    named = {(_name(path), word) for path in texts for word in pattern.findall(path.read_text())}
    assert {(path, word) for path, word in named if word not in known} == set()


def _deployments() -> list[dict[str, object]]:
    found: list[dict[str, object]] = yaml.safe_load((ROOT / "deployments/prefect.yaml").read_text())["deployments"]
    return found


@pytest.mark.parametrize("deployment", _deployments(), ids=lambda d: d["name"])
def test_every_deployment_leads_to_a_flow_that_takes_its_parameters(deployment: dict[str, object]) -> None:
    from prefect import Flow

    module, _, name = str(deployment["entrypoint"]).rpartition(".")
    flow = getattr(importlib.import_module(module), name)
    assert isinstance(flow, Flow)
    given = [deployment.get("parameters", {}), *(s.get("parameters", {}) for s in deployment.get("schedules", []))]
    for parameters in given:
        flow.validate_parameters(parameters)
    for name, shown in flow.parameters.properties.items():
        assert shown.get("description"), f"the form in Prefect's UI would not say what {name} is"


def _blocks() -> list[type]:
    import blocks

    return [getattr(blocks, name) for name in blocks.__all__]


@pytest.mark.parametrize("block", _blocks(), ids=lambda b: b.__name__)
def test_every_field_of_a_block_says_what_it_is(block: type) -> None:
    from prefect.blocks.core import Block

    for name, field in block.model_fields.items():
        assert name in Block.model_fields or field.description, f"{block.__name__}.{name} has no description"


def _slug(heading: str) -> str:
    """The anchor that a heading gets on the usual viewers."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_every_link_leads_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        if re.match(r"https?://", link):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), f"{_name(document)} links to {link}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
            assert anchor in {_slug(heading) for heading in headings}, f"{_name(document)} links to {link}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_every_file_that_a_document_names_exists(document: Path) -> None:
    if "decisions" in document.parts:
        return
    named = re.findall(rf"`((?:{'|'.join(PACKAGES)}|tests|docs)/[\w./-]*)`", document.read_text())
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_architecture_names_every_module() -> None:
    page = (ROOT / "docs/architecture.md").read_text()
    rows = set(re.findall(r"^\| `([\w./]+)` \|", page, re.MULTILINE))
    modules = {_name(path) for path in _modules() if path.name != "__init__.py"}
    folders = {row for row in rows if row.endswith("/")}
    assert {row for row in rows if not (ROOT / row).exists()} == set(), "rows without a file"
    assert {m for m in modules - rows if not m.startswith(tuple(folders))} == set(), "modules without a row"


@pytest.mark.parametrize("module", _modules(), ids=_name)
def test_modules_are_short_and_named_for_what_they_are(module: Path) -> None:
    assert len(module.read_text().splitlines()) <= LONGEST
    assert not VAGUE & set(module.stem.split("_"))


def test_the_lock_takes_everything_from_the_public_index() -> None:
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    sources = {str(package["source"]) for package in lock["package"]}
    assert sources == {"{'editable': '.'}", "{'registry': 'https://pypi.org/simple'}"}


def test_the_changelog_begins_with_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    first = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert first is not None
    assert first[1] == version


def test_every_module_can_be_imported() -> None:
    for module in _modules():
        if "migrations" not in module.parts and module.name != "__main__.py":
            importlib.import_module(".".join(module.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
