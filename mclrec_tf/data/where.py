"""Which rows of a log count: `event == 'view'`, `rating >= 4 and verified == true`.

An expression compares columns with texts, numbers, `true` and `false` by `== != < <= > >= in`, and
joins comparisons by `and`, `or`, `not`. A name with a dot is a column of that name. The kind of
comparison is that of the constant: `rating >= 4` compares numbers, `day >= '2026-01-01'` texts. An
empty value is neither equal nor larger nor smaller than a number.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mclrec_tf.data.column_texts import column_texts

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
_HELP = (
    "Compare columns with texts in quotes, numbers, true or false, by == != < <= > >= in, joined "
    "by and, or, not: \"event == 'view' and rating >= 4\"."
)
_Mask = npt.NDArray[np.bool_]


class Where:
    """A filter of rows.

    Args:
        text: the expression; "" keeps every row.

    Raises:
        ValueError: it is no such expression.

    Example:
        >>> import pyarrow
        >>> rating = pyarrow.array([b"5", b"3", b""])
        >>> Where("rating >= 4").keeps({"rating": rating}, 3)
        (array([ True, False, False]), {})
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.columns: tuple[str, ...] = ()
        if text:
            try:
                self._expression = ast.parse(text.strip(), mode="eval").body
            except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
                raise ValueError(f"where must be an expression, got {text!r}. {_HELP}") from error
            names: list[str] = []
            self._check(self._expression, names)
            self.columns = tuple(dict.fromkeys(names))

    def keeps(
        self, columns: Mapping[str, pyarrow.Array], rows: int
    ) -> tuple[_Mask, dict[int, tuple[str, str]]]:
        """Tells which rows count.

        Args:
            columns: those of `self.columns`, at least.
            rows: how many rows there are.

        Returns:
            bool `[rows]`, and for each row that cannot be compared its column and value.
        """
        if not self.text:
            return np.ones(rows, bool), {}
        problems: dict[int, tuple[str, str]] = {}
        return self._evaluate(self._expression, columns, problems), problems

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
            return node.id
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
        problems: dict[int, tuple[str, str]],
    ) -> _Mask:
        if isinstance(node, ast.BoolOp):
            masks = [self._evaluate(value, columns, problems) for value in node.values]
            join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
            return join.reduce(masks)
        if isinstance(node, ast.UnaryOp):
            return ~self._evaluate(node.operand, columns, problems)
        assert isinstance(node, ast.Compare)
        masks = [
            _compare(op, name, column_texts(columns[name]), constant, problems)
            for op, name, constant in self._comparisons(node)
        ]
        return np.logical_and.reduce(masks)


def _compare(
    op: ast.cmpop,
    name: str,
    texts: list[str],
    constant: Any,
    problems: dict[int, tuple[str, str]],
) -> _Mask:
    first = constant[0] if isinstance(constant, list) else constant
    values: list[Any]
    if isinstance(first, bool):
        values = [_TRUTH.get(text.lower()) for text in texts]
    elif isinstance(first, str):
        values = list(texts)
    else:
        values = []
        for row, text in enumerate(texts):
            try:
                values.append(float(text) if text else None)
            except ValueError:
                problems[row] = (name, text)
                values.append(None)
    if isinstance(op, (ast.In, ast.NotIn)):
        among = {*constant}
        return np.array([(v in among) == isinstance(op, ast.In) for v in values], bool)
    compares = _OPERATORS[type(op)]
    if isinstance(op, (ast.Eq, ast.NotEq)):
        return np.array([compares(value, constant) for value in values], bool)
    return np.array([value is not None and compares(value, constant) for value in values], bool)
