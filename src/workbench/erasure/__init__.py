"""Erasure of a client or of one person, with a proof: what lies where, and that it is gone.

Nothing is edited that cannot be: rows are deleted from tables and databases; pages, artifacts and copies which could
hold a value are erased as wholes. Each step can be done again, so a call that was killed is finished by the next one.
"""

from __future__ import annotations
