"""Made-up logs in the exact layouts of data sets that people have."""

import gzip
import json
from collections.abc import Callable, Iterator
from datetime import date, datetime, timezone
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow
from pyarrow import parquet

USERS, ITEMS = 40, 25
_BEGIN = 1_500_000_000  # 2017-07-14


class Row(NamedTuple):
    """User and item by number, seconds since 1970, and a rating."""

    user: int
    item: int
    time: int
    rating: int


def made_up_rows() -> list[Row]:
    """Events in order of time, in which all users and items are in the 5-core."""
    rng = np.random.default_rng(7)
    rows = []
    for user in range(1, USERS + 1):
        for item in rng.permutation(ITEMS)[: rng.integers(8, 16)]:
            rows.append(
                Row(user, int(item) + 1, _BEGIN + int(rng.integers(10**7)), int(rng.integers(1, 6)))
            )
    return sorted(rows, key=lambda row: row.time)


def _lines(format_row: Callable[[Row], str], header: str = "") -> bytes:
    lines = [header] if header else []
    return ("\n".join([*lines, *map(format_row, made_up_rows())]) + "\n").encode()


def _iso(row: Row) -> str:
    return f"{datetime.fromtimestamp(row.time, timezone.utc):%Y-%m-%dT%H:%M:%S}"


def _day(row: Row) -> date:
    return datetime.fromtimestamp(row.time, timezone.utc).date()


def _reviewer(row: Row) -> str:
    return f"A{row.user:03}XK8ALTOVOFSO"


def _asin(row: Row) -> str:
    return f"B0{row.item:03}TUNBA"


def _steam(row: Row) -> dict[str, object]:
    review = {
        "username": f"Gamer {row.user}, the 'best'",
        "hours": row.rating / 2,
        "product_id": str(725280 + row.item),
        "page_order": 0,
        "date": str(_day(row)),
        "text": 'Great "game"\nreally',
        "early_access": False,
    }
    # Not every review has it, as in the published file.
    return review | ({"user_id": f"7656119{row.user}"} if row.time % 3 else {})


def _python_dict(row: Row) -> str:
    return "{" + ", ".join(f"u'{k}': {_u(v)}" for k, v in _steam(row).items()) + "}"


def _u(value: object) -> str:
    return f"u{value!r}" if isinstance(value, str) else repr(value)


def _sessions() -> Iterator[str]:
    for user in range(1, USERS + 1):
        kinds = ("clicks", "clicks", "clicks", "carts", "orders")
        events = [
            {"aid": row.item, "ts": row.time * 1000 + 25, "type": kinds[row.rating - 1]}
            for row in made_up_rows()
            if row.user == user
        ]
        yield json.dumps({"session": user, "events": events})


def _parquet(path: Path, article: Callable[[Row], object]) -> None:
    rows = made_up_rows()
    table = pyarrow.table(
        {
            "t_dat": [_day(row) for row in rows],
            "customer_id": [f"{row.user:064x}" for row in rows],
            "article_id": [article(row) for row in rows],
            "price": [row.rating / 59 for row in rows],
            "sales_channel_id": [row.rating % 2 + 1 for row in rows],
        }
    )
    parquet.write_table(table, path)


def _taobao(row: Row) -> str:
    kind = "pv" if row.rating < 5 else "buy"
    return f"{row.user},{2268318 + row.item},{2520377 + row.item % 3},{kind},{row.time}"


def _csv(name: str, format_row: Callable[[Row], str], header: str = "") -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / name
        data = _lines(format_row, header)
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return write


def _otto(folder: Path) -> Path:
    path = folder / "train.jsonl"
    path.write_text("\n".join(_sessions()) + "\n")
    return path


def _h_and_m(article: Callable[[Row], object]) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        _parquet(folder / "transactions_train.parquet", article)
        return folder / "transactions_train.parquet"

    return write


LAYOUTS: dict[str, Callable[[Path], Path]] = {
    "MovieLens 100K": _csv("u.data", lambda r: f"{r.user}\t{r.item}\t{r.rating}\t{r.time}"),
    "MovieLens 1M": _csv("ratings.dat", lambda r: f"{r.user}::{r.item}::{r.rating}::{r.time}"),
    "MovieLens latest": _csv(
        "ratings.csv",
        lambda r: f"{r.user},{r.item},{r.rating}.0,{r.time}",
        "userId,movieId,rating,timestamp",
    ),
    "Amazon 2014": _csv(
        "ratings_Beauty.csv", lambda r: f"{_reviewer(r)},{_asin(r)},{r.rating}.0,{r.time}"
    ),
    "Amazon 2018": _csv(
        "All_Beauty.csv", lambda r: f"{_asin(r)},{_reviewer(r)},{r.rating}.0,{r.time}"
    ),
    "Amazon 2023": _csv(
        "All_Beauty.csv.gz",
        lambda r: f"AGKHLEW2SOWHNMFQIJGBECAF{r.user:04},{_asin(r)},{r.rating}.0,{r.time}123",
        "user_id,parent_asin,rating,timestamp",
    ),
    "RetailRocket": _csv(
        "events.csv",
        lambda r: f"{r.time}117,{r.user},{'view' if r.rating < 5 else 'addtocart'},{r.item},",
        "timestamp,visitorid,event,itemid,transactionid",
    ),
    "Yoochoose": _csv("clicks.dat", lambda r: f"{r.user},{_iso(r)}.157Z,{214536500 + r.item},0"),
    "Gowalla": _csv(
        "Gowalla_totalCheckins.txt",
        lambda r: f"{r.user}\t{_iso(r)}Z\t30.2359091167\t-97.7951395833\t{22847 + r.item}",
    ),
    "Steam, Python": _csv("steam_reviews.json.gz", _python_dict),
    "Steam, JSON lines": _csv("steam_reviews.jsonl", lambda r: json.dumps(_steam(r))),
    "Taobao": _csv("UserBehavior.csv", _taobao),
    "OTTO": _otto,
    "H&M, articles as text": _h_and_m(lambda r: f"0{663713000 + r.item}"),
    "H&M, articles as integers": _h_and_m(lambda r: 663713000 + r.item),
}
