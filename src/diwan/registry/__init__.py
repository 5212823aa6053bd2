"""The register: the only package that knows a database engine."""
