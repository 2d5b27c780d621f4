"""The services of deployments/compose.yaml as processes of this machine, by their own commands and settings."""

import re
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).resolve().parents[2] / "deployments"
COMPOSE = FOLDER / "compose.yaml"
MODULES = {"accord": ["deployments.cli"], "prefect": ["prefect"]}  # programs that are modules of ours


class Composed:
    """The file with its variables filled in, and with the names of its network, ports and folders replaced."""

    def __init__(self, variables: dict[str, str], replaced: dict[str, str]) -> None:
        self._variables, self._replaced = variables, replaced
        self._services: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())["services"]

    def environment(self, service: str) -> dict[str, str]:
        """What the service is told by the image and by the file."""
        image = dict(re.findall(r"(\w+)=(\S+)", _line("ENV")))
        return {name: self._here(value) for name, value in (image | self._services[service]["environment"]).items()}

    def module(self, service: str) -> list[str]:
        """Its command as the arguments of `python -m`."""
        program, *words = self._services[service]["command"]
        return [*MODULES[program], *(self._here(word) for word in words)]

    def program(self, service: str) -> list[str]:
        """Its command as it stands."""
        return [self._here(word) for word in self._services[service]["command"]]

    def _here(self, text: str) -> str:
        text = re.sub(r"\$\{(\w+):\?\}", lambda m: self._variables[m[1]], text)
        for there, here in self._replaced.items():
            text = text.replace(there, here)
        return text


def _line(instruction: str) -> str:
    [line] = re.findall(rf"^{instruction} (.*)$", (FOLDER / "Dockerfile").read_text(), re.MULTILINE)
    return str(line)


def variables_of(example: str) -> list[str]:
    """The variables that an .env file sets."""
    return re.findall(r"^(\w+)=", example, re.MULTILINE)
