"""What the cyber desk asks of other servers: collections polled and pushed over TAXII 2.1, and polled over 2.0."""
