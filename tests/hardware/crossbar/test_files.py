from __future__ import annotations

import csv
import io
import tomllib

import h5py
import numpy as np
import pytest

from neurosim.connectivity.synapse_rows import rows_from
from neurosim.engine.plan import PlanProjection
from neurosim.errors import FileFormatError
from neurosim.hardware.crossbar.files import profile_toml, pulse_toml, read_blocks, tile_csv, write_blocks
from neurosim.hardware.crossbar.mapping import Scaling, TileShape, map_projection
from neurosim.hardware.crossbar.profile import profile_names, read_profile

SHAPE = TileShape(8, 6)
SIZES = {"a": 9, "b": 13}
RRAM = read_profile("rram-wan-1d")


@pytest.fixture
def blocks():
    rng = np.random.default_rng(0)
    pre, post = rng.integers(0, 9, 60), rng.integers(0, 13, 60)
    rows = rows_from(pre, post, rng.normal(0, 1, 60), rng.integers(0, 4, 60), 9, 13)
    return map_projection(PlanProjection("p", "a", "b", rows), SHAPE, RRAM, Scaling.COLUMN, first_tile=0)


@pytest.fixture
def file(blocks, tmp_path):
    path = tmp_path / "crossbar.h5"
    write_blocks(path, blocks, SHAPE, RRAM)
    return path


def test_what_is_written_is_read(blocks, file):
    back = read_blocks(file, SHAPE, SIZES)
    assert len(back) == len(blocks)
    for mine, theirs in zip(blocks, back, strict=True):
        for name in vars(mine):
            np.testing.assert_array_equal(getattr(mine, name), getattr(theirs, name), err_msg=name)
            assert np.asarray(getattr(mine, name)).dtype == np.asarray(getattr(theirs, name)).dtype


def test_the_table_of_a_tile_lists_the_cells_to_program(blocks):
    block = blocks[0]
    ((tile, lines), *_) = block.tiles(SHAPE)
    rows = list(csv.DictReader(io.StringIO(tile_csv(block, lines, tile, RRAM))))
    assert len(rows) == block.programmed[lines].sum()
    for row in rows:
        g = float(block.target[int(row["row"]), int(row["column"])])
        assert float(row["g_target_S"]) == pytest.approx(g, rel=1e-5)
        assert float(row["g_lo_S"]) == pytest.approx(max(g - 1e-6, 0), rel=1e-4, abs=1e-12)
        assert float(row["g_hi_S"]) == pytest.approx(g + 1e-6, rel=1e-4)
        assert row["polarity"] == ("+1" if int(row["column"]) % 2 == 0 else "-1")
        assert int(row["tile"]) == tile


@pytest.mark.parametrize("name", profile_names())
def test_the_profile_survives_the_folder(name, tmp_path):
    profile = read_profile(name)
    path = tmp_path / "device.toml"
    path.write_text(profile_toml(profile))
    assert read_profile(path).replace(pulse=profile.pulse, sources=profile.sources) == profile
    assert set(read_profile(path).sources) >= set(profile.sources)
    assert tomllib.loads(pulse_toml(profile))["read_voltage_V"] == profile.read_voltage


def change(name, value):
    def edit(f):
        if name in f:
            del f[name]
        if value is not None:
            f[name] = value

    return edit


def attribute(group, name, value):
    return lambda f: f[group].attrs.__setitem__(name, value)


def link(f):
    del f["tiles/00000/g_target"]
    f["tiles/00000/g_target"] = h5py.ExternalLink("/etc/passwd", "/")


@pytest.mark.parametrize(
    "edit",
    [
        change("tiles", None),
        change("tiles/00000/g_target", None),
        change("tiles/00000/g_target", np.full((8, 6), np.nan, np.float32)),
        change("tiles/00000/g_target", np.full((8, 6), -1.0, np.float32)),
        change("tiles/00000/g_target", np.zeros((8, 5), np.float32)),
        change("tiles/00000/pre", np.full(8, 9)),
        change("tiles/00000/pre", np.zeros(8)),
        change("tiles/00000/delay", np.full(8, 1 << 20)),
        change("blocks/00000/neuron", np.full(3, 13)),
        change("blocks/00000/scale_S", np.zeros(3)),
        attribute("blocks/00000", "pre", "nobody"),
        attribute("tiles/00000", "block", 77),
        attribute("tiles/00000", "adc_full_scale_A", np.nan),
        attribute("/", "rows", 9),
        link,
        lambda f: f.create_group("blocks/x"),
        lambda f: f.create_group("tiles/00099"),
    ],
)
def test_damaged_files_are_refused(file, edit):
    with h5py.File(file, "r+") as f:
        edit(f)
    with pytest.raises(FileFormatError):
        read_blocks(file, SHAPE, SIZES)


def test_truncated_and_foreign_files_are_refused(file, tmp_path):
    data = file.read_bytes()
    short = tmp_path / "short.h5"
    short.write_bytes(data[: len(data) // 2])
    foreign = tmp_path / "foreign.h5"
    foreign.write_bytes(b"not HDF5")
    for path in (short, foreign, tmp_path / "absent.h5"):
        with pytest.raises(FileFormatError):
            read_blocks(path, SHAPE, SIZES)
