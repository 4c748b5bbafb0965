"""The checks that stop a run whose event log cannot be used, with their messages.

Imports neither TFX nor Beam, so that `pipeline.inspect` can apply the same checks quickly.
"""

from collections.abc import Mapping, Sequence

from mclrec_tf.data.event_log.files_of_a_log import check_any_rows, check_same_scale
from mclrec_tf.data.event_log.reader import EventLogError
from mclrec_tf.data.time_split import Periods
from pipeline.components.example_gen.event_log.log_report import FileSummary, LogTotals, listed

NO_USABLE_ROW = "the event log has no usable row. Correct it, or give another one."


def check_has_time(files: Sequence[FileSummary], periods: Periods | None) -> None:
    """Checks that a log that is to be split by time has times.

    Args:
        files: The summaries of the log's files.
        periods: What a split by time holds out. None for another split.

    Raises:
        EventLogError: A file has no times.
    """
    without = [file.file for file in files if file.time_scale and not file.time_scale.is_time]
    if periods and without:
        raise EventLogError(
            f"{without[0]}: this log has no time to split by. Use --split leave_one_out, "
            "or give a log with a time column and name it with --timestamp-column."
        )


def check_readable(files: Sequence[FileSummary]) -> None:
    """Checks that every file can be read, and that the times of all files can be compared.

    Raises:
        EventLogError: A file could not be read, two files have times of different kinds, or all
            files are empty.
    """
    errors = [file.error for file in files if file.error]
    if errors:
        raise EventLogError("\n".join(errors))
    check_same_scale({file.file: file.time_scale for file in files})
    check_any_rows({file.file: file.empty_because for file in files})


def check_bad_rows(path: str, files: Sequence[FileSummary], max_bad_rows: float) -> None:
    """Checks that the share of unusable rows is not too large.

    Args:
        path: The log, for the message.
        files: The summaries of its files.
        max_bad_rows: The largest share of unusable rows, from 0 to 1.

    Raises:
        EventLogError: The share is larger. The message lists the first rows.
    """
    rows = sum(file.rows for file in files)
    bad = sum(file.rows_skipped for file in files)
    if bad > max_bad_rows * rows:
        lines = listed([skipped for file in files for skipped in file.skipped])
        raise EventLogError(
            f"{path}: {bad:,} of {rows:,} rows ({bad / rows:.2%}) cannot be used, more than "
            f"{max_bad_rows:.2%}:\n  " + "\n  ".join(lines) + "\n"
            "Correct the log"
            + (", or skip a larger share of it with --max-bad-rows." if bad < rows else ".")
        )


def check_log(path: str, log: LogTotals) -> None:
    """Checks that a log has events, and more than one user and item.

    Args:
        path: The log, for the message.
        log: The size of the log before it is filtered.

    Raises:
        EventLogError: There is nothing to learn from the log, however it is filtered.
    """
    if log.events == 0:
        raise EventLogError(f"{path}: {NO_USABLE_ROW}")
    _check_more_than_one(log, f"{path}: the event log", "Give more data.")


def check_left(path: str, left: LogTotals, short_users: int, log: LogTotals, k: int) -> None:
    """Checks that the k-core leaves more than one user and item.

    Args:
        path: The log, for the message.
        left: The size of what is left.
        short_users: The number of users that the k-core leaves with too few events.
        log: The size of the log before.
        k: The smallest number of events of a user and of an item.

    Raises:
        EventLogError: There is nothing to learn from what is left.
    """
    advice = "Lower --k-core or give more data." if k > 1 else "Give more data."
    if left.users == 0:
        reason = (
            f"the k-core (k = {k}) leaves {short_users:,} users, all with fewer than the "
            "three events that it takes to train, validate and test"
            if short_users
            else f"none is in the k-core (k = {k}), where each has {k} events with the others"
        )
        raise EventLogError(
            f"{path}: no user is left of {log.users:,} users, {log.items:,} items and "
            f"{log.events:,} events: {reason}. {advice}"
        )
    _check_more_than_one(left, f"{path}: after the k-core (k = {k}) the event log", advice)


def check_splits(path: str, users: Mapping[str, int], periods: Periods | None) -> None:
    """Checks that every split has a user, which only a split by time can violate.

    Args:
        path: The log, for the message.
        users: The number of users by split.
        periods: What a split by time holds out. None for another split.

    Raises:
        EventLogError: A split has no user.
    """
    empty = [split for split, count in users.items() if not count]
    if periods and empty:
        raise EventLogError(
            f"{path}: split by time, no user is left for {' and '.join(empty)} (users: "
            f"{', '.join(f'{split} {count:,}' for split, count in users.items())}). The test takes "
            f"the last {periods.test:,} units of the log's time, validation the "
            f"{periods.validation:,} before. Set --test-period and --validation-period to what "
            "the log's times are counted in (a day is 86400 seconds or 86400000 milliseconds), "
            "and look for events that are dated in the future."
        )


def check_can_learn(path: str, learners: int, left: LogTotals) -> None:
    """Checks that a user has two events in training, so that one can be predicted from the other.

    Args:
        path: The log, for the message.
        learners: The number of users with two events in training.
        left: The size of the log after the k-core.

    Raises:
        EventLogError: There is no such user.
    """
    if not learners:
        raise EventLogError(
            f"{path}: nothing can be learned: of {left.users:,} users, none has two events "
            f"in training, one to predict from the other ({left.events:,} events are left "
            "in all; what is held out for validation and test is not trained on). Give a larger "
            "log, with at least four events of some users; with --split time, hold out less by "
            "--test-period and --validation-period."
        )


def _check_more_than_one(counts: LogTotals, subject: str, advice: str) -> None:
    numbers = f"(users: {counts.users:,}, items: {counts.items:,}, events: {counts.events:,})"
    if counts.items == 1:
        raise EventLogError(
            f"{subject} has only one item {numbers}: there is nothing to rank. {advice}"
        )
    if counts.users == 1:
        raise EventLogError(
            f"{subject} has only one user {numbers}: the model learns by telling users apart, and "
            f"one user's ranks say nothing about its quality. {advice}"
        )
