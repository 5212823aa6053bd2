"""Drills: what operators are told a node survives, done to a real one.  They take minutes, by their own commands.

`./dev python -m tests.drills.high_availability` loses PostgreSQL leaders under load.  It needs two programs that are
not Diwan's: etcd (Debian: etcd-server) and Patroni (PyPI: `patroni[etcd3,psycopg3]`, in an environment of its own), on
PATH or named with `--etcd` and `--patroni`.  docs/operate/high-availability.md says the whole set-up.
"""
