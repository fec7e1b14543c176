import neurosim as ns


def test_it_repeats_what_arrives_at_its_first_receptor_and_ignores_the_second() -> None:
    assert ns.Relay.step(0.0, 5.0) == (False,)
    assert ns.Relay.step(1e-9, 0.0) == (True,)
    assert ns.Relay.step(3.0, -5.0) == (True,)
    assert ns.Relay.step(-1.0, 5.0) == (False,)
