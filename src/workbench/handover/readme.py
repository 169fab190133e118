"""The page that lies on top of an archive."""

from __future__ import annotations

from workbench.clients import Client

__all__ = ["readme"]

_TEXT = """# {title}

Everything that the client `{id}` needs, without the fleet that it came from.

With Python 3.11 and make:

```bash
make setup                                           # .venv from constraints.txt
source .venv/bin/activate
kedro run --env clients/{id}                         # from the sources to a champion and a report
kedro run --pipeline score --env clients/{id}        # predictions with the champion that is in here
kedro mlflow ui                                      # runs, models, the alias `champion`
```

`conf/clients/{id}/` is the configuration, `src/` the code, `.mlflow/` the runs and models of this client alone, and
`data/{id}/08_reporting/` the last reports. {data}

`manifest.json` holds the sha256 of every file, and is signed; the `.pub` file beside it is the public key, which is
worth something only if you have its fingerprint from the sender by another way. Secrets are never in an archive:
client.yml names those that it needs.
"""


def readme(client: Client, *, with_data: bool) -> str:
    """The text of HANDOVER.md."""
    data = (
        "The data are in `data/`."
        if with_data
        else "The data are not in here; `data_pointers.json` lists path, size and sha256 of each file. Lay them there "
        "before you score."
    )
    return _TEXT.format(id=client.id, title=client.title, data=data)
