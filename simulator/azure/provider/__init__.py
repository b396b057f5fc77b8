"""Microsoft.Peering's resource provider: what may be asked for, what it becomes, and who moves it on."""
