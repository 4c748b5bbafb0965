"""Times and ids of a log, whatever type and form they are written in."""
