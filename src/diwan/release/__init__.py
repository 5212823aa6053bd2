"""The decision and the markings: who may read what, as pure functions of values; time is passed in."""
