"""How the ids of a log are written, to tell when one thing may have been given two ids.

`12` of one file and `12.0` of another are different ids, and so are `0012` and ` 12`. Nothing is
changed; what a person should look at is said, with numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow
from pyarrow import compute

_FORMS = {
    "decimal": r"^[0-9]+\.0+$",
    "rounded": r"^[0-9](\.[0-9]+)?[eE]\+[0-9]+$",
    "zeros": "^0[0-9]+$",
    "spaces": r"^\s|\s$",
    "quotes": r"""^(".*"|'.*')$""",
    "missing": r"^(NULL|Null|null|None|NONE|none|nan|NaN|NAN|N/A|n/a|<NA>|\\N)$",
}
_WHOLE = "^(0|[1-9][0-9]*)$"
_MOST_DIGITS = 32


@dataclass
class IdForms:
    """Rows by the form of their id.

    Attributes:
        rows: How many ids were counted.
        counts: Of each form of `_FORMS`.
        first: File, row and id of the first one of each form.
        whole: Of ids that are whole numbers, by the number of their digits.
        padded: The most digits that an id has which begins with 0.
    """

    rows: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    first: dict[str, str] = field(default_factory=dict)
    whole: list[int] = field(default_factory=lambda: [0] * _MOST_DIGITS)
    padded: int = 0

    def count(self, ids: pyarrow.Array, path: str, rows: npt.NDArray[np.int64]) -> None:
        """Counts the ids `[N]` of a batch, that stand in these rows of a file."""
        self.rows += len(ids)
        different = ids.value_counts()
        values, counts = different.field(0), different.field(1).to_numpy(zero_copy_only=False)
        lengths = compute.utf8_length(values).to_numpy(zero_copy_only=False)
        for form, pattern in _FORMS.items():
            matches = compute.match_substring_regex(values, pattern)
            mask = matches.to_numpy(zero_copy_only=False).astype(bool)
            if not mask.any():
                continue
            self.counts[form] = self.counts.get(form, 0) + int(counts[mask].sum())
            found = values[int(mask.argmax())]
            if form not in self.first:
                row = rows[compute.index(ids, found).as_py()]
                self.first[form] = f"{found.as_py()!r}, {path}, row {row}"
            if form == "zeros":
                self.padded = max(self.padded, int(lengths[mask].max()))
        whole = compute.match_substring_regex(values, _WHOLE)
        mask = whole.to_numpy(zero_copy_only=False).astype(bool)
        digits = np.minimum(lengths[mask], _MOST_DIGITS - 1)
        by_digits = np.bincount(digits, counts[mask], _MOST_DIGITS).astype(int)
        self.whole = (np.array(self.whole) + by_digits).tolist()


def notes_on_ids(column: str, forms: Iterable[IdForms]) -> list[str]:
    """What a person should look at, in sentences.

    Args:
        column: Name of the column.
        forms: Of each file.
    """
    files = list(forms)
    rows = sum(one.rows for one in files)
    counts = {form: sum(one.counts.get(form, 0) for one in files) for form in _FORMS}
    first = {form: text for one in reversed(files) for form, text in one.first.items()}
    whole = np.sum([one.whole for one in files], axis=0) if files else np.zeros(_MOST_DIGITS, int)
    shorter = int(whole[1 : max((one.padded for one in files), default=0)].sum())
    notes = []
    if counts["decimal"] and whole.sum():
        notes.append(
            f"column {column}: {counts['decimal']:,} of {rows:,} ids end in .0 "
            f"({first['decimal']}), {int(whole.sum()):,} are whole numbers; 12 and 12.0 count as "
            "two ids. Write them alike."
        )
    if counts["zeros"] and shorter:
        notes.append(
            f"column {column}: {counts['zeros']:,} of {rows:,} ids begin with 0 "
            f"({first['zeros']}), {shorter:,} are shorter numbers without; 012 and 12 count as two "
            "ids. Write them alike."
        )
    if counts["rounded"]:
        notes.append(
            f"column {column}: {counts['rounded']:,} of {rows:,} ids look like numbers that a "
            f"spreadsheet has rounded ({first['rounded']}), so that different ids may be the same "
            "now. Write the log anew from where it came from."
        )
    if counts["spaces"]:
        notes.append(
            f"column {column}: {counts['spaces']:,} of {rows:,} ids begin or end with a space "
            f"({first['spaces']}), which is a part of them: with and without they count as two "
            "ids. Write the log without, if it is not meant."
        )
    if counts["quotes"]:
        notes.append(
            f"column {column}: {counts['quotes']:,} of {rows:,} ids stand in quotes "
            f"({first['quotes']}), which are a part of them. Write the log without, if they are "
            "not meant."
        )
    if counts["missing"]:
        notes.append(
            f"column {column}: {counts['missing']:,} of {rows:,} ids look like none "
            f"({first['missing']}) and count as one id. Leave such rows out: --where "
            f"\"{column} != '…'\"."
        )
    return notes
