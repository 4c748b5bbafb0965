"""Settings make the options of the command line and survive it."""

import argparse
import dataclasses
import json
import subprocess
import sys

import pytest

from pipeline import settings
from pipeline.cli.setting_options import add_settings, settings_of
from pipeline.settings import (
    BlessingSettings,
    CatalogueSettings,
    DataSettings,
    ModelSettings,
    ReleaseSettings,
    Settings,
    TrainingSettings,
    from_json,
    to_json,
)

BY_TIME = {"split": "time", "validation_period": 1, "test_period": 1}
ALL = (DataSettings, ModelSettings, TrainingSettings, BlessingSettings)


def parse(*arguments: str) -> Settings:
    parser = argparse.ArgumentParser()
    add_settings(parser)
    return settings_of(parser.parse_args(arguments))


def test_no_option_gives_the_defaults():
    assert parse() == Settings()


@pytest.mark.parametrize(
    "chosen",
    [
        *(cls() for cls in ALL),
        DataSettings(user_column="wäs", timestamp_column="", max_bad_rows=0.125, k_core=0),
        Settings(DataSettings(k_core=2), ModelSettings(lambda_=0.1)),
    ],
)
def test_settings_survive_json(chosen):
    text = to_json(chosen)
    assert from_json(type(chosen), text) == from_json(type(chosen), json.loads(text)) == chosen


def test_columns_of_the_table_of_the_catalogue():
    chosen = parse("--items=i.csv", "--item-categories=genres, brand", "--item-vectors=text")
    assert chosen.catalogue.category_names == ["genres", "brand"]
    assert chosen.catalogue.vector_names == ["text"]
    quoted = CatalogueSettings("i.csv", 'genres, "made in, by", 5" disc,"the ""new"" one"')
    assert quoted.category_names == ["genres", "made in, by", '5" disc', 'the "new" one']
    only_vectors = CatalogueSettings("i.csv", item_vectors="text")
    assert (only_vectors.category_names, only_vectors.vector_names) == ([], ["text"])
    unnamed = CatalogueSettings("i.csv")
    assert (unnamed.category_names, unnamed.vector_names) == (None, None)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (("", "genres"), "--item-categories: applies to --items only"),
        (("", "", "text"), "--item-vectors: applies to --items only"),
        (("i.csv", "a,a"), "must name each column once, between commas, got 'a,a' and ''"),
        (("i.csv", "a,", "b"), "must name each column once"),
        (("i.csv", "a", "a"), "must name each column once"),
        (("i.csv", "a", " "), "must name each column once"),
        (("i.csv", 'a,"b'), "'a,\"b' is no list of names between commas"),
        (("i.csv", "a", '"b"c'), "'\"b\"c' is no list of names between commas"),
        (("i.csv", "a\nb"), "is no list of names between commas"),
    ],
)
def test_columns_that_make_no_sense_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        CatalogueSettings(*values)


def test_settings_of_an_earlier_version_have_no_table():
    earlier = json.loads(to_json(Settings()))
    del earlier["catalogue"]
    assert from_json(Settings, earlier) == Settings()


def test_settings_of_json_are_checked():
    with pytest.raises(ValueError, match="--k-core must be at least 0"):
        from_json(Settings, {"data": {"k_core": -1}})


def test_switches_and_names_are_parsed():
    chosen = parse(
        "--share-augmenters", "--similar-items", "--update-rule=maml", "--views=contrast"
    )
    assert chosen.model == ModelSettings(
        share_augmenters=True, similar_items=True, update_rule="maml"
    )
    assert parse("--share-augmenters", "--no-share-augmenters", "--update-rule=") == Settings()


def test_a_name_that_is_not_there_names_the_option(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        parse("--update-rule=maml2")
    assert "argument --update-rule: invalid choice: 'maml2'" in capsys.readouterr().err


def test_options_keep_their_types():
    chosen = parse(
        "--lambda", "0.5", "--dim", "32", "--preset", "reference", "--timestamp-column", ""
    )
    assert chosen.model == ModelSettings(lambda_=0.5, dim=32, preset="reference")
    assert chosen.data.timestamp_column == ""


@pytest.mark.parametrize(
    ("make", "option"),
    [
        (lambda: ModelSettings(dropout=1.0), "--dropout"),
        (lambda: ModelSettings(lambda_=-0.1), "--lambda"),
        (lambda: ModelSettings(dim=30, num_heads=4), "--num-heads"),
        (lambda: ModelSettings(num_heads=0), "--num-heads"),
        (lambda: ModelSettings(members=0), "--members must be at least 1"),
        (lambda: ModelSettings(update_rule="maml2"), "--update-rule must be one of"),
        (lambda: ModelSettings(views="data"), "--views must be one of contrast, training_data"),
        (lambda: ModelSettings(positions="end"), "--positions must be one of default, from_start"),
        (
            lambda: ModelSettings(encoder="gru4rec", positions="from_end"),
            "--positions: gru4rec has no",
        ),
        (lambda: ModelSettings(temperature=0), "--temperature"),
        (lambda: TrainingSettings(epochs=0), "--epochs"),
        (lambda: TrainingSettings(warmup_steps=-1), "--warmup-steps"),
        (lambda: TrainingSettings(weight_decay=-0.1), "--weight-decay"),
        (lambda: TrainingSettings(weight_decay=float("nan")), "--weight-decay"),
        (lambda: TrainingSettings(clipnorm=float("inf")), "--clipnorm"),
        (lambda: TrainingSettings(learning_rate=0.0), "--learning-rate"),
        (lambda: TrainingSettings(monitor="val_loss"), "--monitor"),
        (lambda: DataSettings(k_core=-1), "--k-core"),
        (lambda: DataSettings(max_bad_rows=1.5), "--max-bad-rows"),
        (lambda: DataSettings(max_bad_rows=-1), "--max-bad-rows"),
        (lambda: DataSettings(split="time"), "--validation-period"),
        (
            lambda: DataSettings("", "", "", split="time", validation_period=1, test_period=1),
            "--split",
        ),
        (lambda: BlessingSettings(max_drop=-1), "--max-drop"),
        (lambda: BlessingSettings(max_drop=1.5), "--max-drop"),
        (lambda: BlessingSettings(confidence=1.0), "--confidence"),
        (lambda: BlessingSettings(min_slice_users=1), "--min-slice-users"),
    ],
)
def test_a_value_out_of_range_names_its_option(make, option: str):
    with pytest.raises(ValueError, match=option):
        make()


def run_local(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "pipeline.run_local", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.mark.integration
def test_help_explains_every_option():
    text = run_local("--help").stdout
    for cls in ALL:
        for field in dataclasses.fields(cls):
            assert settings.option(field.name) in text
            assert field.metadata["help"]
            told = f"(default: {field.default})" in " ".join(text.split())
            assert told or field.default is None  # the preset's, or the encoder's own


@pytest.mark.integration
def test_wrong_options_end_with_status_2_and_one_message():
    outcome = run_local("--data", "log.csv", "--workdir", "unused", "--dropout", "2")
    assert outcome.returncode == 2
    assert "--dropout must be at least 0 and below 1, got 2." in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_a_refit_needs_every_event_in_the_examples() -> None:
    period = {"test_period": 2, "validation_period": 2}
    data, release = DataSettings(split="time", **period), ReleaseSettings(refit=True)
    with pytest.raises(ValueError, match="--refit needs --split leave_one_out"):
        Settings(data=data, release=release)
    assert Settings(release=release).release.refit
