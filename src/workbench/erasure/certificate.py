"""The certificate: what was erased, by whom and when, what is left and why; signed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from workbench.erasure.journal import Journal
from workbench.erasure.scan import Proof
from workbench.errors import DataError
from workbench.files import write_text
from workbench.signing import Signer, opened

__all__ = ["FOLDER", "verify", "write"]

FOLDER = "certificates"
LARGEST = 10_000_000


def write(
    project: Path,
    signer: Signer,
    journal: Journal,
    *,
    proof: Proof,
    not_erased: Sequence[str],
    facts: Mapping[str, Any],
) -> tuple[Path, dict[str, Any]]:
    """Write the certificate of an erasure; a second one of the same erasure takes the place of the first.

    Returns:
        The file, and what it says.
    """
    record = {
        "what": "client erased" if journal.kind == "client" else "subject erased",
        "client": journal.client,
        "subject": journal.subject,
        "by": journal.by,
        "began": journal.began,
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        "erased": [amount.to_dict() for amount in journal.found],
        **facts,
        "proof": proof.to_dict() | {"clean": not proof.left},
        "not_erased": list(not_erased),
        "workbench": version("smithright-workbench"),
    }
    folder = project / FOLDER
    signer.publish(folder)
    stamp = "".join(mark for mark in journal.began[:19] if mark.isalnum())
    path = folder / f"{stamp}-{journal.client}-{journal.kind}.json"
    write_text(path, json.dumps(signer.sealed(record), indent=2, ensure_ascii=False) + "\n")
    return path, record


def verify(path: Path, key: Path | None = None) -> dict[str, Any]:
    """What a certificate says, if it is as it was signed.

    Args:
        path: the certificate.
        key: the public key; without it, the one beside the certificate.

    Raises:
        DataError: it cannot be read, or its signature does not hold.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise DataError("is too large for a certificate", where=str(path))
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError("is no certificate that can be read", where=str(path)) from error
    if not isinstance(document, dict):
        raise DataError("is no certificate", where=str(path))
    return opened(document, key or path.parent, where=str(path))
