"""Every example runs, and does what its first line says."""

import runpy
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "examples"
ANSWER = {
    "train_with_delays": lambda accuracy: accuracy > 0.9,  # chance is 0.25
    "hear_chirps_on_loihi": lambda accuracy: accuracy > 0.9,  # chance is 0.5
    "check_against_brian2": lambda same: same,
    "deploy_snntorch": lambda correlation: correlation > 0.98,
    "deploy_spikingjelly": lambda correlation: correlation > 0.98,
    "content_addressable_memory": lambda right: right,
    "long_run": lambda same: same,
    # from the spikes of a float simulation, which part from the machine's: 119 and 120
    "map_to_spinnaker": lambda cells: 0.8 < cells[0] / cells[1] < 1.25 and cells[1] > 50,
    "map_to_loihi": lambda spikes: spikes[0] == spikes[1] and min(spikes[0].values()) > 100,
    "learn": lambda ratio: ratio > 1.3,  # 1 at first
    # Brian2 is given the same noise; NEST draws its own (12 runs of half a second gave 26.6 to 31.6 spikes/s)
    "recurrent_network": lambda rates: (
        rates.get("brian2", rates["neurosim"]) == rates["neurosim"]
        and max(rates.values()) < 1.35 * min(rates.values())
    ),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what the peers use
@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda p: p.stem)
def test_example(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    answer = runpy.run_path(str(path))["main"]()
    assert ANSWER.get(path.stem, lambda _: True)(answer)
