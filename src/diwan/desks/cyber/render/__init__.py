"""Released to bytes: bundles, envelopes, MISP events, and lists of indicators for other tools; pure."""
