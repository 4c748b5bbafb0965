"""The versions of a model under its base path, as a server looks for them."""

from tfx.dsl.io import fileio


def version_folders(base_path: str) -> list[str]:
    """Names of the folders that are numbers, oldest first; none if the base path is not there."""
    if not fileio.isdir(base_path):
        return []
    # Some file systems end the names of folders with a slash.
    names = (name.rstrip("/") for name in fileio.listdir(base_path))
    return sorted((name for name in names if name.isdecimal()), key=int)
