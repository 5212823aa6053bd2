"""What the cyber desk knows: STIX objects and their versions, observables, and how an indicator ages."""
