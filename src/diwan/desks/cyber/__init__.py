"""The cyber desk: STIX 2.1 over TAXII 2.1, and MISP's format, in and out."""
