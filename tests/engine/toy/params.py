"""Parameters of the toy stages."""

from pipeline.core.params import Params, unhashed


class OneParams(Params):
    """`trouble` names what goes wrong, see `toy.one.stage`."""

    text: str = "hello"
    trouble: str = ""
    workers: int = unhashed(1)


class TwoParams(Params):
    """Nothing but a number of repeats."""

    times: int = 2
