"""One module per database engine; nothing above the registry knows which one runs."""
