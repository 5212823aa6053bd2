"""Sealing: the canonical header, the keys, the batch signature and the audit tree; pure, so anyone can check again."""
