"""Parameters of the toy stages."""

from pipeline.core.params import Params, unhashed


class OneParams(Params):
    """Parameters of stage `one`; `trouble` is a key of `toy.one.stage.TROUBLES`."""

    text: str = "hello"
    trouble: str = ""
    workers: int = unhashed(1)


class TwoParams(Params):
    """Parameters of stage `two`."""

    times: int = 2
