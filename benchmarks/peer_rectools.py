"""RecTools' SASRec, one epoch after the other: what runs in the environment of the peer.

    PEER_ENVIRONMENT/bin/python benchmarks/peer_rectools.py FOLDER

`benchmarks.peers` starts it, and it imports nothing of this project. FOLDER holds `settings.json`
and the histories of each split, `<split>_items.npy` and `<split>_lengths.npy`. After each epoch it
leaves a folder `epoch-001`, `epoch-002`, … with a vector for each user of validation and test, one
for each item, and what it needs to go on; then it writes a line of JSON and waits for a line: `on`
lets it train another epoch. It goes on from the newest of these folders.
"""

import json
import logging
import os
import resource
import sys
import warnings
from pathlib import Path
from time import monotonic

import numpy as np
import pandas as pd
import torch
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import SASRecModel

_BATCH = 256


def main(folder: Path) -> None:
    # Lightning prints to stdout, which is for the lines of this program alone.
    lines, sys.stdout = sys.stdout, sys.stderr
    # Nor does anyone need its advice on loaders and accelerators.
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    settings = json.loads((folder / "settings.json").read_text())
    seed = settings["seed"]
    model = SASRecModel(
        n_blocks=settings["num_layers"],
        n_heads=settings["num_heads"],
        n_factors=settings["dim"],
        dropout_rate=settings["dropout"],
        session_max_len=settings["max_length"],
        loss="softmax",
        lr=settings["learning_rate"],
        batch_size=settings["batch_size"],
    )
    dataset = events_of(read_histories(folder, "train"))
    torch.manual_seed(seed)
    # No epoch yet, which makes the weights.
    model.fit_partial(dataset, min_epochs=0, max_epochs=0)
    optimizer = model.lightning_model.configure_optimizers()
    done = sorted(folder.glob("epoch-*"))
    if done:
        # Weights and numbers alone: nothing in the file is run.
        state = torch.load(done[-1] / "state.pt", weights_only=True)
        model.lightning_model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        # Otherwise the first epoch would draw new weights.
        model.lightning_model.is_fitted = True
    epoch = int(done[-1].name.removeprefix("epoch-")) if done else 0
    # A first epoch draws fewer random numbers than those after it.
    progress = model.fit_trainer.fit_loop.epoch_progress.current
    progress.ready = progress.started = progress.processed = progress.completed = epoch
    while True:
        print(json.dumps({"epochs": epoch}), file=lines, flush=True)
        if sys.stdin.readline().strip() != "on":
            return
        epoch += 1
        began = monotonic()
        # The same order and dropout of an epoch, wherever training was interrupted.
        torch.manual_seed(1_000_003 * seed + epoch)
        model.fit_partial(dataset, min_epochs=1, max_epochs=1)
        told = {
            "loss": float(model.fit_trainer.callback_metrics["train_loss"]),
            "training_seconds": monotonic() - began,
            "peak_memory_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
        }
        began = monotonic()
        # Of this process alone: one whose caller was killed still trains its epoch to the end.
        unfinished = folder / f"unfinished-{os.getpid()}"
        unfinished.mkdir()
        write_vectors(model, folder, settings, unfinished)
        told["vectors_seconds"] = monotonic() - began
        (unfinished / "told.json").write_text(json.dumps(told))
        state = {
            "model": model.lightning_model.state_dict(),
            "optimizer": optimizer.state_dict(),
        }
        torch.save(state, unfinished / "state.pt")
        unfinished.rename(folder / f"epoch-{epoch:03}")


def read_histories(folder: Path, split: str) -> list[np.ndarray]:
    """The histories of a split, each an array of ids, oldest first."""
    items = np.load(folder / f"{split}_items.npy", allow_pickle=False)
    lengths = np.load(folder / f"{split}_lengths.npy", allow_pickle=False)
    return np.split(items, np.cumsum(lengths)[:-1])


def events_of(histories: list[np.ndarray]) -> Dataset:
    """The events of histories, whose places stand for their times."""
    lengths = [len(history) for history in histories]
    places = np.concatenate([np.arange(length) for length in lengths])
    return Dataset.construct(
        pd.DataFrame(
            {
                Columns.User: np.repeat(np.arange(len(histories)), lengths),
                Columns.Item: np.concatenate(histories),
                Columns.Weight: 1.0,
                Columns.Datetime: pd.Timestamp("2020-01-01") + pd.to_timedelta(places, unit="s"),
            }
        )
    )


def write_vectors(model: SASRecModel, folder: Path, settings: dict, out: Path) -> None:
    """Writes float32 vectors: NaN for an item that was not trained, and for who has no other."""
    network = model.torch_model.eval()
    # From our ids to those of RecTools, of which 0 is the padding.
    known = model.data_preparator.item_id_map
    ids = np.zeros(settings["num_items"] + 1, np.int64)
    ours = np.array([item for item in known.external_ids if item != "PAD"], np.int64)
    ids[ours] = known.convert_to_internal(ours)
    width = settings["max_length"]
    with torch.no_grad():
        items = network.item_model.get_all_embeddings()
        vectors = items.numpy()[ids]
        vectors[ids == 0] = np.nan
        np.save(out / "items.npy", vectors)
        for split in ("validation", "test"):
            histories = [ids[history] for history in read_histories(folder, split)]
            rows = np.zeros((len(histories), width), np.int64)
            for row, history in zip(rows, histories, strict=True):
                recent = history[history > 0][-width:]
                row[width - len(recent) :] = recent
            users = [
                network.encode_sessions({"x": torch.from_numpy(rows[at : at + _BATCH])}, items)
                for at in range(0, len(rows), _BATCH)
            ]
            found = torch.cat([part[:, -1] for part in users]).numpy()
            found[(rows == 0).all(axis=1)] = np.nan
            np.save(out / f"{split}_users.npy", found)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
