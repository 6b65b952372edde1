"""What the package needs, read from requirements.txt; everything else is in pyproject.toml."""

from pathlib import Path

from setuptools import setup

lines = Path(__file__).with_name("requirements.txt").read_text(encoding="utf-8").splitlines()
tests = lines.index("# Tests")


def needs(part: list[str]) -> list[str]:
    """The requirements among some lines."""
    return [line for line in part if line and not line.startswith("#")]


setup(install_requires=needs(lines[:tests]), extras_require={"tests": needs(lines[tests:])})
