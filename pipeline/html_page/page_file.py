"""Writes a page from a template beside the module that fills it."""

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from tfx.dsl.io import fileio


def write_html(
    path: str | os.PathLike[str],
    package: str,
    values: Mapping[str, Any],
    filters: Mapping[str, Callable[..., Any]],
) -> None:
    """Fills the template `page.html.j2`. If the page cannot be finished, no file is left.

    Args:
        path: The file to write. Its folder is made if it does not exist.
        package: The package that has the template. It may include `style.css`.
        values: What the template inserts, escaped unless it says otherwise.
        filters: The template's own filters.
    """
    path = os.fspath(path)
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package, "."), PackageLoader(__package__, ".")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(filters)
    html = environment.get_template("page.html.j2").render(**values)
    if folder := os.path.dirname(path):
        fileio.makedirs(folder)
    try:
        with fileio.open(path, "w") as file:
            file.write(html)
    except Exception:
        with suppress(Exception):
            fileio.remove(path)
        raise
