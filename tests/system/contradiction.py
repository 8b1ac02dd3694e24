# SPDX-License-Identifier: ISC
"""What the oracle and its parts raise.  Used by the kill loop's modules."""

PATIENCE = 20.0         # seconds after which something hangs


class Wrong(Exception):
    """The server contradicts what it has acknowledged."""
