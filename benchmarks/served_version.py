"""The version of a model that a server serves."""

from pathlib import Path


def newest_version(model_base_path: Path) -> Path:
    """The folder of the newest version under a model's base path.

    Raises:
        ValueError: There is none.
    """
    # Imported here, because it loads TensorFlow, which takes too long for --help.
    from pipeline.components.pusher.version_folders import version_folders

    versions = version_folders(model_base_path)
    if not versions:
        raise ValueError(f"{model_base_path} holds no folder with a number for a name")
    return model_base_path / versions[-1]
