"""The way in: a draft, its originator and its label become an entry, or a refusal that says why."""
