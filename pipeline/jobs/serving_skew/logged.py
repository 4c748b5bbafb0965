"""Served histories of a request log as Examples, as which the comparison reads them."""

import tensorflow as tf

from pipeline.components.example_gen.histories.user_history import UserHistory, to_example
from pipeline.jobs.batch_inference.user_histories import HistoriesError
from pipeline.jobs.request_log.record_files import RequestLogError, log_files
from pipeline.jobs.request_log.requests import read_requests


def write_logged_examples(log: str, file: str) -> list[str]:
    """Writes the histories that servers have logged as a TFRecord file of Examples.

    Args:
        log: TFRecord files of PredictionLog: a file, a folder or a glob pattern.
        file: The file to write.

    Returns:
        Sentences on what was left out.

    Raises:
        HistoriesError: The log cannot be used, or holds no history.
    """
    try:
        requests = read_requests(log_files(log))
    except RequestLogError as error:
        raise HistoriesError(str(error)) from error
    if not len(requests.histories):
        nothing = f"{log}: no request with a history was logged. Give a log with some."
        raise HistoriesError(" ".join([*requests.notes, nothing]))
    raw = [item.encode("utf-8", "surrogateescape") for item in requests.item_ids]
    with tf.io.TFRecordWriter(file) as writer:
        for number, history in enumerate(requests.histories):
            items = [raw[item] for item in history]
            writer.write(to_example(UserHistory(str(number).encode(), items, [])))
    return requests.notes
