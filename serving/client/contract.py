"""The signatures that a model has to have, from the file that exports are checked against."""

import json
from pathlib import Path
from typing import NamedTuple


class SignatureContract(NamedTuple):
    """Data types by the name of an input or output, as in "DT_STRING".

    `outputs` have the shape `[batch, places]`, and `counts` are outputs of the shape `[batch]` that
    exports of earlier versions lack.
    """

    inputs: dict[str, str]
    outputs: dict[str, str]
    counts: dict[str, str]


_DOCUMENT = json.loads(Path(__file__).parents[1].joinpath("signatures.json").read_text())

SIGNATURES = {
    name: SignatureContract(
        {key: dtype for key, (dtype, _) in signature["inputs"].items()},
        signature["outputs"],
        signature.get("counts", {}),
    )
    for name, signature in _DOCUMENT.items()
}
HISTORY_LENGTH: int = _DOCUMENT["serving_default"]["inputs"]["history"][1][1]
