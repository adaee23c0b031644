"""Every public event of the marketplace, one module per owning service. Importing this package registers them all."""

from libs.events.catalog import analytics, campaigns, discovery, messaging, payments

__all__ = ["analytics", "campaigns", "discovery", "messaging", "payments"]
