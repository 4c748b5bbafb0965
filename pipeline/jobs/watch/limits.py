"""The limits of what is watched, as options.

Imports nothing heavy, so that `--help` answers at once.
"""

from dataclasses import dataclass

from pipeline.settings import setting


@dataclass(frozen=True)
class WatchLimits:
    """What each version must keep; the exit status tells whether it did.

    Raises:
        ValueError: A value is out of range.
    """

    max_unknown_items: float = setting(
        0.1, "largest share of the histories' items that a version does not know, from 0 to 1"
    )
    max_empty_histories: float = setting(0.5, "largest share of empty histories, from 0 to 1")
    max_length_drift: float = setting(
        0.2,
        "largest Jensen-Shannon divergence, from 0 (alike) to 1, of the lengths of histories from "
        "those of --data, or with --since from those of before",
    )
    max_recommended_drift: float = setting(
        0.2,
        "with --since: largest Jensen-Shannon divergence of the recommended items from those of "
        "before",
    )
    min_hit_rate_at_10: float = setting(
        0.0, "smallest online HR@10, from 0 to 1; broken where the whole interval is below it"
    )
    min_rows: int = setting(100, "number of histories of a version below which nothing is judged")

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            option = "--" + name.replace("_", "-")
            if name == "min_rows":
                if value < 1:
                    raise ValueError(f"{option} must be at least 1, got {value}.")
            elif not 0 <= value <= 1:
                raise ValueError(f"{option} must be from 0 to 1, got {value:g}.")
