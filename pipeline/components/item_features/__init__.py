"""ItemFeatures: gives items their features, and adds those without events to the catalogue."""
