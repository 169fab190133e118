"""The versions of installed packages, by the name that code imports them under."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version

__all__ = ["version_of"]

_DISTRIBUTIONS = {
    "IPython": "ipython",
    "bs4": "beautifulsoup4",
    "dateutil": "python-dateutil",
    "google": "google-cloud-aiplatform",
    "ibis": "ibis-framework",
    "jwt": "PyJWT",
    "sklearn": "scikit-learn",
    "yaml": "PyYAML",
}
"""Where the two names differ. To ask for all of them takes half a second, so the usual ones stand here."""


@cache
def version_of(package: str) -> str:
    """The version, or "none" for what no installed distribution brings."""
    name = _DISTRIBUTIONS.get(package, package)
    try:
        return version(name)
    except PackageNotFoundError:
        pass
    for distribution in sorted(_all().get(package, ())):
        return version(distribution)
    return "none"


@cache
def _all() -> dict[str, list[str]]:
    return dict(packages_distributions())
