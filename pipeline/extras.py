"""Says which distribution is missing and how to install it, before anything fails for want of it.

The wheel of the library holds the files of the pipeline too, but pip installs what these import
only where the extra is asked for. Nothing is imported here, so that `--help` answers at once.
"""

import importlib.util
import sys
from collections.abc import Mapping

# A module of each distribution of an extra, but for those that TensorFlow or another one brings.
PIPELINE = {
    "serving": "mclrec-tf-serving",
    "apache_beam": "apache-beam",
    "jinja2": "jinja2",
    "keras_tuner": "keras-tuner",
    "matplotlib": "matplotlib",
    "ml_metadata": "ml-metadata",
    "prometheus_client": "prometheus-client",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "tensorboard": "tensorboard",
    "tensorflow_data_validation": "tensorflow-data-validation",
    "tensorflow_metadata": "tensorflow-metadata",
    "tensorflow_model_analysis": "tensorflow-model-analysis",
    "tensorflow_transform": "tensorflow-transform",
    "tfx": "tfx",
    "tfx_bsl": "tfx-bsl",
}
KUBEFLOW = {"kfp": "kfp", "yaml": "pyyaml"}


class NotInstalled(ModuleNotFoundError):
    """A distribution of an extra is missing; the message says which, and what installs it."""


def need_extra(extra: str, distributions: Mapping[str, str]) -> None:
    """Refuses to go on without what an extra installs.

    Args:
        extra: The name of the extra, for the message.
        distributions: The distributions by a module of each.

    Raises:
        NotInstalled: One is missing.
        SystemExit: One is missing and Python looks for the module of `python -m`, whose user would
            get a traceback of Python's own.
    """
    for module, distribution in distributions.items():
        if importlib.util.find_spec(module) is not None:
            continue
        message = (
            f'{distribution} is not installed: pip install --find-links dist "mclrec-tf[{extra}]", '
            "where dist is the folder with the wheels of mclrec-tf and mclrec-tf-serving."
        )
        if sys.argv[:1] == ["-m"]:
            sys.exit(message)
        raise NotInstalled(message, name=module)
