"""Parameters: layers, YAML, options, grids; all mistakes at once, each with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pytest

from labctl.api import InputFile, Param, Parameters
from labctl.config import Configuration, Layer
from labctl.errors import PluginError, UsageError
from labctl.parameters.fields import HOST_OPTIONS, fields_of, schema
from labctl.parameters.layers import resolve
from labctl.parameters.types import Given, Resolved, Types
from labctl.parameters.yamlfile import read_yaml
from labctl.testing import Lab


class Inner(Parameters):
    beta: Annotated[float, Param(ge=0, le=1, description="momentum")] = 0.9


class Options(Parameters):
    epochs: Annotated[int, Param(ge=1, description="passes over the data")] = 10
    lr: Annotated[float, Param(gt=0, description="step size")] = 1e-3
    mode: Literal["sgd", "adam"] = "adam"
    subjects: tuple[str, ...] = ("a",)
    clip: float | None = None
    deep: bool = False
    data: InputFile | None = None
    inner: Inner = Inner()


class Depth(Parameters):
    depth: Annotated[int, Param(ge=1)] = 2


TYPES = Types("nsm", Options, {"confusion": Depth}, {"quick": {"epochs": 2, "inner": {"beta": 0.5}}})


def resolved(tmp_path: Path, text: str | None = None, **given: object) -> Resolved:
    if text is not None:
        (tmp_path / "e.yaml").write_text(text)
        given["file"] = str(tmp_path / "e.yaml")
    return resolve(TYPES, Given(**given), Configuration([]))  # type: ignore[arg-type]


def mistakes(tmp_path: Path, text: str, **given: object) -> list[str]:
    with pytest.raises(UsageError) as found:
        resolved(tmp_path, text, **given)
    return list(found.value.details)


def test_the_stronger_layer_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configuration = Configuration(
        [
            Layer("user", {"parameters": {"nsm": {"epochs": 3, "lr": 0.3}}}),
            Layer("labctl.toml", {"parameters": {"nsm": {"epochs": 4}}}),
        ]
    )

    def values(**given: object) -> tuple[int, str]:
        point = resolve(TYPES, Given(**given), configuration).points[0]  # type: ignore[arg-type]
        return point.parameters.epochs, str(point.origins["epochs"])

    file = tmp_path / "e.yaml"
    file.write_text("epochs: 5\n")
    point = resolve(TYPES, Given(preset="quick"), configuration).points[0]
    assert point.parameters == Options(epochs=4, lr=0.3, inner=Inner(beta=0.5))
    assert values() == (4, "configuration labctl.toml")
    assert values(file=str(file)) == (5, "file e.yaml:1:1")
    monkeypatch.setenv("LABCTL_NSM_EPOCHS", "6")
    assert values(file=str(file)) == (6, "environment LABCTL_NSM_EPOCHS")
    assert values(file=str(file), flags={"epochs": "7"}) == (7, "flag --epochs")


def test_a_value_given_as_its_default_is_given(tmp_path: Path) -> None:
    point = resolved(tmp_path, "epochs: 5\n", flags={"epochs": "10"}).points[0]
    assert point.parameters.epochs == 10
    assert point.origins["epochs"].layer == "flag"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001), ("1e3", 1000.0), ("1.5e3", 1500.0), ("no", "no"), ("on", "on"), ("yes", "yes"),
        ("017", 17), ("0o17", 15), ("0x1F", 31), ("1:30", "1:30"), ("1_000", "1_000"), ("0b11", "0b11"),
        ("2026-11-21", "2026-11-21"), ("=", "="), ("true", True), ("~", None), ("", None), ("-.5", -0.5),
        ("'3'", "3"), (".inf", float("inf")), ("12345678901234567890", 12345678901234567890),
    ],
)  # fmt: skip
def test_yaml_scalars_are_those_of_1_2(tmp_path: Path, text: str, value: object) -> None:
    (tmp_path / "s.yaml").write_text(f"key: {text}\n")
    document, found = read_yaml(str(tmp_path / "s.yaml"), "s.yaml")
    assert found == []
    assert document is not None
    assert document.values["key"] == value
    assert type(document.values["key"]) is type(value)


def test_all_mistakes_of_a_file_at_once(tmp_path: Path) -> None:
    text = "\n".join(
        [
            "lr: fast",
            "epochs: 0",
            "mode: rmsprop",
            "learning_rat: 3",
            "lr: 1",
            "subjects: [1, 2]",
            "deep: yes",
            "inner: {beta: 2, gamma: 1}",
            "extensions: {confusion: {depht: 3}}",
            "data: /nowhere/at/all",
        ]
    )
    found = mistakes(tmp_path, text)
    heads = [line for line in found if line.startswith("e.yaml:")]
    places = sorted(line.split("   ")[0] for line in heads)
    assert places == sorted(
        [
            "e.yaml:1:5", "e.yaml:2:9", "e.yaml:3:7", "e.yaml:4:1", "e.yaml:5:1", "e.yaml:6:11",
            "e.yaml:7:7", "e.yaml:8:15", "e.yaml:8:18", "e.yaml:9:26", "e.yaml:10:7",
        ]
    )  # fmt: skip
    whole = "\n".join(found)
    assert '"fast" is not a number' in whole
    assert '"rmsprop" is not one of sgd, adam' in whole
    assert "lr: given twice, first in line 1" in whole
    assert '"yes" is not true or false' in whole
    assert "did you mean extensions.confusion.depth?" in whole
    assert "there is no file /nowhere/at/all" in whole


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- 1\n- 2\n", "is a list, not a mapping"),
        ("just text", "is a single value"),
        ("a: [1,\n", "is not YAML"),
        ("a: &x 1\nb: *x\n", "an anchor is not allowed here"),
        ("a: !!python/object:os.system 1\n", "tag"),
        ("? [1, 2]\n: 3\n", "a key must be a word"),
        ("a: 1\n---\nb: 2\n", "is not YAML"),
        ("a: " + "[" * 5000, "is not YAML"),
        ("a: " + "9" * 5000, "a number of 5000 digits"),
        ("preset: [1]\n", "preset: a name is wanted"),
        ("plugin: cgt\n", "is for cgt, not nsm"),
        ("preset: quik\n", "did you mean quick?"),
    ],
)
def test_files_that_are_no_parameters(tmp_path: Path, text: str, message: str) -> None:
    assert message in "\n".join(mistakes(tmp_path, text))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_bytes(b"a: \xff\xfe\n")
    (tmp_path / "n.yaml").write_bytes(b"a: \x00\n")
    for name, message in (
        ("b.yaml", "is not UTF-8"),
        ("n.yaml", "is not YAML"),
        ("x.yaml", "cannot be read"),
    ):
        with pytest.raises(UsageError) as found:
            resolve(TYPES, Given(file=str(tmp_path / name)), Configuration([]))
        assert message in found.value.message + "".join(found.value.details)
    (tmp_path / "big.yaml").write_text("#" * 1_100_000)
    with pytest.raises(UsageError, match="larger than 1 MB"):
        resolve(TYPES, Given(file=str(tmp_path / "big.yaml")), Configuration([]))


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    assert resolved(tmp_path, "# nothing\n").points[0].parameters == Options()


def test_a_list_in_yaml_is_a_sweep(tmp_path: Path) -> None:
    found = resolved(tmp_path, "lr: [0.1, 0.2]\nsubjects: [x, y]\nepochs: [1, 2]\n")
    assert [p.label for p in found.points] == [
        "epochs=1,lr=0.1", "epochs=1,lr=0.2", "epochs=2,lr=0.1", "epochs=2,lr=0.2",
    ]  # fmt: skip
    assert {p.parameters.subjects for p in found.points} == {("x", "y")}
    lists = resolved(tmp_path, "subjects: [[x], [y, z]]\n")
    assert [p.parameters.subjects for p in lists.points] == [("x",), ("y", "z")]


def test_a_flag_over_a_sweep_ends_it(tmp_path: Path) -> None:
    found = resolved(tmp_path, "lr: [0.1, 0.2]\n", flags={"lr": "0.5"})
    assert [p.parameters.lr for p in found.points] == [0.5]


def test_grids(tmp_path: Path) -> None:
    found = resolved(tmp_path, grid=("lr=0.1,1e-2", "extensions.confusion.depth=1,2"))
    assert [(p.parameters.lr, p.extensions["confusion"].depth) for p in found.points] == [
        (0.1, 1), (0.1, 2), (0.01, 1), (0.01, 2),
    ]  # fmt: skip
    for grid, message in (
        ("lr", "write it as name=a,b"),
        ("epoch=1", "did you mean epochs?"),
        ("lr=x", "not a number"),
    ):
        with pytest.raises(UsageError) as error:
            resolved(tmp_path, grid=(grid,))
        assert message in "\n".join(error.value.details)


def test_texts_are_converted_with_their_bounds(tmp_path: Path) -> None:
    flags = {
        "epochs": "3",
        "lr": "1e-4",
        "clip": "null",
        "deep": "true",
        "subjects": ["p,q"],
        "inner.beta": "0.25",
    }
    got = resolved(tmp_path, flags=flags).points[0].parameters
    assert got == Options(epochs=3, lr=1e-4, deep=True, subjects=("p", "q"), inner=Inner(beta=0.25))
    for flag, text in (("epochs", "2.5"), ("epochs", "0"), ("lr", "nan"), ("lr", "inf"), ("clip", "much")):
        with pytest.raises(UsageError):
            resolved(tmp_path, flags={flag: text})


def test_unknown_variables_are_mistakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABCTL_NSM_EPOCH", "3")
    with pytest.raises(UsageError) as found:
        resolved(tmp_path)
    assert "did you mean LABCTL_NSM_EPOCHS?" in found.value.details[0]


def test_variables_of_extensions_and_nested_fields(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABCTL_NSM__CONFUSION__DEPTH", "5")
    monkeypatch.setenv("LABCTL_NSM_INNER__BETA", "0.75")
    point = resolved(tmp_path).points[0]
    assert point.extensions["confusion"].depth == 5
    assert point.parameters.inner.beta == 0.75


def test_input_files_and_folders_are_digested(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "x").write_text("1")
    one = resolved(tmp_path, flags={"data": str(tmp_path / "d")}).points[0].parameters.data
    (tmp_path / "d" / "x").write_text("2")
    two = resolved(tmp_path, flags={"data": str(tmp_path / "d")}).points[0].parameters.data
    assert one.sha256 != two.sha256
    (tmp_path / "d" / "link").symlink_to("/etc/passwd")
    with pytest.raises(UsageError, match="error"):
        resolved(tmp_path, flags={"data": str(tmp_path / "d")})


def test_every_host_option_is_reserved() -> None:
    from labctl.cli.run import HOST

    names = {str(option.name) for option in HOST} - {"source"} | {"from"}
    assert names <= HOST_OPTIONS
    for name in HOST_OPTIONS - {"from"}:
        namespace: dict[str, object] = {}
        exec(f"from labctl.api import Parameters\nclass O(Parameters):\n    {name}: int = 1\n", namespace)
        with pytest.raises(PluginError, match="host option"):
            fields_of(namespace["O"], "x")  # type: ignore[arg-type]


def test_the_json_schema_has_bounds_defaults_and_help() -> None:
    found = schema(Options)["$defs"]["Options"]["properties"]
    assert found["epochs"]["minimum"] == 1
    assert found["epochs"]["default"] == 10
    assert found["epochs"]["description"] == "passes over the data"


def test_help_shows_types_and_defaults(dice: Lab) -> None:
    done = dice("run", "dice", "--help")
    assert done.code == 0
    assert "is the die fair?" in done.out
    assert "--sides INT" in done.out
    assert "sides of the die  [6]" in done.out
    assert "--fail / --no-fail" in done.out
    assert "fair|loaded" in done.out
    assert "--retries" in done.out


def test_an_unknown_option_says_the_nearest(dice: Lab) -> None:
    done = dice("run", "dice", "--side", "3")
    assert done.code == 2
    assert "there is no option --side" in done.err
    assert "did you mean --sides?" in done.err
    wrong = dice("run", "dice", "--sides", "many")
    assert wrong.code == 2
    assert '--sides: "many" is not a whole number' in wrong.err
    assert not (dice.home / "runs" / "dice-1").exists()
