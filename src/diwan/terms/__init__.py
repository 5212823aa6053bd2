"""The words of the house: plain, frozen values that every other package speaks in."""
