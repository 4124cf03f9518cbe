"""What every target adapter must keep, and the checks of it."""
