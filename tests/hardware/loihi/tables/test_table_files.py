"""The file of tables: what comes back, and what is refused."""

from __future__ import annotations

import contextlib
import copy
import shutil
import time
from dataclasses import replace

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from neurosim.errors import FileFormatError
from neurosim.hardware.loihi.tables.layout import CORE_TABLES, MOST_ROWS_OF_A_FILE
from neurosim.hardware.loihi.tables.table_files import FILE, read_tables, seal, write_tables


def write(tables, folder):
    folder.mkdir(exist_ok=True)
    for name, content in write_tables(tables).items():
        content(folder / name)
    return folder / FILE


@pytest.fixture
def path(tables, tmp_path):
    return write(tables, tmp_path / "build")


def test_tables_come_back(tables, path, same):
    assert same(read_tables(path.parent), tables)


def test_equal_tables_give_equal_bytes(tables, path, tmp_path):
    first = path.read_bytes()
    again = write(copy.deepcopy(tables), tmp_path / "again").read_bytes()
    assert first == again
    other = replace(tables, numerics="nengo-loihi")
    assert write(other, tmp_path / "other").read_bytes() != first


def test_any_hdf5_tool_reads_it(tables, path):
    """The text in front does not disturb, and names are those of NxSDK."""
    with h5py.File(path, "r") as file:
        assert file.attrs["version"] == 1
        core = file["cores/00003"]
        assert sorted(core) == sorted(CORE_TABLES)
        assert core["synapses"]["Wgt"].tolist() == tables.cores[1].synapses["Wgt"].tolist()
        assert core["cxMetaState"].dtype.names == ("phase0", "phase1", "phase2", "phase3")
        phases = np.array(core["cxMetaState"][()].tolist()).reshape(-1)
        assert phases.tolist() == [2] * 10 + [0] * 2


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_noticed(path, tmp_path, at, bit):
    data = bytearray(path.read_bytes())
    data[int(at * len(data))] ^= 1 << bit
    (tmp_path / "flipped").mkdir(exist_ok=True)
    (tmp_path / "flipped" / FILE).write_bytes(data)
    if at * len(data) < 512 and data[:512].split(b"\n")[:3] == path.read_bytes()[:512].split(b"\n")[:3]:
        return  # words for people
    with pytest.raises(FileFormatError):
        read_tables(tmp_path / "flipped")


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(length=st.floats(0, 1, exclude_max=True))
def test_a_truncated_file_is_noticed(path, tmp_path, length):
    data = path.read_bytes()
    (tmp_path / "short").mkdir(exist_ok=True)
    (tmp_path / "short" / FILE).write_bytes(data[: int(length * len(data))])
    with pytest.raises(FileFormatError):
        read_tables(tmp_path / "short")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileFormatError, match="no such file"):
        read_tables(tmp_path)


def test_a_newer_file_is_not_opened(path):
    data = path.read_bytes()
    path.write_bytes(data[:512].replace(b"version 1\n", b"version 2\n") + b"of another kind")
    with pytest.raises(FileFormatError, match=r"newer neurosim.*version 2.*<= 1.*Upgrade"):
        read_tables(path.parent)


@pytest.mark.parametrize(
    "text", [b"", b"x" * 600, b"neurosim loihi tables", b"neurosim loihi tables\nversion \nsha256 \n"]
)
def test_foreign_files(path, text):
    path.write_bytes(text)
    with pytest.raises(FileFormatError, match=r"no file of Loihi tables|names no version"):
        read_tables(path.parent)


def edit(path, change):
    """Change a file as an HDF5 tool would, and renew the text in front."""
    with h5py.File(path, "r+") as file:
        change(file)
    seal(path)


def put(name, field, value):
    def change(file):
        rows = file["cores/00000"][name][()]
        rows[field][0] = value
        file["cores/00000"][name][...] = rows

    return change


def replaced(name, make):
    def change(file):
        group = file["cores/00000"]
        old = group[name]
        del group[name]
        make(group, name, old.dtype)

    return change


def huge(group, name, dtype):
    group.create_dataset(name, shape=(1 << 40,), dtype=dtype, chunks=(1 << 16,), compression="gzip")


def huge_chunk(group, name, dtype):
    group.create_dataset(name, shape=(5,), maxshape=(None,), dtype=dtype, chunks=(1 << 28,))


