"""Named sets of items in an export, such as "in stock", that requests may choose among.

The graph holds no set, but two variables that do: the names, and a row of the catalogue for each of
them. So an export can be given other sets without the model that it was made of
(`mclrec_tf.export.registered_sets`), and whatever serves SavedModels serves them.
"""

import tensorflow as tf

NAMES, MEMBERS = "item_set_names", "item_set_members"
"""Names of the variables. The first row has no name and no item: it is what no set stands for."""


class ItemSets(tf.Module):
    """The sets of an export, at first none.

    Args:
        num_items: |I|.
    """

    def __init__(self, num_items: int) -> None:
        super().__init__(name="item_sets")
        self._names = tf.Variable([""], trainable=False, shape=[None], name=NAMES)
        self._members = tf.Variable(
            tf.zeros([1, num_items + 1], tf.bool),
            trainable=False,
            shape=[None, num_items + 1],
            name=MEMBERS,
        )

    def __call__(self, names: tf.Tensor) -> tf.Tensor:
        """Which ids the sets hold.

        Args:
            names: string `[B]`, "" for no set.

        Returns:
            bool `[B, |I| + 1]`.

        Raises:
            tf.errors.InvalidArgumentError: There is no set of a name; the message has those that
                there are.
        """
        found = names[:, None] == self._names
        unknown = tf.boolean_mask(names, ~tf.reduce_any(found, axis=1))
        told = [
            "candidate_set must be an item set of the export, got",
            unknown[:1],
            "and the export has",
            tf.strings.reduce_join(self._names[1:], separator=", "),
        ]
        check = tf.debugging.Assert(tf.size(unknown) == 0, told)
        with tf.control_dependencies([check]):
            place = tf.argmax(tf.cast(found, tf.int32), axis=1)
        return tf.gather(self._members, place)
