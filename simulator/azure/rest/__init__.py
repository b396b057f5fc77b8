"""The Microsoft.Peering resource provider's REST surface, as Azure Resource Manager shows it."""