def repeated(rows):
    """So many equal rows, which shrink to nothing: a file of some KiB that becomes GiB of registers."""

    def make(group, name, dtype):
        group.create_dataset(name, data=np.zeros(rows, dtype), chunks=(rows,), compression="gzip")

    return make


def virtual(group, name, dtype):
    layout = h5py.VirtualLayout(shape=(3,), dtype=dtype)
    layout[:] = h5py.VirtualSource("other.h5", "/x", shape=(3,))
    group.create_virtual_dataset(name, layout)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put("cxProfileCfg", "decayV", 5000), "register decayV holds 5000, not 0 to 4096.*row 0|row 0.*decayV"),
        (put("cxProfileCfg", "decayU", -2), "register decayU holds -2"),
        (put("cxProfileCfg", "refractDelay", 0), "register refractDelay holds 0"),
        (put("vthProfileCfg", "vth", 131072), "register vth holds 131072"),
        (put("cxCfg", "bias", 4096), "register bias holds 4096"),
        (put("cxCfg", "biasExp", 8), "register biasExp holds 8"),
        (put("cxState", "u", 1 << 24), "register u holds"),
        (put("synapseFmt", "wgtExp", 8), "register wgtExp holds 8"),
        (put("synapseFmt", "tagBits", 4), "register tagBits holds 4"),
        (put("synapseFmt", "dlyBits", 8), "register dlyBits holds 8"),
        (put("synapseFmt", "wgtBits", 8), "register wgtBits holds 8"),
        (put("synapseFmt", "idxBits", 8), "register idxBits holds 8"),
        (put("synapseFmt", "fanoutType", 4), "register fanoutType holds 4"),
        (put("synapses", "Wgt", 256), "register Wgt holds 256"),
        (put("synapses", "Dly", 64), "register Dly holds 64"),
        (put("synapses", "synFmtId", 0), "register synFmtId holds 0"),
        (put("synapseMap", "cxBase", -2), "register cxBase holds -2"),
        (put("synapseMap", "popSize", 0), "register popSize holds 0"),
        (put("synapseMap", "atomBits", 8), "register atomBits holds 8"),
        (put("dendriteSharedCfg", "negVmLimit", 32), "register negVmLimit holds 32"),
        (put("cxMetaState", "phase0", 1), "does not fit the compartments"),
        (put("programNumbers", "row", 99), "a program that is not there"),
        (put("programs", "name", b"\xff"), "cannot be read"),
        (lambda f: f["cores/00000/synapseFmt"].__setitem__(1, np.zeros(1, CORE_TABLES["synapseFmt"].dtype)[0]),
         "without weights or sign"),
        (lambda f: f["cores/00000"].pop("synapses"), "missing or a link"),
        (lambda f: f.pop("populations"), "missing or a link"),
        (lambda f: f["inputs/00000"].pop("start"), "missing or a link"),
        (lambda f: f["inputs/00000"].attrs.pop("name"), "is missing"),
        (lambda f: f["inputs/00001"].attrs.create("name", np.bytes_("in")), "there twice"),
        (lambda f: f["inputs/00001"].attrs.create("name", "variable length"), "is no text"),
        (lambda f: f["inputs/00001"].attrs.create("name", np.bytes_(b"\xff")), "cannot be read"),
        (lambda f: f["cores"].move("00000", "first"), "not numbered"),
        (lambda f: f["cores"].create_dataset("00007", data=3), "is not a group"),
        (lambda f: f["cores"].__setitem__("00007", h5py.SoftLink("/cores/00000")), "a link"),
        (lambda f: f["cores"].__setitem__("00007", h5py.ExternalLink("other.h5", "/")), "a link"),
        (replaced("synapses", lambda g, n, t: g.create_group(n)), "is not a table"),
        (replaced("synapses", lambda g, n, t: g.create_dataset(n, data=np.zeros(4))), "another layout"),
        (replaced("synapses", lambda g, n, t: g.create_dataset(n, data=np.zeros((2, 2), t))), "another layout"),
        (replaced("synapses", lambda g, n, t: g.create_dataset(n, dtype=t, data=h5py.Empty(t))), "layout"),
        (replaced("numUpdates", lambda g, n, t: g.create_dataset(n, data=np.zeros(2, t))), "number of rows"),
        (replaced("synapses", virtual), "in another file"),
        (replaced("synapses", huge), "declares more than the file holds"),
        (replaced("synapses", huge_chunk), "declares more than the file holds"),
        (replaced("cxProfileCfg", repeated(65537)), "more rows than pointers can name.*65537.*65536"),
        (replaced("synapseFmt", repeated(257)), "more rows than pointers can name.*257.*256"),
        (replaced("programNumbers", repeated((1 << 19) + 1)), "more rows than pointers can name"),
    ],
)  # fmt: skip
def test_tables_that_no_chip_holds(path, change, message):
    edit(path, change)
    with pytest.raises(FileFormatError, match=message):
        read_tables(path.parent)


