"""compose.yaml, its Dockerfile and its example of variables fit each other and keep the rules; without Docker."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deployments"
TEXT = (FOLDER / "compose.yaml").read_text()
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]
EXAMPLE = (FOLDER / ".env.example").read_text()
DOCKERFILE = (FOLDER / "Dockerfile").read_text()
ONCE = {"tables", "ledger"}  # they end
SILENT = {"services", "worker"}  # they answer on no port; Prefect shows when they were last heard of


def version() -> str:
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])


def test_each_variable_has_to_be_set_and_is_explained() -> None:
    asked = re.findall(r"\$\{?(\w+)([^}]*)", TEXT)
    assert {how for _, how in asked} == {":?"}
    assert {name for name, _ in asked} == set(re.findall(r"^(\w+)=", EXAMPLE, re.MULTILINE))


def test_neither_the_file_nor_the_example_holds_a_secret() -> None:
    assert set(re.findall(r"^\w+=(.*)$", EXAMPLE, re.MULTILINE)) <= {"", "accord:"}
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|AUTH|KEY", name) or "@" in value:
                assert "${" in value, name


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_is_pinned_is_started_again_and_says_how_it_is(name: str) -> None:
    service = SERVICES[name]
    assert re.search(r":\d+\.\d+\.?\d*(-\w+)?$", service["image"])
    if "build" in service:
        assert service["image"] == f"accord:{version()}"
        assert (FOLDER / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
    assert service["restart"] == ("on-failure" if name in ONCE else "unless-stopped")
    assert ("healthcheck" in service) != (name in ONCE | SILENT)
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    for other, how in service.get("depends_on", {}).items():
        ended = how["condition"] == "service_completed_successfully"
        assert ended == (other in ONCE)
        assert ended or "healthcheck" in SERVICES[other]


def test_the_worker_has_time_to_drain() -> None:
    worker = SERVICES["worker"]
    drain = float(worker["command"][worker["command"].index("--drain") + 1])
    assert float(worker["stop_grace_period"].removesuffix("m")) * 60 > drain


def test_every_volume_and_file_that_is_mounted_is_there() -> None:
    mounted = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    files = {name for name in mounted if name.startswith(".")}
    assert all((FOLDER / name).is_file() for name in files)
    assert mounted - files == yaml.safe_load(TEXT)["volumes"].keys()


def test_the_image_is_installed_as_the_readme_says_and_runs_as_nobody_in_particular() -> None:
    steps = re.findall(r"^([A-Z]+) ", DOCKERFILE, re.MULTILINE)
    assert steps[0] == "FROM"
    assert re.search(r"^FROM python:\d+\.\d+\.\d+-", DOCKERFILE, re.MULTILINE)
    assert "pip install ." in (ROOT / "README.md").read_text()
    [(folder, extra)] = re.findall(r"pip install --no-cache-dir '(/\S+)\[(\w+)\]'", DOCKERFILE)
    assert f"COPY . {folder}\n" in DOCKERFILE
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert extra in project["optional-dependencies"]
    assert steps.index("USER") > steps.index("RUN")


def test_only_what_is_installed_gets_into_the_image() -> None:
    taken = set(re.findall(r"^!(.+)$", (FOLDER / "Dockerfile.dockerignore").read_text(), re.MULTILINE))
    built = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert taken >= {*built["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"], "pyproject.toml", "README.md"}
    assert all((ROOT / name).exists() for name in taken)


def test_docker_compose_takes_it(tmp_path: Path) -> None:
    compose = ["docker", "compose"]
    if not shutil.which("docker") or subprocess.run([*compose, "version"], capture_output=True, check=False).returncode:
        pytest.skip("there is no docker compose here")
    filled = tmp_path / "env"
    filled.write_text(re.sub(r"^(\w+=.*)$", r"\1x", EXAMPLE, flags=re.MULTILINE))
    command = [*compose, "--file", str(FOLDER / "compose.yaml"), "--env-file", str(filled), "config", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
