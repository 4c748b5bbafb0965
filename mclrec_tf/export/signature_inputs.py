"""What the signatures of an export ask of their inputs, checked inside the graph.

A server compares no shape with a signature: what does not fit would fail in some op of the model,
whose message says nothing to the caller, or would be broadcast to a wrong answer.
"""

import tensorflow as tf

HISTORY_LENGTH = 50
"""Least width H of the `history` inputs, that of an export whose model reads no more items."""

MAX_HISTORY_LENGTH = 1_000
"""Greatest width of them."""


def history_width(max_length: int) -> int:
    """Width H of the `history` inputs of an export, whose signatures tell it to clients.

    Args:
        max_length: Items of a history that the model reads.

    Raises:
        ValueError: An export cannot have as many.
    """
    if max_length > MAX_HISTORY_LENGTH:
        raise ValueError(
            f"The model reads the last {max_length:,} items of a history; an export can hand it "
            f"{MAX_HISTORY_LENGTH:,} at most."
        )
    return max(max_length, HISTORY_LENGTH)


def history_input(history: tf.Tensor, width: int) -> tf.Tensor:
    """String `[B, H]`.

    Of the least width, a server that does not join requests takes narrower ones, too. Of another
    width it must not: a client that knows an export which reads less has cut the history.
    """
    history, shape = _without_shape(history)
    columns = shape[1:]
    least = 1 if width == HISTORY_LENGTH else width
    fits = tf.equal(tf.size(shape), 2) & tf.reduce_all((columns >= least) & (columns <= width))
    wanted = f"history must have the shape [batch, {width}], got"
    return _if(tf.debugging.Assert(fits, [wanted, shape]), history, [None, width])


def exclude_input(exclude: tf.Tensor, history: tf.Tensor) -> tf.Tensor:
    """String `[B, E]`: items to leave out for each of the histories."""
    return _a_row_each("exclude", exclude, ["batch", "items"], history)


def candidates_input(candidates: tf.Tensor, history: tf.Tensor) -> tf.Tensor:
    """String `[B, C]`: items to choose from for each of the histories."""
    return _a_row_each("candidates", candidates, ["batch", "items"], history)


def candidate_set_input(candidate_set: tf.Tensor, history: tf.Tensor) -> tf.Tensor:
    """String `[B]`: the named set to choose from for each of the histories."""
    return _a_row_each("candidate_set", candidate_set, ["batch"], history)


def item_input(item: tf.Tensor) -> tf.Tensor:
    """String `[B]`: items."""
    return _a_batch("item", item)


def k_input(k: tf.Tensor, rows: tf.Tensor, of_what: str = "history") -> tf.Tensor:
    """int32 `[B]`: how many items to answer with for each of the rows of another input."""
    k = _a_row_each("k", k, ["batch"], rows, of_what)
    told = ["k must be at least 1, got", tf.reduce_min(k)]
    return _if(tf.debugging.Assert(tf.reduce_all(k >= 1), told), k, [None])


def keep_seen_input(keep_seen: tf.Tensor, history: tf.Tensor) -> tf.Tensor:
    """Bool `[B]`: whether items of each of the histories may be recommended."""
    return _a_row_each("keep_seen", keep_seen, ["batch"], history)


def examples_input(examples: tf.Tensor) -> tf.Tensor:
    """String `[B]`: serialised Examples."""
    return _a_batch("examples", examples)


def _a_batch(name: str, value: tf.Tensor) -> tf.Tensor:
    value, shape = _without_shape(value)
    fits = tf.equal(tf.size(shape), 1)
    told = [f"{name} must have the shape [batch], got", shape]
    return _if(tf.debugging.Assert(fits, told), value, [None])


def _a_row_each(
    name: str, value: tf.Tensor, dims: list[str], rows: tf.Tensor, of_what: str = "history"
) -> tf.Tensor:
    value, shape = _without_shape(value)
    _, of_rows = _without_shape(rows)
    fits = tf.equal(tf.size(shape), len(dims)) & tf.reduce_all(shape[:1] == of_rows[:1])
    wanted = f"{name} must have the shape [{', '.join(dims)}], got"
    told = [wanted, shape, f"and {of_what} of the shape", of_rows]
    return _if(tf.debugging.Assert(fits, told), value, [None] * len(dims))


def _without_shape(value: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """A tensor, and its shape, of which not even the number of dimensions is taken for granted.

    Tracing believes the signature, and would drop a check as always true. The shape may only be
    looked at in ways that fail for no number of dimensions, so that the check has the first word.
    """
    value = tf.raw_ops.PlaceholderWithDefault(input=value, shape=tf.TensorShape(None))
    return value, tf.shape(value)


def _if(check: tf.Operation, value: tf.Tensor, shape: list[int | None]) -> tf.Tensor:
    """The value, of which nothing is computed before the check is done, with a static shape."""
    with tf.control_dependencies([check]):
        value = tf.identity(value)
    value.set_shape(shape)
    return value