def test_limits_of_a_file(tables, path, monkeypatch):
    for name in ("_MAX_GROUPS", "_MAX_CORES", "_MAX_BYTES"):
        with monkeypatch.context() as patch:
            patch.setattr(f"neurosim.hardware.loihi.tables.table_files.{name}", 1)
            with pytest.raises(FileFormatError, match=r"too many groups|too large"):
                read_tables(path.parent)


def test_rows_are_counted_over_the_cores(tables, path, monkeypatch):
    monkeypatch.setitem(MOST_ROWS_OF_A_FILE, "cxCfg", sum(len(core.cx) for core in tables.cores) - 1)
    with pytest.raises(FileFormatError, match="with the other tables cxCfg, more rows than a file may hold"):
        read_tables(path.parent)
    with pytest.raises(FileFormatError, match="more rows than a file may hold"):
        write_tables(tables)


def test_tables_that_shrank_too_well_are_refused(path, monkeypatch):
    """Beyond a size that any build may have, tables and file must be in proportion."""
    monkeypatch.setattr("neurosim.hardware.loihi.tables.table_files._ANY_BYTES", 1)
    edit(path, replaced("synapses", repeated(1 << 22)))
    with pytest.raises(FileFormatError, match="tables are too large"):
        read_tables(path.parent)


def test_a_change_without_a_new_seal_is_refused(path):
    with h5py.File(path, "r+") as file:
        put("cxCfg", "bias", 1)(file)
    with pytest.raises(FileFormatError, match="was changed since it was written"):
        read_tables(path.parent)
    seal(path)
    assert read_tables(path.parent).cores[0].cx["bias"][0] == 1


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_random_values_are_read_or_refused(path, tmp_path, data):
    """Any bytes in any table: `FileFormatError` or tables, nothing else."""
    folder = tmp_path / "random"
    folder.mkdir(exist_ok=True)
    shutil.copy(path, folder / FILE)

    def change(file):
        core = file[f"cores/{data.draw(st.sampled_from(['00000', '00003']))}"]
        item = core[data.draw(st.sampled_from(sorted(core)))]
        rows = item[()]
        raw = rows.view(np.uint8).reshape(-1)
        for _ in range(data.draw(st.integers(1, 4))):
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
        item[...] = rows

    edit(folder / FILE, change)
    with contextlib.suppress(FileFormatError):
        read_tables(folder)


def test_values_out_of_range_are_not_written(tables):
    registers = copy.deepcopy(dict(tables.cores[0].registers))
    registers["vthProfileCfg"][0]["vth"] = 1 << 40
    with pytest.raises(FileFormatError, match=r"core 0/vthProfileCfg, row 0: register vth holds"):
        write_tables(replace(tables, cores=(replace(tables.cores[0], registers=registers),)))
    registers["vthProfileCfg"][0]["vth"] = 0.5
    with pytest.raises(FileFormatError, match="no whole number"):
        write_tables(replace(tables, cores=(replace(tables.cores[0], registers=registers),)))


def test_a_full_chip_takes_seconds(tables, tmp_path, same):
    """16 cores with as many synapses as fit: an eighth of a chip in less than an eighth of eight seconds."""
    rng = np.random.default_rng(0)
    many = np.zeros(113 * 1024, dtype=CORE_TABLES["synapses"].dtype)
    many["CIdx"] = np.tile(np.arange(1024), 113)
    many["Wgt"], many["synFmtId"] = rng.integers(-128, 127, len(many)) * 2, 1
    full = replace(tables, cores=tuple(replace(tables.cores[0], number=i, synapses=many) for i in range(16)))
    before = time.process_time()
    path = write(full, tmp_path / "full")
    read = read_tables(path.parent)
    assert time.process_time() - before < 1.0
    assert path.stat().st_size < 16 * len(many) * 2
    assert same(read, full)
