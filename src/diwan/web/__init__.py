"""The shell: pages and an API over one door, the reading room."""
