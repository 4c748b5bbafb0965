"""Stands in for pyfarmhash, which has no wheels, where no compiler is there to build it.

tensorflow-data-validation imports it for two things that nothing here uses: partitions of features
and the skew of single examples. Who calls them is told instead of getting another number.
"""


def _missing(name):
    def refuse(*_, **__):
        raise NotImplementedError(
            f"farmhash.{name} needs pyfarmhash: pip install pyfarmhash "
            "(a C++ compiler and the headers of Python are needed)."
        )

    return refuse


fingerprint32 = _missing("fingerprint32")
fingerprint64 = _missing("fingerprint64")
hash32 = _missing("hash32")
hash64 = _missing("hash64")
