"""What Microsoft.Peering is about, as plain data: resources, requests, and why a request is refused."""
