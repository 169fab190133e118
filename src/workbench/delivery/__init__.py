"""Takes reports to where a client wants them: folders, object stores, mail, chat, webhooks."""

from __future__ import annotations

from workbench.delivery.courier import Courier, courier_for
from workbench.delivery.parcel import Item, Parcel

__all__ = ["Courier", "Item", "Parcel", "courier_for"]
