"""Which rows of a log count: `event == 'view'`, `rating >= 4 and verified == true`.

An expression compares columns with texts, numbers, `true` and `false` by `== != < <= > >= in`, and
joins comparisons by `and`, `or`, `not`. A name with a dot is a column of that name; any other name
stands between backticks: `` `event type` == 'view' ``. The kind of comparison is that of the
constant: `rating >= 4` compares numbers, exactly, `day >= '2026-01-01'` texts, or points in time
where the column has a type for them. As in SQL, an empty value compares with no number and no time,
whether `not` stands before it or not.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mclrec_tf.data.event_log.events import EventLogError, RowProblem
from mclrec_tf.data.event_log.values.column_texts import column_texts, is_time
from mclrec_tf.data.event_log.values.iso_times import iso_times

if TYPE_CHECKING:
    import pyarrow

_OPERATORS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_FLIPPED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.Gt,
    ast.LtE: ast.GtE,
    ast.Gt: ast.Lt,
    ast.GtE: ast.LtE,
}
_TRUTH = {"true": True, "false": False}
_SPELLINGS = {
    **dict.fromkeys(("true", "t", "yes", "y", "1"), True),
    **dict.fromkeys(("false", "f", "no", "n", "0"), False),
}
_QUOTED_NAME = re.compile("`([^`]+)`")
_HELP = (
    "Compare columns with texts in quotes, numbers, true or false, by == != < <= > >= in, joined "
    "by and, or, not: \"event == 'view' and rating >= 4\"; names with spaces in backticks."
)
_Mask = npt.NDArray[np.bool_]


class _Truth(NamedTuple):
    """Where a condition is true and where it is false; where it is neither, that is not known."""

    true: _Mask
    false: _Mask


class Where:
    """A filter of rows.

    Args:
        text: The expression; "" keeps every row.

    Raises:
        ValueError: It is no such expression.

    Example:
        >>> from mclrec_tf.data.event_log.where import Where
        >>> import pyarrow
        >>> rating = pyarrow.array([b"5", b"3", b""])
        >>> Where("rating >= 4").keeps({"rating": rating}, 3)
        (array([ True, False, False]), {})
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.columns: tuple[str, ...] = ()
        self._quoted: dict[str, str] = {}
        if text:
            try:
                self._expression = ast.parse(self._without_backticks(text), mode="eval").body
            except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
                raise ValueError(f"where must be an expression, got {text!r}. {_HELP}") from error
            names: list[str] = []
            self._check(self._expression, names)
            self.columns = tuple(dict.fromkeys(names))

    def keeps(
        self, columns: Mapping[str, pyarrow.Array], rows: int
    ) -> tuple[_Mask, dict[int, RowProblem]]:
        """Tells which rows count.

        Args:
            columns: Those of `self.columns`, at least.
            rows: How many rows there are.

        Returns:
            bool `[rows]`, and for each row that cannot be decided, because of a value that cannot
            be compared, the column, the reason and the value; the file and row are left empty.

        Raises:
            EventLogError: Points in time are compared with a text that is none.
        """
        if not self.text:
            return np.ones(rows, bool), {}
        problems: dict[int, RowProblem] = {}
        truth = self._evaluate(self._expression, columns, problems)
        decided = truth.true | truth.false
        return truth.true, {row: p for row, p in problems.items() if not decided[row]}

    def _without_backticks(self, text: str) -> str:
        def stand_in(match: re.Match[str]) -> str:
            name = f"_quoted_{len(self._quoted)}"
            self._quoted[name] = match[1]
            return name

        return _QUOTED_NAME.sub(stand_in, text.strip())

    def _check(self, node: ast.expr, names: list[str]) -> None:
        if isinstance(node, ast.BoolOp):
            for value in node.values:
                self._check(value, names)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            self._check(node.operand, names)
        elif isinstance(node, ast.Compare):
            for _, name, _ in self._comparisons(node):
                names.append(name)
        else:
            raise ValueError(f"where cannot use {ast.unparse(node)!r} in {self.text!r}. {_HELP}")

    def _comparisons(self, node: ast.Compare) -> list[tuple[ast.cmpop, str, Any]]:
        """(operator, column, constant) of each comparison of a chain such as 1 <= rating < 5."""
        sides = [node.left, *node.comparators]
        found = []
        for left, op, right in zip(sides, node.ops, sides[1:], strict=False):
            name, constant = self._name(left), self._constant(right)
            if name is None:
                name, constant = self._name(right), self._constant(left)
                op = _FLIPPED.get(type(op), type(op))()
            is_list = isinstance(constant, list)
            if name is None or constant is None or is_list != isinstance(op, (ast.In, ast.NotIn)):
                raise ValueError(
                    f"where cannot use {ast.unparse(node)!r} in {self.text!r}. {_HELP}"
                )
            found.append((op, name, constant))
        return found

    def _name(self, node: ast.expr) -> str | None:
        if isinstance(node, ast.Name) and node.id not in _TRUTH:
            return self._quoted.get(node.id, node.id)
        if isinstance(node, ast.Attribute) and (before := self._name(node.value)):
            return f"{before}.{node.attr}"
        return None

    def _constant(self, node: ast.expr) -> str | float | bool | list[Any] | None:
        if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
            values = [self._constant(value) for value in node.elts]
            kinds = {type(value) is str for value in values}
            plain = all(type(value) in (str, int, float) for value in values)
            return values if values and plain and len(kinds) == 1 else None
        if isinstance(node, ast.Name):
            return _TRUTH.get(node.id)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            value = self._constant(node.operand)
            return -value if type(value) in (int, float) else None  # type: ignore[operator]
        if isinstance(node, ast.Constant) and isinstance(node.value, (str, int, float)):
            return node.value
        return None

    def _evaluate(
        self,
        node: ast.expr,
        columns: Mapping[str, pyarrow.Array],
        problems: dict[int, RowProblem],
    ) -> _Truth:
        if isinstance(node, ast.UnaryOp):
            truth = self._evaluate(node.operand, columns, problems)
            return _Truth(truth.false, truth.true)
        if isinstance(node, ast.BoolOp):
            parts = [self._evaluate(value, columns, problems) for value in node.values]
        else:
            assert isinstance(node, ast.Compare)
            parts = [
                _compare(op, name, columns[name], constant, problems)
                for op, name, constant in self._comparisons(node)
            ]
        trues, falses = zip(*parts, strict=True)
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
            return _Truth(np.logical_or.reduce(trues), np.logical_and.reduce(falses))
        return _Truth(np.logical_and.reduce(trues), np.logical_or.reduce(falses))


