"""The files of an image: reading back what was written, refusing what cannot be."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest

from neurosim.errors import FileFormatError
from neurosim.hardware.spinnaker.image.array_archive import write_arrays
from neurosim.hardware.spinnaker.image.machine_image import (
    MachineImage,
    Vertex,
    VertexKind,
    read_image,
    write_image,
)
from neurosim.hardware.spinnaker.routing.entry import Entry


def image():
    vertices = (
        Vertex(
            label="in(0:3)", population="in", kind=VertexKind.SOURCE, model=None, lo=0, hi=4, x=0, y=0, p=3, key=0,
            mask=0xFFFFFFC0,
        ),
        Vertex(
            label="a(0:9)", population="a", kind=VertexKind.NEURONS, model="IF_CURR_DELTA", lo=0, hi=10, x=1, y=0, p=2,
            key=None, mask=None,
        ),
    )  # fmt: skip
    regions = {(0, 0, 3): {}, (1, 0, 2): {5: np.arange(4, dtype=np.uint32), 6: np.zeros(0, np.uint32)}}
    return MachineImage(
        vertices, regions, {(0, 0): [Entry(0, 0xFFFFFFC0, 1)], (1, 0): [Entry(0, 0xFFFFFFC0, 256)]}
    )


def save(folder, files):
    for name, content in files.items():
        if callable(content):
            content(folder / name)
        else:
            (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


def read_all(folder):
    """Read an image and look at all its words."""
    found = read_image(folder)
    for regions in found.regions.values():
        dict(regions)
    return found


def test_an_image_survives(tmp_path):
    save(tmp_path, write_image(image()))
    back = read_image(tmp_path)
    assert back.vertices == image().vertices
    assert back.tables == image().tables
    for place, regions in image().regions.items():
        assert regions.keys() == back.regions[place].keys()
        for number, words in regions.items():
            np.testing.assert_array_equal(back.regions[place][number], words)


def test_equal_images_are_equal_files_that_numpy_reads(tmp_path):
    for name in ("a", "b"):
        write_image(image())["cores.npz"](tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    with np.load(tmp_path / "a") as file:
        assert file.files == ["r_1_0_2_5", "r_1_0_2_6"]
        np.testing.assert_array_equal(file["r_1_0_2_5"], np.arange(4))


def edited(**change):
    content = json.loads(write_image(image())["vertices.json"])
    content["vertices"][0].update(change)
    return json.dumps(content)


def archive(name, content, **claims):
    """A ZIP file of one member, whose directory may claim something else."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr(name, content)
        for field, value in claims.items():
            setattr(file.filelist[0], field, value)
    return buffer.getvalue()


def header(text):
    """An NPY header that says this, and no data."""
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("vertices.json", "{", "cannot be read"),
        ("vertices.json", "[]", "cannot be read"),
        ("vertices.json", '{"format": 1, "vertices": []}', "unknown format.*1.*2.*Compile the network again"),
        ("vertices.json", '{"format": 2, "vertices": [3]}', "cannot be read"),
        ("vertices.json", edited(lo=5), "described wrongly"),
        ("vertices.json", edited(lo="0"), "described wrongly"),
        ("vertices.json", edited(model="IF_EXTRA"), "described wrongly"),
        ("vertices.json", edited(kind="neurons"), "described wrongly"),
        ("vertices.json", edited(mask=None), "described wrongly"),
        ("vertices.json", edited(kind="other"), "cannot be read"),
        ("vertices.json", edited(extra=1), "cannot be read"),
        ("vertices.json", edited(x=1, p=2), "share a place"),
        ("vertices.json", edited(hi=2**16), "described wrongly"),
        ("vertices.json", edited(model={}), "described wrongly"),
        ("vertices.json", edited(key=[]), "described wrongly"),
        ("vertices.json", edited(kind="delay"), "belongs to no core"),
        ("vertices.json", edited(population="a", lo=10, hi=14), "several kinds"),
        ("cores.npz", b"PK", "cores.npz.*is not a file of regions"),
        ("cores.npz", write_arrays({"r_0_0_3_x": np.zeros(1, np.uint32)}), "something else than regions of words"),
        ("cores.npz", write_arrays({"r_0_0_3_01": np.zeros(1, np.uint32)}), "something else than regions of words"),
        ("cores.npz", write_arrays({"r_0_0_3_1": np.zeros(1)}), "regions of words: .*float64"),
        ("cores.npz", write_arrays({"r_4_0_3_1": np.zeros(1, np.uint32)}), "belongs to no core"),
        ("cores.npz", write_arrays({"r_0_0_3_1": np.array([{}])}), "regions of words: .*object"),
        ("cores.npz", write_arrays({"r_0_0_3_1": np.zeros(2**25 + 1, np.uint32)}), "larger than 134217728 bytes"),
        ("cores.npz", archive("r_0_0_3_1.npy", b"none"), "regions of words"),
        ("cores.npz", archive("r_0_0_3_1.npy", b"none", CRC=1), "regions of words"),
        (
            "cores.npz",
            archive("r_0_0_3_1.npy", header("{'descr': '<u4', 'fortran_order': False, 'shape': (2000000000,)}\n")),
            "2000000000",
        ),
        ("routing.npz", write_arrays({"routing": np.zeros((2, 4), np.int64)}), r"file of routing tables: .*\(2, 4\)"),
        ("routing.npz", write_arrays({"routing": np.full((2, 5), -1)}), "does not fit"),
        ("routing.npz", write_arrays({"routing": np.zeros((1025, 5), np.int64)}), "longer than its router.*1025"),
        ("routing.npz", write_arrays({}), "file of routing tables: .*no item"),
    ],
)  # fmt: skip
def test_foreign_files_are_refused(tmp_path, name, content, message):
    save(tmp_path, {**write_image(image()), name: content})
    with pytest.raises(FileFormatError, match=message):
        read_all(tmp_path)


@pytest.mark.parametrize("name", ["vertices.json", "cores.npz", "routing.npz"])
def test_missing_files_are_refused(tmp_path, name):
    files = write_image(image())
    del files[name]
    save(tmp_path, files)
    with pytest.raises(FileFormatError, match=name):
        read_image(tmp_path)
