"""Bytes to drafts: STIX 2.1 and 2.0, patterns, MISP events and free text; pure."""