def _compare(
    op: ast.cmpop,
    name: str,
    column: pyarrow.Array,
    constant: Any,
    problems: dict[int, RowProblem],
) -> _Truth:
    constants = constant if isinstance(constant, list) else [constant]
    values: list[Any] = list(column_texts(column))
    if isinstance(constants[0], str) and is_time(column.type):
        values, constants = _instants(values), _instants(constants)
        if None in constants:
            raise EventLogError(
                f"where compares the times in column {name!r} with {constant!r}, which is no ISO "
                "8601 date."
            )
    elif isinstance(constants[0], str):
        _refuse_date_beside_numbers(op, name, values, constants[0])
    else:
        is_bool = isinstance(constants[0], bool)
        reason = "is neither true nor false" if is_bool else "is not a number"
        read = (lambda text: _SPELLINGS[text.strip().lower()]) if is_bool else _number
        for row, text in enumerate(values):
            try:
                values[row] = read(text) if text else None
            except (KeyError, ValueError):
                problems[row] = RowProblem("", row, name, reason, text)
                values[row] = None
    known = np.array([value is not None for value in values], bool)
    if isinstance(op, (ast.In, ast.NotIn)):
        among = {*constants}
        true = np.array([(v in among) == isinstance(op, ast.In) for v in values], bool)
    else:
        compares = _OPERATORS[type(op)]
        other = constants[0]
        true = np.array([v is not None and compares(v, other) for v in values], bool)
    return _Truth(true & known, ~true & known)


def _refuse_date_beside_numbers(op: ast.cmpop, name: str, values: list[str], date: str) -> None:
    """Letter by letter, all numbers stand before or after a date."""
    if isinstance(op, (ast.Lt, ast.LtE, ast.Gt, ast.GtE)) and iso_times([date]).valid[0]:
        first = next(filter(None, values), "")
        if first.isdecimal():
            raise EventLogError(
                f"where compares numbers such as {first} in column {name!r} with {date!r}. "
                "Give the date as such a number."
            )


def _number(text: str) -> int | float:
    """A number, exact where it is whole: identifiers have more digits than a float."""
    if "_" in text:  # which Python allows between digits
        raise ValueError
    try:
        return int(text)
    except ValueError:
        return float(text)


def _instants(texts: list[str]) -> list[tuple[int, int] | None]:
    times = iso_times(texts)
    rows = zip(times.seconds.tolist(), times.billionths.tolist(), times.valid, strict=True)
    return [(second, part) if valid else None for second, part, valid in rows]
