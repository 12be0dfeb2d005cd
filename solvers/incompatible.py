"""The error of parts that do not fit together; any part may raise it."""


class Incompatible(ValueError):  # noqa: N818 - not an error of the parts, only of the combination
    """Parts that are right by themselves and make no sense together.

    A grid leaves such a combination out, and says why.
    """
