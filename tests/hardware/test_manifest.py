import json
import os
from pathlib import Path

import pytest

from neurosim.errors import DescriptionError, FileFormatError, UnsupportedError
from neurosim.hardware.manifest import Manifest, PopulationEntry, read_manifest, write_folder
from neurosim.hardware.target import load

MANIFEST = Manifest(
    target="loihi",
    profile="test",
    dt=1e-3,
    inputs={"in": PopulationEntry(shape=(2, 3))},
    populations={"p": PopulationEntry(shape=(4,), lag=2, states={"v": (64.0, -1.0)})},
    outputs=("p",),
    settings={"cores": [1, 2]},
)
FILES = {"a.txt": "hello", "deep/b.bin": b"\0\1", "c.txt": lambda path: path.write_text("written")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_folder(tmp_path / "build", MANIFEST, FILES)  # type: ignore[arg-type]
    return tmp_path / "build"


def change(folder: Path, **fields: object) -> None:
    """Put other values into a manifest."""
    data = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**data, **fields}))


def test_round_trip(folder: Path) -> None:
    read = read_manifest(folder)
    assert read.populations == MANIFEST.populations
    assert read.inputs == MANIFEST.inputs
    assert read.max_lag == 2
    assert set(read.files) == set(FILES)
    assert (folder / "deep" / "b.bin").read_bytes() == b"\0\1"


def test_equal_builds_are_equal_bytes(folder: Path, tmp_path: Path) -> None:
    write_folder(tmp_path / "again", MANIFEST, FILES)  # type: ignore[arg-type]
    assert (folder / "manifest.json").read_bytes() == (tmp_path / "again" / "manifest.json").read_bytes()


def test_a_failed_write_leaves_the_old_build_and_nothing_else(folder: Path) -> None:
    def fails(path: Path) -> None:
        path.write_text("half")
        raise OSError("disk full")

    before = sorted(p.name for p in folder.parent.rglob("*"))
    with pytest.raises(OSError, match="disk full"):
        write_folder(folder, MANIFEST, {"a.txt": "new", "z.txt": fails})
    assert sorted(p.name for p in folder.parent.rglob("*")) == before
    assert (folder / "a.txt").read_text() == "hello"


def test_a_folder_that_is_not_a_build_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("x")
    with pytest.raises(DescriptionError, match="not a build"):
        write_folder(tmp_path / "thesis", MANIFEST, FILES)  # type: ignore[arg-type]
    assert (tmp_path / "thesis" / "chapter.tex").read_text() == "x"


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "", "manifest.json", "a\\..\\x"])
def test_file_names_stay_inside(tmp_path: Path, folder: Path, name: str) -> None:
    with pytest.raises(FileFormatError):
        write_folder(tmp_path / "other", MANIFEST, {name: "x"})
    assert not (tmp_path / "other").exists()
    data = json.loads((folder / "manifest.json").read_text())
    data["files"][name] = {"sha256": "0", "bytes": 1}
    (folder / "manifest.json").write_text(json.dumps(data))
    with pytest.raises(FileFormatError):
        read_manifest(folder)


@pytest.mark.parametrize(
    "damage",
    [
        lambda f: (f / "a.txt").write_text("hellO"),
        lambda f: (f / "a.txt").write_text("hell"),
        lambda f: (f / "a.txt").unlink(),
        lambda f: (f / "manifest.json").write_text((f / "manifest.json").read_text()[:200]),
        lambda f: (f / "manifest.json").write_text("[]"),
        lambda f: (f / "manifest.json").write_text('{"format": 99}'),
        lambda f: (f / "manifest.json").write_bytes(b"\xff\xfe"),
        lambda f: (f / "manifest.json").unlink(),
        lambda f: (f / "manifest.json").write_text("[" * 100_000),
        lambda f: change(f, dt=0.0),
        lambda f: change(f, dt=float("nan")),
        lambda f: change(f, dt="1ms"),
        lambda f: change(f, target=5),
        lambda f: change(f, settings=[]),
        lambda f: change(f, outputs=["q"]),
        lambda f: change(f, surprise=1),
        lambda f: change(f, files={"a.txt": 5}),
        lambda f: change(f, files={"a.txt": {"bytes": 5}}),
        lambda f: change(f, populations={"p": {"shape": [-2, -2], "lag": 0, "states": {}}}),
        lambda f: change(f, populations={"p": {"shape": [2.5], "lag": 0, "states": {}}}),
        lambda f: change(f, populations={"p": {"shape": [2], "lag": 10**12, "states": {}}}),
        lambda f: change(f, populations={"p": {"shape": [2], "lag": -1, "states": {}}}),
        lambda f: change(f, populations={"p": {"shape": [2], "lag": 0, "states": {"v": [0.0, 1.0]}}}),
        lambda f: change(f, populations={"p": {"shape": [2], "lag": 0, "states": {"v": [1e999, 1.0]}}}),
    ],
)
def test_damage_is_found_before_anything_runs(folder: Path, damage: object) -> None:
    damage(folder)  # type: ignore[operator]
    with pytest.raises(FileFormatError):
        load(folder)


def test_a_build_for_an_unknown_target_names_those_there_are(tmp_path: Path) -> None:
    from dataclasses import replace

    write_folder(tmp_path / "b", replace(MANIFEST, target="brainscales"), {})
    with pytest.raises(UnsupportedError, match=r"brainscales.*loihi"):
        load(tmp_path / "b")


def test_a_link_out_of_the_folder_is_not_followed(folder: Path) -> None:
    outside = folder.parent / "outside.txt"
    outside.write_text("hello")
    (folder / "a.txt").unlink()
    (folder / "a.txt").symlink_to(outside)
    with pytest.raises(FileFormatError, match="link leaves"):
        read_manifest(folder)


def test_the_old_build_comes_back_if_the_new_one_cannot_be_put_in_its_place(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_ = os.replace

    def fails(source: Path, target: Path) -> None:
        if Path(source).name == "build" and Path(source) != folder:
            raise OSError("no permission")
        replace_(source, target)

    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(OSError, match="no permission"):
        write_folder(folder, MANIFEST, {"a.txt": "new"})
    assert (folder / "a.txt").read_text() == "hello"
