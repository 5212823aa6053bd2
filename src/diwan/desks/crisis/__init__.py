"""The crisis desk: alerts in CAP 1.2, their chains, acknowledgements and feeds."""
