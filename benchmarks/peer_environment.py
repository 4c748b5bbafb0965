"""The environment of a peer, which has other packages than ours: made with venv and pip."""

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

_VERSIONS = """
import json, platform, sys
from importlib.metadata import version
found = {name: version(name) for name in sys.argv[1:]}
print(json.dumps(found | {"python": platform.python_version()}))
"""


class Peer(NamedTuple):
    """What is installed, as pip names it, and the packages whose versions a result tells."""

    requirement: str
    packages: tuple[str, ...]


def peer_python(folder: Path, peer: Peer) -> Path:
    """The Python of an environment that has the peer, which is made unless it is there already.

    The environment has the version of the Python that runs this. What pip was installing when it
    was killed is installed again.

    Args:
        folder: Of the environment.
        peer: What to install.

    Raises:
        SystemExit: The environment cannot be made; venv or pip have said why.
    """
    python = folder / "bin" / "python"
    whole = folder / "installed"
    if not whole.exists() or whole.read_text() != peer.requirement:
        print(f"{folder}: installing {peer.requirement}; this takes minutes and 5 GB", flush=True)
        if not python.exists():
            _made(folder, [sys.executable, "-m", "venv", str(folder)])
        install = ["-I", "-m", "pip", "install", "--quiet", "--no-cache-dir", peer.requirement]
        _made(folder, [str(python), *install])
        whole.write_text(peer.requirement)
    return python


def versions(python: Path, peer: Peer) -> dict[str, str]:
    """The versions of the peer's packages, and of its Python, by names that begin with `peer:`."""
    command = [str(python), "-I", "-c", _VERSIONS, *peer.packages]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {f"peer:{name}": version for name, version in json.loads(found).items()}


def _made(folder: Path, command: list[str]) -> None:
    if status := subprocess.run(command, check=False).returncode:
        raise SystemExit(
            f"{folder}: {' '.join(command[:4])} ended with status {status}; what it wrote is "
            "above. Name an environment that has the packages with --environment."
        )
