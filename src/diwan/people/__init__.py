"""People: accounts, sessions and tokens; each becomes a Reader, and a role opens no gate."""
