"""The versions of installed packages, by the name that code imports them under."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from importlib.util import find_spec

__all__ = ["version_of"]

_DISTRIBUTIONS = {
    "IPython": ("ipython",),
    "azure": ("azure-core",),
    "bs4": ("beautifulsoup4",),
    "databricks": ("databricks-connect", "databricks-sdk"),
    "dateutil": ("python-dateutil",),
    "google": ("google-cloud-aiplatform",),
    "grpc": ("grpcio",),
    "ibis": ("ibis-framework",),
    "jwt": ("PyJWT",),
    "opentelemetry": ("opentelemetry-api",),
    "pyspark": ("pyspark", "databricks-connect"),
    "sklearn": ("scikit-learn",),
    "yaml": ("PyYAML",),
}
"""Where the two names differ. To ask for all of them takes half a second, so the usual ones stand here."""


@cache
def version_of(package: str) -> str:
    """The version, or "none" for what no installed distribution brings."""
    for name in _DISTRIBUTIONS.get(package, (package,)):
        try:
            return version(name)
        except PackageNotFoundError:
            pass
    # What cannot be imported no distribution brings.
    for distribution in sorted(_all().get(package, ())) if _is_there(package) else ():
        return version(distribution)
    return "none"


def _is_there(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):  # a module that was imported, and says nothing of where it is from
        return True


@cache
def _all() -> dict[str, list[str]]:
    return dict(packages_distributions())
